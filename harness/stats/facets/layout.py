"""Where the parameters of the joint model stand, and its design matrix.

    η = (x_first·a − x_second·a + x_position·a)/√2,   a = (1, 0 … 1 … 0 | 0 … 1 … 0 | …)

Every item has a block x_i = (μ_i, δ_i1 … δ_iL of the first facet, those of the second, …) of k
slots, the position effect has one more block of the same form, and a row's a picks the item's own
slot and that of its level in each facet. So θ has (n + 1)·k entries.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from harness.stats.facets.answers import FacetAnswers
from harness.stats.thurstone.comparisons import FloatArray, IntArray

__all__ = ["EFFECT_SD", "LEVEL_EFFECT_SD", "Layout"]

EFFECT_SD = 5.0
"""Prior sd of the position effect that all levels share, as in the fit of one wording."""
LEVEL_EFFECT_SD = 1.0
"""Prior sd of what a level adds to it: few levels say too little to estimate it from them."""


@dataclass(frozen=True, eq=False)
class Layout:
    """`slots` (m, 1 + F) are the slots of each row's a, `ends` (m, 3) the blocks it stands in
    (first, second, position), `component` (k,) the variance of each slot: 0 the items' own, then
    one a facet. `matrix` (m, (n + 1)·k) gives η."""

    n: int
    k: int
    slots: IntArray
    ends: IntArray
    component: IntArray
    matrix: sparse.csr_array

    @property
    def components(self) -> int:
        """Variances of items' slots: 1 + F."""
        return int(self.component[-1]) + 1

    @property
    def size(self) -> int:
        """Entries of θ."""
        return (self.n + 1) * self.k

    @staticmethod
    def of(answers: FacetAnswers) -> "Layout":
        """The layout of one data set."""
        data, level = answers.data, answers.level
        sizes = [1, *(len(names) for names in answers.levels)]
        starts = np.cumsum([0, *sizes])
        k, m, n = int(starts[-1]), len(data.first), data.n
        slots = np.zeros((m, len(sizes)), np.int64)
        slots[:, 1:] = level + starts[1:-1]
        ends = np.stack([data.first, data.second, np.full(m, n)], axis=1)
        columns = (ends[:, :, None] * k + slots[:, None, :]).reshape(m, -1)
        values = np.repeat([1.0, -1.0, 1.0], len(sizes)) / np.sqrt(2)
        matrix = sparse.csr_array(
            (np.tile(values, m), columns.ravel(), np.arange(m + 1) * columns.shape[1]),
            shape=(m, (n + 1) * k),
        )
        return Layout(n, k, slots, ends, np.repeat(np.arange(len(sizes)), sizes), matrix)

    def prior(self, variances: FloatArray) -> FloatArray:
        """(n + 1, k) prior precision of every slot under `variances` (1 + F,)."""
        prior = np.empty((self.n + 1, self.k))
        prior[: self.n] = 1 / variances[self.component]
        prior[self.n] = LEVEL_EFFECT_SD**-2
        prior[self.n, 0] = EFFECT_SD**-2
        return prior

    def blocks(self, weights: FloatArray) -> FloatArray:
        """(n + 1, k, k) Σ w·a aᵀ over the rows and ends of each block; `weights` (m, 3)."""
        k, width = self.k, self.slots.shape[1]
        total = np.zeros((self.n + 1) * k * k)
        base = self.ends * (k * k)
        for s in range(width):
            for r in range(width):
                at = base + (self.slots[:, s] * k + self.slots[:, r])[:, None]
                total += np.bincount(at.ravel(), weights.ravel(), len(total))
        return total.reshape(self.n + 1, k, k)

    def along(self, covariance: FloatArray) -> FloatArray:
        """(m, 3) aᵀ V a of each row at each of its ends; `covariance` (n + 1, k, k)."""
        width = self.slots.shape[1]
        total = np.zeros(self.ends.shape)
        for s in range(width):
            for r in range(width):
                total += covariance[self.ends, self.slots[:, s, None], self.slots[:, r, None]]
        return total

    def between(self, left: IntArray, right: IntArray, covariance: FloatArray) -> FloatArray:
        """(q,) a C aᵀ of rows `left` with rows `right`; `covariance` (size, size)."""
        width = self.matrix.indptr[1]
        columns = self.matrix.indices.reshape(-1, width)
        values = self.matrix.data.reshape(-1, width)
        flat, total = covariance.ravel(), np.zeros(len(left))
        for s in range(width):
            row, scale = columns[left, s].astype(np.int64) * self.size, values[left, s]
            for r in range(width):
                total += scale * values[right, r] * flat.take(row + columns[right, r])
        return total
