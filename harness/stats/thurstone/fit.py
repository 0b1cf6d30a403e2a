"""Thurstonian utilities: the fit with all its options.

    z = (μ_w − μ_l + p·β)/sqrt(σ_w² + σ_l²)
    J = −Σ c·log Φ(z) + Σ μ²/(2τ²) + β²/(2τ_β²) + λ·Σ (log σ)²

By default σ = 1, τ is estimated, β is in the model. `fit` chooses the method by the data:

* answers with a prior: expectation propagation, whose intervals hold their coverage;
* soft counts, or counts below one: mode and curvature, divided by the residual dispersion;
* no prior: maximum likelihood with the information matrix, or an error naming what is unbounded;
* per-item σ: `thurstone_sigma`.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from harness.errors import UsageError
from harness.stats.thurstone.comparisons import Comparisons, FloatArray
from harness.stats.thurstone.dispersion import dispersion, widened
from harness.stats.thurstone.ep import Gaussian, expectation_propagation
from harness.stats.thurstone.graph import components, unbeaten_set
from harness.stats.thurstone.laplace import centred_inverse, laplace, mode_with_tau
from harness.stats.thurstone.likelihood import Likelihood
from harness.stats.thurstone.links import LINKS, LinkName
from harness.stats.thurstone.posterior import Posterior
from harness.stats.thurstone.precision import Design

__all__ = ["DENSE_LIMIT", "Fit", "Options", "fit", "point"]

DENSE_LIMIT = 800
"""Up to this many items the covariance is inverted; above, it is approximated locally and drawn."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the fit.

    `prior_sd` is τ: "auto" estimates it, None leaves the prior out (then β has none either).
    `effect_sd` is τ_β. `sigma_bound` limits |log σ| of per-item σ, None for no bound; `penalty`
    is λ, `sigma_centred` holds Σ log σ at 0. `force_sigma` reports the per-item fit even where
    held-out data prefer σ = 1.
    """

    link: LinkName = "probit"
    prior_sd: float | Literal["auto"] | None = "auto"
    position: bool = True
    effect_sd: float = 5.0
    sigma: Literal["fixed", "per-item"] = "fixed"
    penalty: float = 3.0
    sigma_bound: float | None = 2.0
    sigma_centred: bool = True
    force_sigma: bool = False
    dense_limit: int = DENSE_LIMIT


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model. `utilities` (n,) have mean 0 and are in units of σ (probit) or of the
    Bradley–Terry scale (logit); `effects` (G,) are the position effects on the same scale."""

    data: Comparisons
    options: Options
    posterior: Posterior
    method: Literal["ep", "laplace", "ml"]
    components: int
    dispersion: float = 1.0
    sigma: FloatArray = field(default_factory=lambda: np.ones(0))
    notes: tuple[str, ...] = ()

    @property
    def tau(self) -> float | None:
        """Prior standard deviation of the utilities, None without a prior."""
        tau = self.posterior.gaussian.tau
        return tau if np.isfinite(tau) else None

    @property
    def utilities(self) -> FloatArray:
        """(n,) utilities, mean 0."""
        return self.posterior.utilities

    @property
    def effects(self) -> FloatArray:
        """(G,) position effects; empty when switched off."""
        return self.posterior.effects


def fit(data: Comparisons, options: Options | None = None, *, start: Fit | None = None) -> Fit:
    """Fit `data` with σ = 1; `start`, an earlier fit of the same items, only makes it faster.

    UsageError without a single comparison, and without a prior where no finite estimate exists.
    """
    options = options or Options()
    if data.total <= 0:
        raise UsageError(f"no answered comparison to fit{_tally(data)}")
    link = LINKS[options.link]
    design = Design(data, position=options.position, scale=link.scale)
    count, _ = components(data)
    if options.prior_sd is None:
        posterior, phi = _unpenalised(data, options, design)
        return Fit(data, options, posterior, "ml", count, phi)
    tau = None if options.prior_sd == "auto" else float(options.prior_sd)
    begin = None if start is None else start.posterior.gaussian.mean
    # Only a start for what follows: it need not be exact.
    mode, near = mode_with_tau(
        data,
        link,
        design,
        tau=tau,
        effect_ridge=options.effect_sd**-2,
        start=begin,
        tolerance=0.02 * design.n,
    )
    if tau is None and start is not None and start.tau is not None:
        near = start.tau
    smallest = float(np.min(np.r_[data.wins[data.wins > 0], data.losses[data.losses > 0]]))
    by = _soft if data.soft or smallest < 1 else _answers
    return by(data, options, design, mode.theta, near, count)


def _soft(
    data: Comparisons,
    options: Options,
    design: Design,
    start: FloatArray,
    tau: float,
    components: int,
) -> Fit:
    """Mode and curvature; with the dispersion where counts are probabilities."""
    result = laplace(
        data,
        LINKS[options.link],
        design,
        start=start,
        tau=tau,
        estimate_tau=options.prior_sd == "auto",
        estimate_dispersion=data.soft,
        effect_ridge=options.effect_sd**-2,
        dense=design.n <= options.dense_limit,
    )
    posterior = Posterior(design, result.posterior)
    return Fit(data, options, posterior, "laplace", components, result.dispersion)


def _answers(
    data: Comparisons,
    options: Options,
    design: Design,
    start: FloatArray,
    tau: float,
    components: int,
) -> Fit:
    """Expectation propagation; wider where repeated answers agree more than they should."""
    gaussian = expectation_propagation(
        Likelihood(data, LINKS[options.link]),
        design,
        start=start,
        tau=tau,
        estimate_tau=options.prior_sd == "auto",
        effect_ridge=options.effect_sd**-2,
        dense=design.n <= options.dense_limit,
    )
    notes = () if gaussian.converged else ("expectation propagation did not converge",)
    gaussian, phi = widened(data, LINKS[options.link], design, gaussian)
    return Fit(data, options, Posterior(design, gaussian), "ep", components, phi, notes=notes)


def point(
    data: Comparisons, options: Options | None = None
) -> tuple[FloatArray, FloatArray, float]:
    """The fast point estimate alone: the mode's utilities (n,), effects (G,), and its τ."""
    options = options or Options()
    link = LINKS[options.link]
    design = Design(data, position=options.position, scale=link.scale)
    tau = None if options.prior_sd == "auto" else options.prior_sd
    if options.prior_sd is None:
        raise ValueError("a point estimate without a prior is `fit` with prior_sd=None")
    mode, used = mode_with_tau(
        data,
        link,
        design,
        tau=None if tau is None else float(tau),
        effect_ridge=options.effect_sd**-2,
        tolerance=1e-4 * design.n,
    )
    mu = mode.theta[: design.n]
    return mu - mu.mean(), mode.theta[design.n :], used


def _unpenalised(data: Comparisons, options: Options, design: Design) -> tuple[Posterior, float]:
    """Maximum likelihood, and the dispersion where counts are probabilities."""
    unbeaten = unbeaten_set(data)
    if unbeaten is not None:
        raise UsageError(_no_maximum(data, unbeaten))
    link = LINKS[options.link]
    mode, _ = mode_with_tau(data, link, design, tau=np.inf, effect_ridge=0.0, tolerance=1e-16)
    eta = design.linear(mode.theta)
    if not mode.converged or float(np.abs(mode.theta[design.n :]).max(initial=0)) > 15:
        raise UsageError(
            "no finite maximum-likelihood position effect: it separates the answers; "
            "use --prior-sd auto, or --no-position"
        )
    phi = dispersion(data, link, eta, design.size - 1) if data.soft else 1.0
    _, _, weights = Likelihood(data, link, multiplier=1 / phi).terms(eta)
    precision = design.precision(weights, np.zeros(design.size))
    dense = design.n <= max(options.dense_limit, 2000)
    covariance = centred_inverse(design, precision) if dense else None
    gaussian = Gaussian(mode.theta, precision, weights, np.inf, covariance, np.zeros(design.n))
    return Posterior(design, gaussian), phi


def _no_maximum(data: Comparisons, unbeaten: list[str]) -> str:
    count, _ = components(data)
    rest = [item for item in data.items if item not in set(unbeaten)]
    # Of the two sides of the cut, name the smaller.
    few, verb = (unbeaten, "lost") if len(unbeaten) <= len(rest) else (rest, "won")
    named = ", ".join(repr(item) for item in few[:3])
    more = f" and {len(few) - 3} more" if len(few) > 3 else ""
    if count > 1:
        reason = f"the comparisons fall into {count} components that nothing ties together"
    else:
        reason = f"{named}{more} never {verb} against any other item"
    return f"no finite maximum-likelihood estimate: {reason}; use --prior-sd auto"


def _tally(data: Comparisons) -> str:
    if not data.outcomes:
        return ""
    return " (" + ", ".join(f"{k}: {v:g}" for k, v in sorted(data.outcomes.items())) + ")"
