"""Mode and curvature: the fast point estimate, maximum likelihood, and soft counts.

The likelihood of soft counts is divided by their residual dispersion (`thurstone_dispersion`).
"""

from dataclasses import dataclass

import numpy as np

from harness.stats.thurstone.comparisons import Comparisons, FloatArray
from harness.stats.thurstone.dispersion import dispersion
from harness.stats.thurstone.ep import Gaussian, Variances, prior_variance, with_mean
from harness.stats.thurstone.likelihood import Likelihood, Objective
from harness.stats.thurstone.links import Link
from harness.stats.thurstone.newton import Mode, newton
from harness.stats.thurstone.parts import PartMeans, Parts
from harness.stats.thurstone.precision import Design, Precision
from harness.stats.thurstone.variance import LocalVariance

__all__ = ["Laplace", "centred_inverse", "laplace", "mode_with_tau"]


@dataclass(frozen=True, eq=False)
class Laplace:
    """A posterior by mode and curvature, and the dispersion its counts were divided by."""

    posterior: Gaussian
    dispersion: float


def mode_with_tau(
    data: Comparisons,
    link: Link,
    design: Design,
    *,
    tau: float | None,
    effect_ridge: float,
    start: FloatArray | None = None,
    tolerance: float = 1e-6,
) -> tuple[Mode, float]:
    """The posterior mode, τ estimated on the way where `tau` is None; the mode and the τ used.

    This τ is Laplace's: biased low where items have few comparisons. Good enough for a point
    estimate, not for intervals.
    """
    likelihood = Likelihood(data, link)
    local = LocalVariance(design, merge=False) if tau is None else None
    state = {"tau2": 1.0 if tau is None else tau**2}
    ridge = _ridge(design, state["tau2"], effect_ridge)

    def each(theta: FloatArray, hessian: Precision) -> FloatArray:
        assert local is not None
        items = local.update(hessian, objective.weights, sweeps=1)
        items = items + 1 / hessian.ridge[: design.n].sum()
        state["tau2"] = prior_variance(theta[: design.n], items, state["tau2"])
        return _ridge(design, state["tau2"], effect_ridge)

    objective = Objective(likelihood, design, ridge)
    begin = np.zeros(design.size) if start is None else start
    mode = newton(objective, begin, tolerance=tolerance, each=each if tau is None else None)
    return mode, float(np.sqrt(state["tau2"]))


def laplace(
    data: Comparisons,
    link: Link,
    design: Design,
    *,
    start: FloatArray,
    tau: float,
    estimate_tau: bool,
    estimate_dispersion: bool,
    effect_ridge: float,
    dense: bool,
    parts: Parts | None = None,
) -> Laplace:
    """Alternate the mode with τ, the variances of `parts` and φ until all hold still."""
    theta, tau2, phi = start, tau**2, 1.0
    variances = Variances(design, dense)
    for _ in range(50):
        likelihood = Likelihood(data, link, multiplier=1 / phi)
        ridge = _ridge(design, tau2, effect_ridge)
        objective = Objective(likelihood, design, ridge, parts)
        mode = newton(objective, theta, tolerance=1e-10)
        theta = mode.theta
        _, _, weights = likelihood.terms(design.linear(theta))
        precision = design.precision(weights, ridge, parts)
        items, covariance = variances(design, precision, weights)
        posterior = Gaussian(
            theta,
            precision,
            weights,
            float(np.sqrt(tau2)),
            covariance,
            items,
            np.zeros((design.size, 0)),
            mode.iterations,
            common=with_mean(variances.common, theta, precision),
        )
        used = phi
        if estimate_tau:
            tau2 = prior_variance(*posterior.own(), tau2)
        moved = abs(np.log(tau2 / posterior.tau**2))
        if posterior.common is not None:
            parts = _next_parts(posterior.common)
            moved = max(moved, _apart(parts, posterior.common.parts))
        if estimate_dispersion:
            rows = variances.rows()
            phi = dispersion(data, link, design.linear(theta), float(weights @ rows))
        if max(moved, abs(np.log(phi / used))) < 1e-3:
            break
    return Laplace(posterior, used)


def _next_parts(common: PartMeans) -> Parts:
    """Each block's variance from its own columns."""
    parts, own = common.parts, np.diagonal(common.variance)
    new = [
        prior_variance(common.mean[at], own[at], float(parts.variances[b]))
        for b in range(len(parts.names))
        for at in [parts.block == b]
    ]
    return parts.with_variances(np.array(new))


def _apart(one: Parts, other: Parts) -> float:
    return float(np.abs(np.log(one.variances / other.variances)).max())


def centred_inverse(design: Design, precision: Precision) -> FloatArray:
    """Covariance (n + G, n + G) under Σ μ = 0 where no prior fixes the level of the utilities."""
    n = design.n
    full = precision.dense()
    level = float(np.mean(precision.degree)) / n or 1.0
    # The level is the Laplacian's null vector: give it a weight, invert, take it out again.
    full[:n, :n] += level
    covariance = np.linalg.inv(full)
    covariance[:n, :n] -= 1 / (level * n * n)
    return np.asarray(covariance)


def _ridge(design: Design, tau2: float, effect_ridge: float) -> FloatArray:
    parts = np.full(design.n, 1 / tau2), np.full(design.groups, effect_ridge)
    return np.concatenate(parts)
