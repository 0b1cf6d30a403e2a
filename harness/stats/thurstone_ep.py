"""Expectation propagation: posterior mean, covariance and the prior's τ, calibrated.

The Laplace approximation (mode and curvature) is narrow and shrunken where an item has few
comparisons, and the τ it estimates is too small. Expectation propagation matches each answer's
moments instead (Minka 2001; Rasmussen & Williams 2006, section 3.6); here all sites are updated
in parallel. An answer given c times is c equal sites. At the fixed point the marginal likelihood
is stationary in τ where τ² = Σ m² / (n − Σ V/τ²), which is iterated along (MacKay 1992).
"""

from dataclasses import dataclass, field

import numpy as np

from harness.stats.comparisons import FloatArray
from harness.stats.thurstone_likelihood import Likelihood
from harness.stats.thurstone_precision import Design, Precision
from harness.stats.thurstone_variance import (
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
    sites: Sites | None = field(default=None, repr=False)


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
    sites: Sites | None = None,
    tolerance: float = 3e-3,
    iterations: int = 60,
) -> Gaussian:
    """Run to convergence: no mean moves by more than `tolerance` posterior deviations.

    `start` (n + G,) is the mode, from which the sites begin unless `sites` (of an earlier fit of
    the same rows) are given. `effect_ridge` is 1/τ_β².
    """
    # The local variances are far cheaper and lead to nearly the same place: go there first.
    coarse = dense and len(design.first) >= 4 * design.n > 400
    variance = _Variance(design, dense and not coarse)
    mean, tau2 = start, tau**2
    sites = sites or _laplace_sites(likelihood, design.linear(start))
    converged, iteration, step, moved = False, 0, 1.0, np.inf
    for iteration in range(1, iterations + 1):
        weights = likelihood.to_rows(likelihood.count * sites.precision)
        ridge = np.concatenate([np.full(design.n, 1 / tau2), np.full(design.groups, effect_ridge)])
        precision = design.precision(weights, ridge)
        right = design.transpose(
            likelihood.to_rows(likelihood.count * likelihood.sign * sites.shift)
        )
        rows, items, covariance = variance(precision, weights)
        before = mean
        if covariance is not None:
            mean = covariance @ right
        else:
            mean = precision.solve(right, start=before, tolerance=1e-5)
        moved, last = float(np.max(np.abs(mean - before)[: design.n] / np.sqrt(items))), moved
        tau2_before = tau2
        if estimate_tau:
            tau2 = prior_variance(mean[: design.n], items, tau2)
        change = max(moved, abs(np.log(tau2 / tau2_before)))
        if coarse and iteration > 2 and (change < 2 * tolerance or iteration == 20):
            variance, coarse, step = _Variance(design, True), False, 1.0
        converged = change < tolerance and dense == (covariance is not None)
        if converged and iteration > 1:
            break
        if moved > last:
            step = max(0.7 * step, 0.2)
        sites = _update(likelihood, sites, design.linear(mean), rows, step)
    return Gaussian(
        mean,
        precision,
        weights,
        float(np.sqrt(tau2_before)),
        covariance,
        items,
        iteration,
        converged,
        sites,
    )


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
