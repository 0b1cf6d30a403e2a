"""A prior mean for each part of the items: μ_i = u_i + Σ_k Z_ik γ_k.

u_i ~ N(0, τ²) and γ_k ~ N(0, v_b), with a variance for each block b of columns: one block holds an
indicator for each named group (say, origins), the other the slow modes of a comparison graph whose
parts few comparisons tie together (`graph.slow_modes`). With one normal for all, such parts are
drawn to each other by the prior, and surely so: their items are many, and no comparison objects.

γ is integrated out: with D the items' own prior precision and S = ZᵀDZ + V⁻¹, the prior precision
of μ is D − DZ S⁻¹ ZᵀD, a diagonal less a matrix of as many ranks as there are columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.stats.thurstone.comparisons import Comparisons, FloatArray, IntArray
from harness.stats.thurstone.graph import slow_modes

__all__ = ["MOST", "PartMeans", "Parts", "PriorGroups", "parts_of"]

PriorGroups = Literal["auto", "origin", "graph", "none"]
"""Which blocks: named groups and the graph's slow modes (`auto`), one of them, or neither."""
MOST = 100
"""Named groups up to which each has a mean of its own; a column costs as much as a fit's step."""


@dataclass(frozen=True, eq=False)
class Parts:
    """`columns` Z (n, K), the `block` (K,) of each, and the blocks' `names` and `variances` (B,).

    As a part of a precision matrix the items' own D is its ridge.
    """

    columns: FloatArray
    block: IntArray
    names: tuple[str, ...]
    variances: FloatArray

    def with_variances(self, variances: FloatArray) -> "Parts":
        """The same columns under another prior."""
        return replace(self, variances=variances)

    def inner(self, own: FloatArray) -> FloatArray:
        """S (K, K), the precision of γ given μ, at the items' own precision D (n,)."""
        return np.asarray(
            self.columns.T @ (own[:, None] * self.columns) + np.diag(1 / self.variances[self.block])
        )

    def factor(self, own: FloatArray) -> FloatArray:
        """F (n, K) of the prior precision D − F Fᵀ."""
        root = np.linalg.cholesky(self.inner(own))
        return np.asarray(np.linalg.solve(root, (own[:, None] * self.columns).T).T)

    def sample(self, own: FloatArray, rng: np.random.Generator, count: int) -> FloatArray:
        """(n, count) draws with covariance D − F Fᵀ: the prior's part of a perturbed right side."""
        size = len(self.block), count
        x = self.columns @ (
            np.sqrt(self.variances[self.block])[:, None] * rng.standard_normal(size)
        )
        x += rng.standard_normal((len(own), count)) / np.sqrt(own)[:, None]
        factor = self.factor(own)
        return np.asarray(own[:, None] * x - factor @ (factor.T @ x))


@dataclass(frozen=True, eq=False)
class PartMeans:
    """Posterior of γ: `mean` (K,), its covariance with θ, `cross` (n + G, K), and its own (K, K).

    `low` (n + G, K), where variances are local, is the root of what γ adds to the covariance of θ.
    """

    parts: Parts
    mean: FloatArray
    cross: FloatArray
    variance: FloatArray
    low: FloatArray | None = None

    def own(self, mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and variance (n,) of the items' own u, from those of μ."""
        z = self.parts.columns
        spread = np.einsum("ij,ij->i", z @ self.variance, z)
        shared = np.einsum("ij,ij->i", self.cross[: len(z)], z)
        return mean - z @ self.mean, np.maximum(variance - 2 * shared + spread, 1e-12)


def parts_of(data: Comparisons, which: PriorGroups) -> Parts | None:
    """The blocks of a data set, their variances at 1; None where there are none."""
    blocks: list[tuple[str, FloatArray]] = []
    if which in ("auto", "origin") and data.parts:
        named = _indicators(data.parts)
        if named is not None:
            blocks.append(("origin", named))
    if which in ("auto", "graph"):
        modes = slow_modes(data)
        if modes is not None:
            blocks.append(("graph", modes))
    if not blocks:
        return None
    columns = np.concatenate([block for _, block in blocks], axis=1)
    at = np.repeat(np.arange(len(blocks)), [block.shape[1] for _, block in blocks])
    return Parts(columns, at, tuple(name for name, _ in blocks), np.ones(len(blocks)))


def _indicators(parts: Sequence[str]) -> FloatArray | None:
    """(n, K) or None where there is one group, or hardly an item a group, or too many."""
    names, at = np.unique(np.asarray(parts), return_inverse=True)
    if not 2 <= len(names) <= min(MOST, len(parts) // 2):
        return None
    return np.asarray(np.eye(len(names))[at])
