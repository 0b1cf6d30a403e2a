"""Expectation propagation: posterior mean, covariance, and what the evidence says of the prior.

The Laplace approximation (mode and curvature) is narrow and shrunken where an item has few
comparisons, and the τ it estimates is too small. Expectation propagation matches each answer's
moments instead (Minka 2001; Rasmussen & Williams 2006, section 3.6); here all sites are updated
in parallel. An answer given c times is c equal sites. At the fixed point the marginal likelihood's
derivative in a parameter is the expected derivative of the factor it stands in, sites held.
"""

from dataclasses import dataclass, replace

import numpy as np

from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.likelihood import Likelihood
from harness.stats.thurstone.pair_effects import PairEffects, Rows
from harness.stats.thurstone.parts import PartMeans, Parts
from harness.stats.thurstone.precision import Design, Precision
from harness.stats.thurstone.variance import (
    LocalVariance,
    Moments,
    dense_covariance,
    effect_variances,
    inverse,
    moments_dense,
)

__all__ = [
    "Gaussian",
    "OwnPriors",
    "Sites",
    "Sweeps",
    "Tails",
    "Variances",
    "laplace_sites",
    "prior_variance",
    "renewed",
    "with_mean",
]

LARGEST = 400.0
"""Of τ²: for answers without any noise, which no τ would be too large for."""
SMALLEST = 1e-4
"""Of τ²: a spread of .01 beside a response noise of 1 is none, and 1/τ² stays a usable ridge."""


@dataclass(frozen=True, eq=False)
class Sites:
    """One Gaussian factor a side: precision and shift of the side's signed predictor, (sides,)."""

    precision: FloatArray
    shift: FloatArray


@dataclass(frozen=True, eq=False)
class OwnPriors:
    """A normal prior for each item's own part of its utility: precisions and means, (n,)."""

    precision: FloatArray
    mean: FloatArray


@dataclass(frozen=True)
class Tails:
    """A prior of two normals about 0: a `share` of the items is from one that is `wider` times as
    wide as the rest's, which has the standard deviation `narrow`."""

    share: float
    wider: float
    narrow: float

    @property
    def sd(self) -> float:
        """Standard deviation of the mixture."""
        return float(self.narrow * np.sqrt(1 + self.share * (self.wider**2 - 1)))


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A posterior N(mean, precision⁻¹ + spread·spreadᵀ) of θ = (μ, β).

    `weights` (m,) are those `precision` was built from; `covariance` is the dense one, spread
    included, or None where there are too many items; `local` then holds the approximate variances
    of the utilities, (n,), without the spread. `spread` (n + G, k) is what the uncertainty of the
    prior's own parameters adds. `tau` is the prior standard deviation (inf for none), about the
    means of `common` where parts of the items have their own.
    """

    mean: FloatArray
    precision: Precision
    weights: FloatArray
    tau: float
    covariance: FloatArray | None
    local: FloatArray
    spread: FloatArray
    iterations: int = 0
    converged: bool = True
    common: PartMeans | None = None

    def own(self) -> tuple[FloatArray, FloatArray]:
        """Mean and variance (n,) of the utilities about the means of their parts."""
        mean = self.mean[: len(self.local)]
        if self.common is None:
            return mean, self.local
        return self.common.own(mean, self.local)


def prior_variance(mean: FloatArray, variance: FloatArray, tau2: float) -> float:
    """The next τ² from utilities' posterior means and variances, (n,) each (MacKay 1992).

    One pretended item with μ² = 1 keeps τ finite where the data say next to nothing about it.
    """
    determined = max(len(mean) - float(variance.sum()) / tau2, 0.0)
    return float(np.clip((float(mean @ mean) + 1) / (determined + 1), SMALLEST, LARGEST))


class Variances:
    """Row and item variances, dense or local, behind one call.

    With a local one `beside` it the dense one also has `near`.
    """

    def __init__(self, design: Design, dense: bool) -> None:
        self._first = design
        self.local = None if dense else LocalVariance(design)
        self.common: PartMeans | None = None
        self.beside: LocalVariance | None = None
        self._shared: FloatArray | None = None

    def cheaper(self) -> "Variances":
        """Local ones for the same design."""
        return Variances(self._first, False)

    def __call__(
        self, design: Design, precision: Precision, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray | None]:
        """Var(μ) by item, the covariance where dense; then `rows` or `moments`, and `common`
        without its mean where parts have prior means."""
        self._design, n = design, design.n
        if self.local is None:
            if self.beside is not None:
                self._before = _local(self.beside, precision, weights)
            return self._dense(precision, dense_covariance(precision))
        self.local.design = design
        items = self.local.update(precision, weights)
        self._effects = effect_variances(precision)
        # The level that no comparison sees has the prior's variance and τ must not feed on it. Of
        # an item that the prior alone knows the local variance holds the level already.
        items = (1 - 1 / n) * items + 1 / precision.ridge[:n].sum()
        if precision.parts is not None:
            self.common, self._shared = _common_by_solving(precision, self._shared)
            assert self.common.low is not None
            items = items + (self.common.low[:n] ** 2).sum(axis=1)
        return items, None

    def near(
        self, design: Design, precision: Precision, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray | None]:
        """As a call, for a matrix near that of the last call, whose inverse is used up: its rows
        and columns are scaled by what the local variances change by, so that only the error of
        these in a small change is left, and no second inverse is needed."""
        assert self.beside is not None
        self._design, before = design, self._before
        self._before = _local(self.beside, precision, weights)
        scale = np.sqrt(self._before / before)
        self._covariance *= scale[:, None]
        self._covariance *= scale
        return self._dense(precision, self._covariance)

    def _dense(
        self, precision: Precision, covariance: FloatArray
    ) -> tuple[FloatArray, FloatArray | None]:
        self._covariance = covariance
        if precision.parts is not None:
            self.common = _common(precision, covariance)
        return np.diagonal(covariance)[: self._design.n].copy(), covariance

    def rows(self) -> FloatArray:
        """(m,) Var(η) at the last call."""
        if self.local is None or self.common is not None:
            return self.moments().rows(self._design)
        return self.local.rows(self._effects)

    def moments(self) -> Moments:
        """What rows need of the covariance at the last call."""
        if self.local is None:
            return moments_dense(self._design, self._covariance)
        moments = self.local.moments(self._effects)
        if self.common is None or self.common.low is None:
            return moments
        return moments.plus(self._design, self.common.low)


def _local(beside: LocalVariance, precision: Precision, weights: FloatArray) -> FloatArray:
    """(n + G,) variances, approximated."""
    items = beside.update(precision, weights, sweeps=3)
    level = 1 / precision.ridge[: len(items)].sum()
    return np.concatenate([items + level, effect_variances(precision)])


def with_mean(common: PartMeans | None, mean: FloatArray, precision: Precision) -> PartMeans | None:
    """`common` with the mean of γ that goes with the mean (n + G,) of θ."""
    if common is None:
        return None
    n, z = len(precision.degree), common.parts.columns
    own = precision.ridge[:n]
    return replace(
        common, mean=np.asarray(np.linalg.solve(common.parts.inner(own), z.T @ (own * mean[:n])))
    )


def _common(precision: Precision, covariance: FloatArray) -> PartMeans:
    """Of γ given μ, S⁻¹ZᵀD μ and S⁻¹, averaged over μ."""
    parts, n = precision.parts, len(precision.degree)
    assert parts is not None
    own = precision.ridge[:n]
    given = inverse(parts.inner(own))
    by = own[:, None] * parts.columns @ given
    cross = covariance[:, :n] @ by
    return PartMeans(parts, np.zeros(len(given)), cross, given + by.T @ cross[:n])


def _common_by_solving(
    precision: Precision, start: FloatArray | None
) -> tuple[PartMeans, FloatArray]:
    """The same without the covariance: M = P⁻¹DZ for P at known γ, Var γ = (S − ZᵀD M)⁻¹; and M,
    the next start."""
    parts, n = precision.parts, len(precision.degree)
    assert parts is not None
    own = precision.ridge[:n]
    pull = np.zeros((len(precision.ridge), len(parts.block)))
    pull[:n] = own[:, None] * parts.columns
    moved = replace(precision, parts=None).solve(pull, start=start, tolerance=1e-4)
    seen = parts.inner(own) - pull.T @ moved
    # What the solver leaves over must not make γ surer, or less sure, than its prior says.
    values, vectors = np.linalg.eigh((seen + seen.T) / 2)
    values = np.maximum(values, float((1 / parts.variances).min()))
    variance = (vectors / values) @ vectors.T
    low = moved @ (vectors / np.sqrt(values))
    return PartMeans(parts, np.zeros(len(values)), moved @ variance, variance, low), moved


class Sweeps:
    """A run of expectation propagation at given τ² and shares, both of which may be changed.

    `look` makes the posterior that the sites and the prior say, `renew` the sites that it says.
    `own`, where set, stands in the place of τ² for each item.
    """

    gaussian: Gaussian
    rows: Rows

    def __init__(
        self,
        likelihood: Likelihood,
        design: Design,
        *,
        start: FloatArray,
        tau2: float,
        effect_ridge: float,
        dense: bool,
        parts: Parts | None = None,
    ) -> None:
        self.likelihood, self.design, self.tau2 = likelihood, design, tau2
        self.parts = parts
        self.effects: PairEffects | None = None
        self.own: OwnPriors | None = None
        self.variances = Variances(design, dense)
        self._effect_ridge, self.mean = effect_ridge, start
        self._sites = laplace_sites(likelihood, design.linear(start))
        self.looks = 0
        self._last, self.step = np.inf, 1.0

    def share(self, effects: PairEffects | None, design: Design) -> None:
        """Take other shares of what answers have in common, with the design of their scale."""
        self.effects, self.design = effects, design

    def look(self, *, near: bool = False) -> float:
        """The posterior; the largest move of a mean, in posterior deviations. `near`: for sites
        all but those of the last look, with the covariance of `Variances.near`."""
        likelihood, design, count = self.likelihood, self.design, self.likelihood.count
        weights = likelihood.to_rows(count * self._sites.precision)
        shifts = likelihood.to_rows(count * likelihood.sign * self._sites.shift)
        if self.effects is None:
            precision = design.precision(weights, self._ridge(), self.parts)
        else:
            rest = self.effects.eliminate(weights, shifts)
            weights, shifts = rest.weights, rest.shifts
            precision = design.precision(weights, self._ridge(), self.parts)
            precision = replace(precision, corner=precision.corner + rest.corner)
        of = self.variances.near if near else self.variances
        items, covariance = of(design, precision, weights)
        right, n = design.transpose(shifts), design.n
        about = np.zeros(design.size)
        if self.own is not None:
            about[:n] = self.own.mean
            right[:n] += precision.prior(self.own.mean)
        if covariance is not None and not near:
            mean = covariance @ right
        else:
            mean = precision.solve(right, start=self.mean, tolerance=1e-5)
        moved = float(np.max(np.abs(mean - self.mean)[:n] / np.sqrt(items)))
        self.mean, self.looks = mean, self.looks + 1
        tau, none = float(np.sqrt(self.tau2)), np.zeros((design.size, 0))
        self.gaussian = Gaussian(
            mean,
            precision,
            weights,
            tau,
            covariance,
            items,
            none,
            self.looks,
            common=with_mean(self.variances.common, mean - about, precision),
        )
        return moved

    def _ridge(self) -> FloatArray:
        ridge = np.full(self.design.size, 1 / self.tau2)
        if self.own is not None:
            ridge[: self.design.n] = self.own.precision
        ridge[self.design.n :] = self._effect_ridge
        return ridge

    def renew(self, moved: float = 0.0) -> None:
        """One parallel sweep; one that follows moves ever further is damped."""
        if moved > self._last:
            # Parallel updates of rows that share items overshoot: .7 gives way within a few sweeps,
            # and below .2 a sweep would hardly move anything.
            self.step = max(0.7 * self.step, 0.2)
        self._last = moved
        eta, variance = self.design.linear(self.mean), None
        if self.effects is None:
            variance = self.variances.rows()
        else:
            self.rows = self.effects.rows(eta, self.variances.moments())
            eta, variance = self.rows.mean, self.rows.variance
        self._sites, self.cavity = renewed(self.likelihood, self._sites, eta, variance, self.step)

    def settle(self, tolerance: float, limit: int) -> bool:
        """Sweep at the present τ² and shares until no mean moves by more than `tolerance`."""
        self._last, self.step = np.inf, 1.0
        for _ in range(limit):
            moved = self.look()
            if moved < tolerance:
                return True
            self.renew(moved)
        return False

    def scale_gradient(self) -> float:
        """The evidence's derivative in the log of the scale of η, at the last sweep."""
        centre, variance, slope, curvature = self.cavity
        return float(self.likelihood.count @ (centre * slope + variance * (slope**2 - curvature)))


def laplace_sites(likelihood: Likelihood, eta: FloatArray) -> Sites:
    x = likelihood.sides(eta)
    _, slope, curvature = likelihood.link.terms(x)
    curvature = np.maximum(curvature, 1e-8)
    return Sites(curvature, curvature * x + slope)


Cavity = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""Of each side without one of its answers: mean, variance, and log Z's slope and curvature."""


def renewed(
    likelihood: Likelihood, sites: Sites, eta: FloatArray, rows: FloatArray, step: float
) -> tuple[Sites, Cavity]:
    """One parallel sweep: cavity, moments of the tilted distribution, and so much of the way to
    the new sites as `step` says."""
    precision = 1 / likelihood.at_sides(rows)
    # A site never exceeds the marginal's own precision, but an unfinished sweep may. A cavity of at
    # most 50 times the marginal's variance is proper, and wide enough for the next sweep to mend.
    cavity_precision = np.maximum(precision - sites.precision, 0.02 * precision)
    cavity = 1 / cavity_precision
    centre = cavity * (precision * likelihood.sides(eta) - sites.shift)
    slope, curvature = likelihood.link.tilted(centre, cavity)
    left = np.maximum(1 - cavity * curvature, 1e-8)
    precision = np.maximum(curvature / left, 1e-10)
    shift = (slope + curvature * centre) / left
    return Sites(
        step * precision + (1 - step) * sites.precision, step * shift + (1 - step) * sites.shift
    ), (centre, cavity, slope, curvature)
