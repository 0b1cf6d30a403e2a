"""Expectation propagation: posterior mean, covariance and the prior's τ, calibrated.

The Laplace approximation (mode and curvature) is narrow and shrunken where an item has few
comparisons, and the τ it estimates is too small. Expectation propagation matches each answer's
moments instead (Minka 2001; Rasmussen & Williams 2006, section 3.6); here all sites are updated
in parallel. An answer given c times is c equal sites. At the fixed point the marginal likelihood
is stationary in τ where τ² = Σ m² / (n − Σ V/τ²), which is iterated along (MacKay 1992).
"""

from dataclasses import dataclass, replace

import numpy as np

from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.likelihood import Likelihood
from harness.stats.thurstone.precision import Design, Precision
from harness.stats.thurstone.variance import (
    LocalVariance,
    effect_variances,
    inverse,
    row_variance_dense,
)

__all__ = ["Gaussian", "Sites", "expectation_propagation", "prior_variance"]


@dataclass(frozen=True, eq=False)
class Sites:
    """One Gaussian factor a side: precision and shift of the side's signed predictor, (sides,)."""

    precision: FloatArray
    shift: FloatArray


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A posterior N(mean, precision⁻¹) of θ = (μ, β).

    `weights` (m,) are those `precision` was built from; `covariance` is its dense inverse, or
    None where there are too many items; `local` then holds the approximate variances of the
    utilities, (n,). `tau` is the prior standard deviation (inf for none).
    """

    mean: FloatArray
    precision: Precision
    weights: FloatArray
    tau: float
    covariance: FloatArray | None
    local: FloatArray
    iterations: int = 0
    converged: bool = True


def prior_variance(mean: FloatArray, variance: FloatArray, tau2: float) -> float:
    """The next τ² from utilities' posterior means and variances, (n,) each.

    One pretended item with μ² = 1 keeps τ finite where the data say next to nothing about it; the
    upper end (τ = 20) is for answers without any noise, which no τ would be too large for.
    """
    determined = max(len(mean) - float(variance.sum()) / tau2, 0.0)
    return float(np.clip((float(mean @ mean) + 1) / (determined + 1), 1e-4, 400))


class _Variance:
    """Row and item variances, dense or local, behind one call."""

    def __init__(self, design: Design, dense: bool) -> None:
        self.design, self.dense = design, dense
        self.local = None if dense else LocalVariance(design)

    def __call__(
        self, precision: Precision, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray | None]:
        """Var(η) by row, Var(μ) by item, the covariance where dense."""
        n = self.design.n
        if self.local is None:
            covariance = inverse(precision.dense())
            rows = row_variance_dense(self.design, covariance)
            return rows, np.diagonal(covariance)[:n].copy(), covariance
        items = self.local.update(precision, weights)
        effects = effect_variances(precision)
        # The level that no comparison sees has the prior's variance and τ must not feed on it.
        level = 1 / precision.ridge[:n].sum()
        return self.local.rows(effects), items + level, None


def expectation_propagation(
    likelihood: Likelihood,
    design: Design,
    *,
    start: FloatArray,
    tau: float,
    estimate_tau: bool,
    effect_ridge: float,
    dense: bool,
    tolerance: float = 3e-3,
    iterations: int = 60,
) -> Gaussian:
    """Run to convergence: no mean moves by more than `tolerance` posterior deviations.

    `start` (n + G,) is the mode, from which the sites begin. `effect_ridge` is 1/τ_β².
    """
    # The local variances are far cheaper and lead to nearly the same place: go there first.
    coarse = dense and len(design.first) >= 4 * design.n > 400
    variance = _Variance(design, dense and not coarse)
    run = _Run(likelihood, design, start, tau**2, effect_ridge)
    last, step = np.inf, 1.0
    for iteration in range(1, iterations + 1):
        posterior, rows = run.posterior(variance, iteration)
        moved = run.accept(posterior, estimate_tau)
        if coarse and iteration > 2 and (moved < 2 * tolerance or iteration == 20):
            variance, coarse, step = _Variance(design, True), False, 1.0
        elif not coarse and moved < tolerance and iteration > 1:
            return posterior
        # Sweeps that move ever further are damped.
        if moved > last:
            step = max(0.7 * step, 0.2)
        last = moved
        run.sites = _update(likelihood, run.sites, design.linear(run.mean), rows, step)
    return replace(posterior, converged=False)


class _Run:
    """Where a run stands: sites, mean and τ²."""

    def __init__(
        self,
        likelihood: Likelihood,
        design: Design,
        start: FloatArray,
        tau2: float,
        effect_ridge: float,
    ) -> None:
        self.likelihood, self.design = likelihood, design
        self.mean, self.tau2, self._effect_ridge = start, tau2, effect_ridge
        self.sites = _laplace_sites(likelihood, design.linear(start))

    def posterior(self, variance: _Variance, iteration: int) -> tuple[Gaussian, FloatArray]:
        """The posterior that the sites and τ² make, and Var(η) by row."""
        likelihood, design = self.likelihood, self.design
        weights = likelihood.to_rows(likelihood.count * self.sites.precision)
        ridge = np.full(design.size, 1 / self.tau2)
        ridge[design.n :] = self._effect_ridge
        precision = design.precision(weights, ridge)
        signed = likelihood.count * likelihood.sign * self.sites.shift
        right = design.transpose(likelihood.to_rows(signed))
        rows, items, covariance = variance(precision, weights)
        if covariance is not None:
            mean = covariance @ right
        else:
            mean = precision.solve(right, start=self.mean, tolerance=1e-5)
        tau = float(np.sqrt(self.tau2))
        return Gaussian(mean, precision, weights, tau, covariance, items, iteration), rows

    def accept(self, posterior: Gaussian, estimate_tau: bool) -> float:
        """Take its mean, and τ² where it is estimated; the largest change, in deviations or log."""
        n = self.design.n
        change = np.abs(posterior.mean - self.mean)[:n] / np.sqrt(posterior.local)
        moved = float(np.max(change))
        self.mean = posterior.mean
        if estimate_tau:
            before = self.tau2
            self.tau2 = prior_variance(self.mean[:n], posterior.local, before)
            moved = max(moved, abs(float(np.log(self.tau2 / before))))
        return moved


def _laplace_sites(likelihood: Likelihood, eta: FloatArray) -> Sites:
    x = likelihood.sides(eta)
    _, slope, curvature = likelihood.link.terms(x)
    curvature = np.maximum(curvature, 1e-8)
    return Sites(curvature, curvature * x + slope)


def _update(
    likelihood: Likelihood, sites: Sites, eta: FloatArray, rows: FloatArray, step: float
) -> Sites:
    """One parallel sweep: cavity, moments of the tilted distribution, and so much of the way to
    the new sites as `step` says."""
    precision = 1 / likelihood.at_sides(rows)
    # A site never exceeds the marginal's own precision, but an unfinished sweep may.
    cavity_precision = np.maximum(precision - sites.precision, 0.02 * precision)
    cavity = 1 / cavity_precision
    centre = cavity * (precision * likelihood.sides(eta) - sites.shift)
    slope, curvature = likelihood.link.tilted(centre, cavity)
    left = np.maximum(1 - cavity * curvature, 1e-8)
    precision = np.maximum(curvature / left, 1e-10)
    shift = (slope + curvature * centre) / left
    return Sites(
        step * precision + (1 - step) * sites.precision, step * shift + (1 - step) * sites.shift
    )
