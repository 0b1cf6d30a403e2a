"""What is asked of a posterior: variances, contrasts, draws; exact or by conjugate gradients."""

from dataclasses import dataclass, replace

import numpy as np

from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.ep import Gaussian
from harness.stats.thurstone.precision import Design
from harness.stats.thurstone.variance import draws, rao_blackwell

__all__ = ["Posterior"]


@dataclass(frozen=True, eq=False)
class Posterior:
    """A Gaussian over θ = (μ, β); all results are about utilities with mean 0."""

    design: Design
    gaussian: Gaussian

    @property
    def n(self) -> int:
        """Number of items."""
        return self.design.n

    @property
    def utilities(self) -> FloatArray:
        """(n,) posterior means, summing to 0."""
        mu = self.gaussian.mean[: self.n]
        return np.asarray(mu - mu.mean())

    @property
    def effects(self) -> FloatArray:
        """(G,) position effects."""
        return self.gaussian.mean[self.n :]

    def solve(self, right: FloatArray) -> FloatArray:
        """Covariance times `right`, (n + G, k)."""
        if self.gaussian.covariance is not None:
            return self.gaussian.covariance @ right
        solved = self.gaussian.precision.solve(right, tolerance=1e-6)
        return np.asarray(solved + self.gaussian.spread @ (self.gaussian.spread.T @ right))

    def effect_se(self) -> FloatArray:
        """(G,) standard errors of the position effects."""
        right = np.zeros((self.design.size, self.design.groups))
        right[self.n + np.arange(self.design.groups), np.arange(self.design.groups)] = 1
        return np.sqrt(np.diagonal(self.solve(right)[self.n :]))

    def linear(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Estimates (k,) and standard errors (k,) of `rows` (k, n) @ utilities."""
        centred = rows - rows.mean(axis=1, keepdims=True)
        right = np.zeros((self.design.size, len(rows)))
        right[: self.n] = centred.T
        variance = np.einsum("ij,ij->j", right, self.solve(right))
        return centred @ self.gaussian.mean[: self.n], np.sqrt(np.maximum(variance, 0))

    def variances(self, rng: np.random.Generator, count: int | None = None) -> FloatArray:
        """(n,) variances of the utilities with mean 0; above the dense limit from `count` draws.

        Draws give only the share of the variance that an item's neighbours add, about one in its
        number of comparisons: 32 draws by default, 16 where items have 20 rows or more, 8 from 40.
        """
        if count is None:
            rows = 2 * len(self.design.first) / self.n
            count = 32 if rows <= 20 else 16 if rows <= 40 else 8
        level = np.zeros((self.design.size, 1))
        level[: self.n] = 1 / self.n
        shared = self.solve(level)[: self.n, 0]
        if self.gaussian.covariance is not None:
            own = np.diagonal(self.gaussian.covariance)[: self.n]
        elif np.isfinite(self.gaussian.tau):
            g = self.gaussian
            precision, more = g.precision, g.spread
            if g.common is not None and g.common.low is not None:
                # What a part's mean adds is known, and is the same for all of its items: drawn, its
                # error would not average out over them.
                precision = replace(precision, parts=None)
                more = np.concatenate([more, g.common.low], axis=1)
            x = draws(self.design, precision, g.weights, rng, count)
            own = (rao_blackwell(precision, x) + (more**2).sum(axis=1))[: self.n]
        else:
            x = self._raw_draws(8 * count, rng)[: self.n]
            return np.asarray(((x - x.mean(axis=0)) ** 2).mean(axis=1))
        return np.asarray(np.maximum(own - 2 * shared + shared.mean(), 1e-12))

    def reference_se(self, reference: int, rng: np.random.Generator) -> FloatArray:
        """(n,) standard errors of μ_i − μ_reference; 0 at the reference itself."""
        unit = np.zeros((self.design.size, 1))
        unit[: self.n] = -1 / self.n
        unit[reference] += 1
        column = self.solve(unit)[: self.n, 0]
        column = column - column.mean()
        own = self.variances(rng)
        variance = own + column[reference] - 2 * column
        variance[reference] = 0
        return np.asarray(np.sqrt(np.maximum(variance, 0)))

    def draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        """(n, count) draws of the utilities, each with mean 0."""
        x = self.gaussian.mean[: self.n, None] + self._raw_draws(count, rng)[: self.n]
        return np.asarray(x - x.mean(axis=0))

    def _raw_draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        covariance = self.gaussian.covariance
        if covariance is None:
            g = self.gaussian
            x = draws(self.design, g.precision, g.weights, rng, count)
            return x + g.spread @ rng.standard_normal((g.spread.shape[1], count))
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0))
        return np.asarray(root @ rng.standard_normal((len(values), count)))
