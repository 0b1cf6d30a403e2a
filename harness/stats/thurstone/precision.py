"""The symmetric matrix that every fit solves with: Bᵀ W B + a ridge, sparse, never formed.

B has a row scale·(e_first − e_second + e_group) for each ordered pair; the parameters are the n
utilities followed by the G position effects. The item part is a graph's Laplacian kept as one
sparse matrix U with U[first, second] = w, used as U + Uᵀ; parts of the items with a prior mean of
their own (`parts`) take a matrix of low rank from the ridge.
"""

from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csc_array, csr_array

from harness.stats.thurstone.comparisons import Comparisons, FloatArray, sums
from harness.stats.thurstone.parts import Parts

__all__ = ["Design", "Precision"]

MANY_ROWS = 50_000
"""Rows from which a product with a sparse matrix, four times as fast as counting, is worth its
checks."""


class Design:
    """The rows' geometry, shared by all matrices of one fit.

    `position` False leaves the position effects out (G = 0).
    """

    def __init__(self, data: Comparisons, *, position: bool, scale: float) -> None:
        self.n = data.n
        self.groups = len(data.groups) if position else 0
        self.first, self.second, self.group = data.first, data.second, data.group
        self.scale = scale
        starts = np.searchsorted(self.first, np.arange(self.n + 1)).astype(np.int32)
        shape, none = (self.n, self.n), np.zeros(len(self.first))
        self._upper = csr_array((none, self.second.astype(np.int32), starts), shape=shape)
        self._lower = self._upper.T

    @property
    def size(self) -> int:
        """Number of parameters, n + G."""
        return self.n + self.groups

    def linear(self, theta: FloatArray) -> FloatArray:
        """(m,) predictors B θ."""
        eta: FloatArray = theta[self.first] - theta[self.second]
        if self.groups == 1:
            eta += theta[self.n]
        elif self.groups:
            eta += theta[self.n + self.group]
        eta *= self.scale
        return eta

    def transpose(self, rows: FloatArray) -> FloatArray:
        """(size,) Bᵀ of a value a row, or (size, k) of (m, k)."""
        if rows.ndim == 2:
            return np.asarray(self._incidence.T @ rows)
        as_first, as_second = self.ends(rows)
        items = as_first - as_second
        if not self.groups:
            return self.scale * items
        one = self.groups == 1
        effects = rows.sum(keepdims=True) if one else sums(self.group, rows, self.groups)
        return self.scale * np.concatenate([items, effects])

    def ends(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,) the sums of a value a row, (m,), over the rows where an item is first, and where it
        is second."""
        n = self.n
        if len(rows) < MANY_ROWS:
            return sums(self.first, rows, n), sums(self.second, rows, n)
        upper, lower, one = copy(self._upper), copy(self._lower), np.ones(n)
        upper.data = lower.data = rows
        return np.asarray(upper @ one), np.asarray(lower @ one)

    @property
    def _incidence(self) -> csr_array:
        """(m, size) B itself, for many columns at once."""
        m, groups = len(self.first), bool(self.groups)
        ends = [self.first, self.second] + ([self.n + self.group] if groups else [])
        values = np.tile(self.scale * np.array([1.0, -1.0, 1.0][: len(ends)]), m)
        columns = np.stack(ends, axis=1).ravel()
        starts = np.arange(0, len(columns) + 1, len(ends))
        return csr_array((values, columns, starts), shape=(m, self.size))

    def rescaled(self, scale: float) -> "Design":
        """The same rows with another scale."""
        other = copy(self)
        other.scale = scale
        return other

    def precision(
        self, weights: FloatArray, ridge: FloatArray, parts: Parts | None = None
    ) -> "Precision":
        """Bᵀ diag(weights) B + diag(ridge), less what `parts` take; weights (m,), ridge (size,)."""
        n, groups = self.n, self.groups
        w = weights * self.scale**2
        # The pattern was checked once: with every matrix that takes longer than to multiply by it.
        upper, lower = copy(self._upper), copy(self._lower)
        upper.data = lower.data = w
        as_first, as_second = self.ends(w)
        degree = as_first + as_second
        if groups == 1:
            border = (as_first - as_second)[:, None]
            corner: FloatArray = np.array([[w.sum()]], float)
        elif groups:
            flat = sums(self.first * groups + self.group, w, n * groups)
            flat -= sums(self.second * groups + self.group, w, n * groups)
            border, corner = flat.reshape(n, groups), np.diag(sums(self.group, w, groups))
        else:
            border, corner = np.zeros((n, 0)), np.zeros((0, 0))
        return Precision(upper, lower, degree, border, corner, ridge, parts)


@dataclass(frozen=True, eq=False)
class Precision:
    """One such matrix. `upper` is U, `lower` its transpose; `degree` (n,), `border` (n, G),
    `corner` (G, G), `ridge` (n + G,); `parts` with means of their own take F Fᵀ from the items'
    ridge."""

    upper: csr_array
    lower: csc_array
    degree: FloatArray
    border: FloatArray
    corner: FloatArray
    ridge: FloatArray
    parts: Parts | None = None

    @cached_property
    def factor(self) -> FloatArray:
        """(n, K) F of `parts`; no columns without."""
        n = len(self.degree)
        return np.zeros((n, 0)) if self.parts is None else self.parts.factor(self.ridge[:n])

    @cached_property
    def _beside(self) -> FloatArray:
        return self.corner - np.diag(np.diagonal(self.corner))

    @cached_property
    def _plain(self) -> FloatArray:
        return np.concatenate([self.degree, np.diagonal(self.corner)]) + self.ridge

    @cached_property
    def diagonal(self) -> FloatArray:
        """(n + G,)"""
        whole = self._plain
        if self.parts is not None:
            whole = whole.copy()
            whole[: len(self.degree)] -= (self.factor**2).sum(axis=1)
        return whole

    def prior(self, x: FloatArray) -> FloatArray:
        """The items' prior precision, `parts` included, times x (n,)."""
        n = len(self.degree)
        return np.asarray(self.ridge[:n] * x - self.factor @ (self.factor.T @ x))

    def dot(self, x: FloatArray) -> FloatArray:
        """The matrix times x, (n + G,) or (n + G, k)."""
        n = len(self.degree)
        items, effects = x[:n], x[n:]
        top = -(self.upper @ items)
        top -= self.lower @ items
        if len(effects):
            top += self.border @ effects
            below = self.border.T @ items
            if len(effects) > 1:
                below += self._beside @ effects
            result = np.concatenate([top, below])
        else:
            result = top
        diagonal = self._plain
        result += diagonal[:, None] * x if x.ndim == 2 else diagonal * x
        if self.parts is not None:
            result[:n] -= self.factor @ (self.factor.T @ items)
        return np.asarray(result)

    def dense(self) -> FloatArray:
        """The matrix itself, (n + G, n + G)."""
        n, size = len(self.degree), len(self.ridge)
        full = np.zeros((size, size))
        of_row = np.repeat(np.arange(n), np.diff(self.upper.indptr))
        flat = full.reshape(-1)
        above = of_row * size + self.upper.indices
        below = self.upper.indices * size + of_row
        if (np.diff(above) > 0).all():
            flat[above] -= self.upper.data
            flat[below] -= self.upper.data
        else:
            # Several position groups of one pair.
            np.subtract.at(flat, above, self.upper.data)
            np.subtract.at(flat, below, self.upper.data)
        full[:n, n:], full[n:, :n], full[n:, n:] = self.border, self.border.T, self._beside
        full[np.diag_indices_from(full)] += self._plain
        if self.parts is not None:
            full[:n, :n] -= self.factor @ self.factor.T
        return full

    def solve(
        self,
        right: FloatArray,
        *,
        start: FloatArray | None = None,
        tolerance: float = 1e-8,
        iterations: int | None = None,
    ) -> FloatArray:
        """Conjugate gradients with a Jacobi preconditioner, all columns of `right` together.

        Stops when every column's residual is below `tolerance` × its right side, or after
        `iterations` (default 20 × size). A singular but consistent system gives one solution.
        """
        if right.ndim == 1:
            return self._solve_one(right, start, tolerance, iterations or 20 * len(right))
        b, inverse = right, self._jacobi[:, None]
        x = np.zeros_like(b) if start is None else start.reshape(b.shape).copy()
        residual = b - self.dot(x) if start is not None else b.copy()
        target = np.maximum(tolerance * np.linalg.norm(b, axis=0), 1e-300)
        z = inverse * residual
        direction = z.copy()
        rz = np.einsum("ij,ij->j", residual, z)
        # Exact arithmetic needs one a parameter; rounding on badly joined graphs costs some more.
        for _ in range(iterations or 20 * len(b)):
            if (np.linalg.norm(residual, axis=0) <= target).all():
                break
            image = self.dot(direction)
            curvature = np.einsum("ij,ij->j", direction, image)
            step = np.divide(rz, curvature, out=np.zeros_like(rz), where=curvature > 0)
            x += step * direction
            residual -= step * image
            z = inverse * residual
            new = np.einsum("ij,ij->j", residual, z)
            direction *= np.divide(new, rz, out=np.zeros_like(new), where=rz > 0)
            direction += z
            rz = new
        return x

    @cached_property
    def _jacobi(self) -> FloatArray:
        diagonal = self.diagonal
        return 1 / np.where(diagonal > 0, diagonal, 1.0)

    def _solve_one(
        self, b: FloatArray, start: FloatArray | None, tolerance: float, iterations: int
    ) -> FloatArray:
        """The same for one column, where bookkeeping by column would cost more than the sums."""
        inverse = self._jacobi
        x = np.zeros_like(b) if start is None else start.copy()
        residual = b.copy() if start is None else b - self.dot(x)
        target = max(tolerance**2 * float(b @ b), 1e-300)
        z = inverse * residual
        direction, rz = z.copy(), float(residual @ z)
        for _ in range(iterations):
            if float(residual @ residual) <= target:
                break
            image = self.dot(direction)
            curvature = float(direction @ image)
            # Where the matrix is singular, what is left of b in its null space by rounding.
            if curvature <= 1e-13 * float(direction @ (self._plain * direction)):
                break
            step = rz / curvature
            x += step * direction
            residual -= step * image
            np.multiply(inverse, residual, out=z)
            new = float(residual @ z)
            direction *= new / rz
            direction += z
            rz = new
        return x
