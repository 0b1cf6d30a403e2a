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
from scipy.sparse import csr_array

from harness.stats.thurstone.comparisons import Comparisons, FloatArray, sums
from harness.stats.thurstone.parts import Parts

__all__ = ["Design", "Precision"]


class Design:
    """The rows' geometry, shared by all matrices of one fit.

    `position` False leaves the position effects out (G = 0).
    """

    def __init__(self, data: Comparisons, *, position: bool, scale: float) -> None:
        self.n = data.n
        self.groups = len(data.groups) if position else 0
        self.first, self.second, self.group = data.first, data.second, data.group
        self.scale = scale
        self._indptr = np.searchsorted(self.first, np.arange(self.n + 1)).astype(np.int32)
        self._columns = self.second.astype(np.int32)

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
        n = self.n
        items = sums(self.first, rows, n) - sums(self.second, rows, n)
        if not self.groups:
            return self.scale * items
        effects = sums(self.group, rows, self.groups)
        return self.scale * np.concatenate([items, effects])

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
        upper = csr_array((w, self._columns, self._indptr), shape=(n, n))
        as_first, as_second = sums(self.first, w, n), sums(self.second, w, n)
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
        return Precision(upper, degree, border, corner, ridge, parts)


@dataclass(frozen=True, eq=False)
class Precision:
    """One such matrix. `degree` (n,), `border` (n, G), `corner` (G, G), `ridge` (n + G,); `parts`
    with means of their own take F Fᵀ from the items' ridge."""

    upper: csr_array
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
    def _lower(self) -> csr_array:
        return self.upper.T

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

    def dot(self, x: FloatArray) -> FloatArray:
        """The matrix times x, (n + G,) or (n + G, k)."""
        n = len(self.degree)
        items, effects = x[:n], x[n:]
        top = -(self.upper @ items)
        top -= self._lower @ items
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
        n = len(self.degree)
        full = np.zeros((n + len(self.corner),) * 2)
        of_row = np.repeat(np.arange(n), np.diff(self.upper.indptr))
        items = sums(of_row * n + self.upper.indices, self.upper.data, n * n).reshape(n, n)
        np.add(items, items.T, out=full[:n, :n])
        np.negative(full[:n, :n], out=full[:n, :n])
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
        b = right[:, None] if right.ndim == 1 else right
        diagonal = self.diagonal
        inverse = (1 / np.where(diagonal > 0, diagonal, 1.0))[:, None]
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
        return x.reshape(right.shape)
