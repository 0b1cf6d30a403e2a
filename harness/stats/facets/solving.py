"""P⁻¹ times vectors, P = AᵀWA + prior, for many parameters: conjugate gradients by blocks."""

from dataclasses import dataclass

import numpy as np

from harness.stats.facets.layout import Layout
from harness.stats.thurstone.comparisons import FloatArray

__all__ = ["BlockSystem"]


@dataclass(frozen=True, eq=False)
class BlockSystem:
    """P at `weights` (m,) and `prior` (n + 1, k), preconditioned by the inverses of its blocks."""

    layout: Layout
    weights: FloatArray
    prior: FloatArray
    inverse: FloatArray

    @staticmethod
    def of(layout: Layout, weights: FloatArray, prior: FloatArray) -> "BlockSystem":
        """The system of one set of weights."""
        blocks = layout.blocks(np.repeat(weights[:, None] / 2, 3, axis=1))
        at = np.arange(layout.k)
        blocks[:, at, at] += prior
        return BlockSystem(layout, weights, prior, np.asarray(np.linalg.inv(blocks), float))

    def dot(self, x: FloatArray) -> FloatArray:
        """P x, x of shape (size,) or (size, c)."""
        a = self.layout.matrix
        column = (slice(None),) + (None,) * (x.ndim - 1)
        return np.asarray(a.T @ (self.weights[column] * (a @ x)) + self.prior.ravel()[column] * x)

    def solve(
        self, right: FloatArray, *, start: FloatArray | None = None, tolerance: float = 1e-5
    ) -> FloatArray:
        """x of P x = right, like `right`, to `tolerance` of the preconditioned residual's norm."""
        x = np.zeros_like(right) if start is None else start.copy()
        residual = right - self.dot(x) if start is not None else right.copy()
        z = self._precondition(residual)
        p, rho = z.copy(), (residual * z).sum(axis=0)
        goal = tolerance**2 * np.maximum((right * self._precondition(right)).sum(axis=0), 1e-300)
        for _ in range(500):
            if (rho <= goal).all():
                break
            q = self.dot(p)
            curved = (p * q).sum(axis=0)
            step = np.divide(rho, curved, out=np.zeros_like(rho), where=curved > 0)
            x += step * p
            residual -= step * q
            z = self._precondition(residual)
            new = (residual * z).sum(axis=0)
            p = z + np.divide(new, rho, out=np.zeros_like(rho), where=rho > 0) * p
            rho = new
        return x

    def _precondition(self, x: FloatArray) -> FloatArray:
        n, k = self.layout.n + 1, self.layout.k
        return np.asarray(self.inverse @ x.reshape(n, k, -1)).reshape(x.shape)

    def draws(self, rng: np.random.Generator, count: int) -> FloatArray:
        """(size, count) draws of N(0, P⁻¹), by perturb and solve."""
        a = self.layout.matrix
        noise = rng.standard_normal((len(self.weights), count)) * np.sqrt(self.weights)[:, None]
        own = rng.standard_normal((self.layout.size, count))
        own *= np.sqrt(self.prior.ravel())[:, None]
        return self.solve(np.asarray(a.T @ noise) + own, tolerance=1e-3)
