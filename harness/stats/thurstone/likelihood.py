"""The penalised negative log-likelihood with σ = 1, its gradient and its Hessian.

J(θ) = −Σ c·log F(±η) + ½ Σ ridge·θ², η = B θ, ridge = 1/τ² for utilities and 1/τ_β² for position
effects. Convex in θ = (μ, β).
"""

import numpy as np

from harness.stats.thurstone.comparisons import Comparisons, FloatArray, sums
from harness.stats.thurstone.links import Link
from harness.stats.thurstone.parts import Parts
from harness.stats.thurstone.precision import Design, Precision

__all__ = ["Likelihood", "Objective"]


class Likelihood:
    """−Σ c·log F as a function of the rows' predictors η.

    Each row with wins has a side with sign +1, each with losses one with sign −1; `count` is
    multiplied by `multiplier` (1/dispersion for soft counts).
    """

    def __init__(self, data: Comparisons, link: Link, *, multiplier: float = 1.0) -> None:
        won, lost = np.flatnonzero(data.wins > 0), np.flatnonzero(data.losses > 0)
        self.link = link
        self.rows = len(data.first)
        self.row = np.concatenate([won, lost])
        self.sign = np.concatenate([np.ones(len(won)), -np.ones(len(lost))])
        self.count = multiplier * np.concatenate([data.wins[won], data.losses[lost]])
        # With one answer a pair, rows are sides: keep their order and skip all indexing.
        self._same = bool(((data.wins > 0) != (data.losses > 0)).all())
        if self._same:
            self.row = np.arange(self.rows)
            self.sign = np.where(data.wins > 0, 1.0, -1.0)
            self.count = multiplier * (data.wins + data.losses)

    def sides(self, eta: FloatArray) -> FloatArray:
        """(sides,) signed predictors: F of it is the probability of what was answered."""
        return np.asarray(self.sign * self.at_sides(eta))

    def at_sides(self, rows: FloatArray) -> FloatArray:
        """(sides,) values of each side's row, of `rows` (m,)."""
        return rows if self._same else rows[self.row]

    def to_rows(self, values: FloatArray) -> FloatArray:
        """(m,) sums over each row's sides of `values` (sides,)."""
        return values if self._same else sums(self.row, values, self.rows)

    def value(self, eta: FloatArray) -> float:
        """Negative log-likelihood."""
        return float(-(self.count @ self.link.log_probability(self.sides(eta))))

    def terms(self, eta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Negative log-likelihood, its slope (m,) and its curvature (m,) in η."""
        log_f, slope, curvature = self.link.terms(self.sides(eta))
        return (
            float(-(self.count @ log_f)),
            self.to_rows(-self.count * self.sign * slope),
            self.to_rows(self.count * curvature),
        )


class Objective:
    """J of the parameters; `ridge` (n + G,) may be changed between calls. With `parts` the prior's
    quadratic form is less their F Fᵀ (see `parts`).

    `weights` (m,) are the rows' curvatures at the last call of `terms`.
    """

    weights: FloatArray

    def __init__(
        self,
        likelihood: Likelihood,
        design: Design,
        ridge: FloatArray,
        parts: Parts | None = None,
    ) -> None:
        self.likelihood, self.design, self.ridge = likelihood, design, ridge
        self.parts = parts
        self._factor = None if parts is None else parts.factor(ridge[: design.n])

    def _prior(self, theta: FloatArray) -> FloatArray:
        """The prior's precision times θ."""
        pulled = self.ridge * theta
        if self._factor is not None:
            n = self.design.n
            pulled[:n] -= self._factor @ (self._factor.T @ theta[:n])
        return np.asarray(pulled)

    def value(self, theta: FloatArray) -> float:
        """J(θ)."""
        nll = self.likelihood.value(self.design.linear(theta))
        return nll + 0.5 * float(self._prior(theta) @ theta)

    def terms(self, theta: FloatArray) -> tuple[float, FloatArray, Precision]:
        """J, its gradient (n + G,) and its Hessian."""
        nll, slope, self.weights = self.likelihood.terms(self.design.linear(theta))
        prior = self._prior(theta)
        gradient = self.design.transpose(slope) + prior
        hessian = self.design.precision(self.weights, self.ridge, self.parts)
        return nll + 0.5 * float(prior @ theta), gradient, hessian
