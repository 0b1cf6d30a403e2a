"""Variances under a precision matrix: exact for few items, local or sampled for many.

* dense: the inverse itself.
* local: Bethe's approximation. With V and the weight t of the pair (i, j) taken as given, the
  pair's covariance is C = t(V_i V_j − C²), exactly so on a tree; and (H Σ)_ii = 1 gives
  V_i = (1 + Σ_j t_ij C_ij)/H_ii. A few sweeps, O(rows) each. Variances are those about the
  graph's mean: the common level, which no comparison sees, is left out.
* sampled: perturb and solve, x = P⁻¹(Bᵀ W^½ ξ + ridge^½ ξ'), with the Rao–Blackwell form
  V_i = 1/P_ii + Var(Σ_{j≠i} P_ij x_j / P_ii).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import pinvh
from scipy.linalg.lapack import dpotrf, dpotri

from harness.stats.thurstone.comparisons import FloatArray, IntArray, sums
from harness.stats.thurstone.precision import Design, Precision

__all__ = [
    "LocalVariance",
    "Moments",
    "block_of_draws",
    "dense_covariance",
    "draws",
    "effect_variances",
    "inverse",
    "moments_dense",
    "rao_blackwell",
]


NOISE = 10_000_000
"""Numbers drawn at a time, 80 MB: all draws of a million comparisons at once would take 2 GB."""


@dataclass(frozen=True, eq=False)
class Moments:
    """What rows need of the covariance of θ: Var(μ_first − μ_second), (m,), its covariance with
    the position effects, (m, G), and theirs, (G, G)."""

    apart: FloatArray
    cross: FloatArray
    effects: FloatArray

    def along(self, apart: FloatArray, effects: FloatArray) -> FloatArray:
        """(m,) variance of apart·(μ_first − μ_second) + effects·β, coefficients (m,), (m, G)."""
        total = apart**2 * self.apart
        if self.effects.size:
            total = total + 2 * apart * np.einsum("ij,ij->i", effects, self.cross)
            total += np.einsum("ij,ij->i", effects @ self.effects, effects)
        return np.maximum(np.asarray(total), 0.0)

    def rows(self, design: Design) -> FloatArray:
        """(m,) variance of the rows' own predictors."""
        total = self.apart.copy()
        if design.groups:
            g = design.group
            total += 2 * self.cross[np.arange(len(g)), g] + np.diagonal(self.effects)[g]
        return np.maximum(np.asarray(total * design.scale**2), 1e-12)

    def plus(self, design: Design, low: FloatArray) -> "Moments":
        """Those with low·lowᵀ, (n + G, K), added to the covariance."""
        effects = low[design.n :]
        apart, cross = self.apart.copy(), self.cross.copy()
        for column in low.T:
            gap = column[design.first] - column[design.second]
            apart += gap**2
            if len(effects):
                cross += np.outer(gap, column[design.n :])
        return Moments(apart, cross, self.effects + effects @ effects.T)

    def pick(self, rows: IntArray) -> "Moments":
        """Those of some rows."""
        return Moments(self.apart[rows], self.cross[rows], self.effects)


def inverse(matrix: FloatArray) -> FloatArray:
    """Inverse of a dense positive definite matrix."""
    full = matrix.copy()
    try:
        _invert(full)
    except np.linalg.LinAlgError:
        return np.asarray(pinvh(matrix))
    return full


def dense_covariance(precision: Precision) -> FloatArray:
    """(n + G, n + G), in the memory of the matrix itself."""
    full = precision.dense()
    try:
        _invert(full)
    except np.linalg.LinAlgError:
        return np.asarray(pinvh(precision.dense()))
    return full


BLOCK = 96
"""Rows up to which a matrix is inverted by its Cholesky factor."""


def _invert(matrix: FloatArray) -> None:
    """In place, by halves, so that nearly all of the work is products of matrices, which a
    processor does at several times the speed of LAPACK's own inverse: with blocks A, B, C the last
    block of the inverse is (C − BᵀA⁻¹B)⁻¹, and so on (Schur 1917). LinAlgError where a block is
    not positive definite."""
    n = len(matrix)
    if n <= BLOCK:
        _invert_small(matrix)
        return
    half = n // 2
    top, side, low = matrix[:half, :half], matrix[:half, half:], matrix[half:, half:]
    _invert(top)
    across = top @ side
    low -= side.T @ across
    _invert(low)
    np.matmul(across, low, out=side)
    top += side @ across.T
    np.negative(side, out=side)
    matrix[half:, :half] = side.T


def _invert_small(matrix: FloatArray) -> None:
    # Its transpose is itself in the order that LAPACK wants, which saves a copy.
    factor, failed = dpotrf(matrix.T, lower=1)
    if failed:
        raise np.linalg.LinAlgError
    # The factor came with zeros above its diagonal, and these stay.
    half, _ = dpotri(factor, lower=1, overwrite_c=1)
    np.add(half, half.T, out=matrix)
    matrix[np.diag_indices_from(matrix)] *= 0.5


def effect_variances(precision: Precision) -> FloatArray:
    """(G,) variances of the position effects, the utilities' own coupling left out."""
    n = len(precision.degree)
    diagonal = precision.diagonal
    seen = ((precision.border**2) / diagonal[:n, None]).sum(axis=0)
    return np.asarray(1 / np.maximum(diagonal[n:] - seen, 0.1 * diagonal[n:]))


def moments_dense(design: Design, covariance: FloatArray) -> Moments:
    """What rows need of a dense covariance."""
    f, s, n = design.first, design.second, design.n
    variance = np.diagonal(covariance)
    effects = covariance[:, n : n + design.groups]
    return Moments(
        variance[f] + variance[s] - 2 * covariance[f, s],
        effects[f] - effects[s],
        effects[n:][: design.groups],
    )


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
        pair = low * design.n + high
        if (np.diff(np.sort(pair)) > 0).all():
            self._low, self._high = low, high
        else:
            keys, self._edge = np.unique(pair, return_inverse=True)
            self._low, self._high = keys // design.n, keys % design.n

    def update(
        self, precision: Precision, weights: FloatArray, sweeps: int | None = None
    ) -> FloatArray:
        """(n,) variances under `precision`, built from `weights` (m,): by default four sweeps from
        nothing, two from the last V, which is near."""
        sweeps = sweeps or (4 if self._v is None else 2)
        t = weights if self._edge is None else sums(self._edge, weights, len(self._low))
        t = t * self.design.scale**2
        h = precision.degree + precision.ridge[: self.design.n]
        v: FloatArray = 1 / h if self._v is None else self._v
        for _ in range(sweeps):
            along = t * self._covariance(t, v)
            v = (1 + self._at_items(along)) / h
        self._v, self._t = v, t
        return v

    def rows(self, effects: FloatArray) -> FloatArray:
        """(m,) Var(η) at the last update; `effects` (G,) are the position effects' variances."""
        total = self._apart()
        if len(effects):
            total = total + effects[self.design.group]
        return np.asarray(np.maximum(total * self.design.scale**2, 1e-12))

    def moments(self, effects: FloatArray) -> Moments:
        """What rows need, the utilities' coupling with the position effects left out."""
        apart = self._apart()
        return Moments(apart, np.zeros((len(apart), len(effects))), np.diag(effects))

    def _at_items(self, along: FloatArray) -> FloatArray:
        """(n,) sums over each item's edges."""
        if self._edge is None:
            as_first, as_second = self.design.ends(along)
            return as_first + as_second
        n = self.design.n
        return sums(self._low, along, n) + sums(self._high, along, n)

    def _apart(self) -> FloatArray:
        assert self._v is not None
        v, low, high = self._v, self._low, self._high
        pair = v[low] + v[high] - 2 * self._covariance(self._t, v)
        return pair if self._edge is None else pair[self._edge]

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
    """(n + G, count) draws from N(0, precision⁻¹), by perturb and solve, as many at a time as
    `NOISE` allows."""
    width = max(1, min(count, NOISE // max(len(weights), 1)))
    sizes = [min(width, count - done) for done in range(0, count, width)]
    blocks = [block_of_draws(design, precision, weights, rng, size, tolerance) for size in sizes]
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)


def block_of_draws(
    design: Design,
    precision: Precision,
    weights: FloatArray,
    rng: np.random.Generator,
    count: int,
    tolerance: float,
) -> FloatArray:
    """(n + G, count) such draws, all at once."""
    noise = rng.standard_normal((len(weights), count))
    noise *= np.sqrt(weights)[:, None]
    right, n = design.transpose(noise), design.n
    prior = rng.standard_normal(right.shape) * np.sqrt(precision.ridge)[:, None]
    if precision.parts is not None:
        prior[:n] = precision.parts.sample(precision.ridge[:n], rng, count)
    right += prior
    right[n:] += _beyond_rows(design, precision, weights) @ rng.standard_normal(
        (design.groups, count)
    )
    return precision.solve(right, tolerance=tolerance)


def _beyond_rows(design: Design, precision: Precision, weights: FloatArray) -> FloatArray:
    """(G, G) root of what the position effects' precision has beyond its rows (see
    `pair_effects`); zero where a pair has one answer."""
    own = sums(design.group, weights * design.scale**2, design.groups)
    values, vectors = np.linalg.eigh(precision.corner - np.diag(own))
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))


def rao_blackwell(precision: Precision, x: FloatArray) -> FloatArray:
    """(n + G,) variances from draws x (n + G, k) with known mean 0."""
    diagonal = precision.diagonal
    others = precision.dot(x) / diagonal[:, None] - x
    return np.asarray(1 / diagonal + (others**2).mean(axis=1))
