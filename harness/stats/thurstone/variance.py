"""Variances under a precision matrix: exact for few items, local or sampled for many.

* dense: the inverse itself.
* local: Bethe's approximation. With V and the weight t of the pair (i, j) taken as given, the
  pair's covariance is C = t(V_i V_j − C²), exactly so on a tree; and (H Σ)_ii = 1 gives
  V_i = (1 + Σ_j t_ij C_ij)/H_ii. A few sweeps, O(rows) each. Variances are those about the
  graph's mean: the common level, which no comparison sees, is left out.
* sampled: perturb and solve, x = P⁻¹(Bᵀ W^½ ξ + ridge^½ ξ'), with the Rao–Blackwell form
  V_i = 1/P_ii + Var(Σ_{j≠i} P_ij x_j / P_ii).
"""

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from harness.stats.thurstone.comparisons import FloatArray, IntArray, sums
from harness.stats.thurstone.precision import Design, Precision

__all__ = [
    "LocalVariance",
    "draws",
    "effect_variances",
    "inverse",
    "rao_blackwell",
    "row_variance_dense",
]


def inverse(matrix: FloatArray) -> FloatArray:
    """Inverse of a dense positive definite matrix, by its Cholesky factor."""
    factor, failed = dpotrf(matrix, lower=1, overwrite_a=1)
    if failed:
        return np.asarray(np.linalg.pinv(matrix, hermitian=True))
    # The factor came with zeros above its diagonal, and these stay.
    half, _ = dpotri(factor, lower=1, overwrite_c=1)
    full = half + half.T
    full[np.diag_indices_from(full)] *= 0.5
    return np.asarray(full)


def effect_variances(precision: Precision) -> FloatArray:
    """(G,) variances of the position effects, the utilities' own coupling left out."""
    n = len(precision.degree)
    diagonal = precision.diagonal
    seen = ((precision.border**2) / diagonal[:n, None]).sum(axis=0)
    return np.asarray(1 / np.maximum(diagonal[n:] - seen, 0.1 * diagonal[n:]))


def row_variance_dense(design: Design, covariance: FloatArray) -> FloatArray:
    """(m,) Var(η) of each row under a dense covariance (n + G, n + G)."""
    f, s, n = design.first, design.second, design.n
    variance = np.diagonal(covariance)
    total = variance[f] + variance[s] - 2 * covariance[f, s]
    if design.groups:
        g = n + design.group
        total += variance[g] + 2 * (covariance[f, g] - covariance[s, g])
    return np.maximum(np.asarray(total * design.scale**2), 1e-12)


class LocalVariance:
    """Bethe's approximation for one design; keeps V between calls as the next start.

    `merge` joins the rows of one pair to one edge of their summed weight, which costs a sort;
    without it a pair asked in both orders counts as two edges.
    """

    def __init__(self, design: Design, *, merge: bool = True) -> None:
        self.design = design
        self._v: FloatArray | None = None
        self._edge: IntArray | None = None
        if not merge:
            self._low, self._high = design.first, design.second
            return
        low = np.minimum(design.first, design.second)
        high = np.maximum(design.first, design.second)
        keys, edge = np.unique(low * design.n + high, return_inverse=True)
        if len(keys) == len(low):
            self._low, self._high = low, high
        else:
            self._low, self._high, self._edge = keys // design.n, keys % design.n, edge

    def update(self, precision: Precision, weights: FloatArray, sweeps: int = 4) -> FloatArray:
        """(n,) variances under `precision`, built from `weights` (m,)."""
        t = weights if self._edge is None else sums(self._edge, weights, len(self._low))
        t = t * self.design.scale**2
        h = precision.degree + precision.ridge[: self.design.n]
        v: FloatArray = 1 / h if self._v is None else self._v
        for _ in range(sweeps):
            along = t * self._covariance(t, v)
            gained = sums(self._low, along, len(h)) + sums(self._high, along, len(h))
            v = (1 + gained) / h
        self._v, self._t = v, t
        return v

    def rows(self, effects: FloatArray) -> FloatArray:
        """(m,) Var(η) at the last update; `effects` (G,) are the position effects' variances."""
        assert self._v is not None
        v, low, high = self._v, self._low, self._high
        pair = v[low] + v[high] - 2 * self._covariance(self._t, v)
        total = pair if self._edge is None else pair[self._edge]
        if len(effects):
            total = total + effects[self.design.group]
        return np.asarray(np.maximum(total * self.design.scale**2, 1e-12))

    def _covariance(self, t: FloatArray, v: FloatArray) -> FloatArray:
        product = v[self._low] * v[self._high]
        # The root of C = t(V_i V_j − C²) in a form that does not cancel for small t.
        return np.asarray(2 * t * product / (1 + np.sqrt(1 + 4 * t**2 * product)))


def draws(
    design: Design,
    precision: Precision,
    weights: FloatArray,
    rng: np.random.Generator,
    count: int,
    tolerance: float = 1e-3,
) -> FloatArray:
    """(n + G, count) draws from N(0, precision⁻¹), by perturb and solve."""
    noise = rng.standard_normal((len(weights), count)) * np.sqrt(weights)[:, None]
    right = design.transpose(noise)
    right += rng.standard_normal(right.shape) * np.sqrt(precision.ridge)[:, None]
    return precision.solve(right, tolerance=tolerance)


def rao_blackwell(precision: Precision, x: FloatArray) -> FloatArray:
    """(n + G,) variances from draws x (n + G, k) with known mean 0."""
    diagonal = precision.diagonal
    others = precision.dot(x) / diagonal[:, None] - x
    return np.asarray(1 / diagonal + (others**2).mean(axis=1))
