"""What the answers to one pair share under every wording and order: e_pair ~ N(0, ω²).

e stands in η with a sign for the order and is Gaussian given the sites, so it is integrated out:
with b = Σ ± w·(row of A) and κ = 1/ω² + Σ w over the pair's rows, P loses b bᵀ/κ, and a row's η
becomes (row of A ∓ b/κ)·θ + ± r/κ with variance 1/κ on top. All of it hangs on A C Aᵀ between
rows of one pair alone, which are few.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from harness.stats.facets.layout import Layout
from harness.stats.thurstone.comparisons import Comparisons, FloatArray, IntArray, sums

__all__ = ["Paired", "SharedByPair", "WithoutPairs"]


@dataclass(frozen=True, eq=False)
class Paired:
    """At given sites and posterior, a pair each: `effect` the posterior mean of e, `variance` its
    variance; `prior` is ω² on the scale of η."""

    effect: FloatArray
    variance: FloatArray
    prior: float

    def gradient(self) -> float:
        """The evidence's derivative in log ω²."""
        return 0.5 * float(((self.effect**2 + self.variance) / self.prior - 1).sum())

    def bend(self) -> float:
        """Minus its second derivative, sites held and pairs taken one by one."""
        effect, spread = self.effect, self.variance
        full = float((effect**2 + spread).sum()) / self.prior
        grown = float((2 * effect**2 * spread + spread**2).sum()) / self.prior**2
        return max(0.5 * (full - grown), 0.005 * len(effect))


class SharedByPair:
    """The pairs of one data set. `left` and `right` (q,) are all (row, row) of one pair, by row."""

    def __init__(self, data: Comparisons, layout: Layout) -> None:
        keys, self.pair = data.pair_index()
        self.count = len(keys)
        self.layout = layout
        self.sign = np.where(data.first < data.second, 1.0, -1.0)
        m = len(self.pair)
        member = sparse.csr_array((np.ones(m), (np.arange(m), self.pair)), shape=(m, self.count))
        together = sparse.csr_array(member @ member.T)
        together.sort_indices()
        self.starts = together.indptr
        self.left: IntArray = np.repeat(np.arange(m), np.diff(together.indptr))
        self.right: IntArray = together.indices.astype(np.int64)
        self.same = np.flatnonzero(self.left == self.right)

    @staticmethod
    def seen(data: Comparisons) -> bool:
        """Whether enough pairs were asked more than once for ω² to show."""
        _, pair = data.pair_index()
        answers = sums(pair, data.wins + data.losses, int(pair.max(initial=-1)) + 1)
        # A variance from fewer than twenty pairs is known to no better than a third of itself.
        return bool((answers > 1).sum() >= 20)

    def eliminate(self, weights: FloatArray, shifts: FloatArray, variance: float) -> "WithoutPairs":
        """Integrate e out of rows with site precision `weights` and `shifts`, (m,); `variance` is
        ω² on the scale of η."""
        kappa = 1 / variance + sums(self.pair, weights, self.count)
        return WithoutPairs(self, weights, shifts, kappa, variance)


@dataclass(frozen=True, eq=False)
class WithoutPairs:
    """Rows without e at given sites; `kappa` (pairs,)."""

    shared: SharedByPair
    weights: FloatArray
    shifts: FloatArray
    kappa: FloatArray
    prior: float

    @property
    def left(self) -> FloatArray:
        """(m,) the rows' shifts that are left."""
        pair = self.shared.pair
        return np.asarray(
            self.shifts - self.shared.sign * self.weights * (self._residual / self.kappa)[pair]
        )

    @property
    def between(self) -> sparse.csr_array:
        """(m, m) the rows' precision, diag(w) less what the pairs take."""
        shared, m = self.shared, len(self.weights)
        signed = shared.sign * self.weights
        data = -signed[shared.left] * signed[shared.right] / self.kappa[shared.pair[shared.left]]
        data[shared.same] += self.weights
        return sparse.csr_array((data, shared.right, shared.starts), shape=(m, m))

    def rows(
        self, mean: FloatArray, covariance: FloatArray
    ) -> tuple[FloatArray, FloatArray, Paired]:
        """Mean and variance of η (m,), and e, from θ's `mean` (size,) and `covariance`."""
        shared, pair, count = self.shared, self.shared.pair, self.shared.count
        signed = shared.sign * self.weights
        eta = np.asarray(shared.layout.matrix @ mean)
        known = shared.layout.between(shared.left, shared.right, covariance)
        # a C b of each row, and b C b of each pair.
        by_row = sums(shared.left, known * signed[shared.right], len(pair))
        pulled = sums(pair, signed * by_row, count)
        effect = (self._residual - sums(pair, signed * eta, count)) / self.kappa
        variance = pulled / self.kappa**2 + 1 / self.kappa
        kappa = self.kappa[pair]
        spread = known[shared.same] - 2 * shared.sign * by_row / kappa + variance[pair]
        return eta + shared.sign * effect[pair], spread, Paired(effect, variance, self.prior)

    @property
    def _residual(self) -> FloatArray:
        return sums(self.shared.pair, self.shared.sign * self.shifts, self.shared.count)
