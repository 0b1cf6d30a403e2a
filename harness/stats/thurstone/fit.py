"""Thurstonian utilities: the fit with all its options.

    z = (μ_w − μ_l + p·β)/sqrt(σ_w² + σ_l²)
    J = −Σ c·log Φ(z) + Σ μ²/(2τ²) + β²/(2τ_β²) + λ·Σ (log σ)²

By default σ = 1, τ is estimated, β is in the model. `fit` chooses the method by the data:

* answers with a prior: expectation propagation, averaged over τ, with what the answers to a pair
  have in common as random effects (`pair_effects`): intervals hold their coverage;
* soft counts, or counts below one: mode and curvature, divided by the residual dispersion;
* no prior: maximum likelihood with the information matrix, or an error naming what is unbounded;
* per-item σ: `thurstone_sigma`.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from harness.errors import UsageError
from harness.stats.thurstone.comparisons import Comparisons, FloatArray
from harness.stats.thurstone.dispersion import dispersion
from harness.stats.thurstone.ep import Gaussian, Sweeps, Tails
from harness.stats.thurstone.evidence import averaged, converge, scale_error, spread_out
from harness.stats.thurstone.graph import components, unbeaten_set
from harness.stats.thurstone.laplace import centred_inverse, laplace, mode_with_tau
from harness.stats.thurstone.likelihood import Likelihood
from harness.stats.thurstone.links import LINKS, LinkName
from harness.stats.thurstone.pair_effects import Shares
from harness.stats.thurstone.parts import PriorGroups, parts_of
from harness.stats.thurstone.posterior import Posterior
from harness.stats.thurstone.precision import Design
from harness.stats.thurstone.shares import LEAST, MOST, find_shares, repeated, unanimous
from harness.stats.thurstone.tails import FAR, form_is_seen, tails_of, with_tails

__all__ = ["DENSE_LIMIT", "Fit", "Options", "fit", "point"]

DENSE_LIMIT = 800
"""Up to this many items the covariance is inverted; above, it is approximated locally and drawn."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the fit.

    `prior_sd` is τ: "auto" estimates it, None leaves the prior out (then β has none either).
    `effect_sd` is τ_β. `sigma_bound` limits |log σ| of per-item σ, None for no bound; `penalty` is
    λ, `penalty_on` says of what: Σ (log σ)² or Σ σ²; `sigma_centred` holds Σ log σ at 0.
    `force_sigma` reports the per-item fit even where held-out data prefer σ = 1. `pair_effects`
    False takes all answers to a pair for independent. `prior_groups`: which parts of the items have
    prior means of their own (see `parts`); with per-item σ, none.
    """

    link: LinkName = "probit"
    prior_sd: float | Literal["auto"] | None = "auto"
    position: bool = True
    effect_sd: float = 5.0
    sigma: Literal["fixed", "per-item"] = "fixed"
    penalty: float = 3.0
    penalty_on: Literal["log", "sigma"] = "log"
    sigma_bound: float | None = 2.0
    sigma_centred: bool = True
    force_sigma: bool = False
    dense_limit: int = DENSE_LIMIT
    pair_effects: bool = True
    prior_groups: PriorGroups = "auto"


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model. `utilities` (n,) have mean 0 and are in units of σ (probit) or of the
    Bradley–Terry scale (logit); `effects` (G,) are the position effects on the same scale.
    `dispersion` is that of soft counts; `shares` are what answers to a pair have in common; `tails`
    the prior where a few items lie farther from the rest than one normal allows for."""

    data: Comparisons
    options: Options
    posterior: Posterior
    method: Literal["ep", "laplace", "ml"]
    components: int
    dispersion: float = 1.0
    shares: Shares = field(default_factory=Shares)
    tails: Tails | None = None
    sigma: FloatArray = field(default_factory=lambda: np.ones(0))
    notes: tuple[str, ...] = ()

    @property
    def tau(self) -> float | None:
        """Prior standard deviation of the utilities about the means of their parts, None without
        a prior."""
        tau = self.posterior.gaussian.tau
        return tau if np.isfinite(tau) else None

    @property
    def group_sd(self) -> dict[str, float]:
        """Prior standard deviation of the means of parts, by block: `origin`, `graph`."""
        common = self.posterior.gaussian.common
        if common is None:
            return {}
        return dict(zip(common.parts.names, np.sqrt(common.parts.variances).tolist(), strict=True))

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
    # Only a start for what follows: it need not be exact. The decrement is about twice what is
    # left of the objective, over all items; a hundredth of a nat an item is far below their noise.
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
        parts=parts_of(data, options.prior_groups),
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
    """Expectation propagation, with what the answers to a pair have in common in the model."""
    link, dense = LINKS[options.link], design.n <= options.dense_limit
    estimate_tau = options.prior_sd == "auto"
    sweeps = Sweeps(
        Likelihood(data, link),
        design,
        start=start,
        tau2=tau**2,
        effect_ridge=options.effect_sd**-2,
        dense=dense,
        parts=parts_of(data, options.prior_groups),
    )
    shares, notes = Shares(), []
    if options.pair_effects and repeated(data):
        shares = find_shares(data, sweeps, design, link.noise, estimate_tau=estimate_tau)
        if shares.total > MOST - 1e-9 and unanimous(data):
            once = _once(data)
            found = _answers(once, options, design, start, 1.0, components)
            return replace(found, data=data, notes=(*found.notes, _REPEATED))
        if shares.total < LEAST + 1e-9:
            shares = Shares()
            sweeps.share(None, design)
    # Local variances are good where the graph is dense (four rows an item), and pay where an
    # inverse costs more than some sweeps: not below 100 items.
    coarse = dense and sweeps.effects is None and len(design.first) >= 4 * design.n > 400
    gaussian = converge(sweeps, estimate_tau=estimate_tau, coarse=coarse)
    if not gaussian.converged:
        notes.append("expectation propagation did not converge")
    tails = None
    if estimate_tau and form_is_seen(gaussian):
        gain, best = tails_of(gaussian, None, gaussian.tau)
        if gain > FAR:
            # Of the mixture's scale is known what of one normal's is.
            scale = scale_error(sweeps)
            tails, estimate_tau = with_tails(sweeps, best), False
            sweeps.gaussian = spread_out(sweeps.gaussian, scale)
    gaussian = averaged(sweeps, estimate_tau=estimate_tau)
    posterior = Posterior(sweeps.design, gaussian)
    said = tuple(notes)
    return Fit(data, options, posterior, "ep", components, shares=shares, tails=tails, notes=said)


_REPEATED = "repeated questions always got the answer that they got before: each counts once"


def _once(data: Comparisons) -> Comparisons:
    """Each presentation with one answer; all were alike."""
    return replace(
        data,
        wins=np.minimum(data.wins, 1.0),
        losses=np.minimum(data.losses, 1.0),
    )


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
    if not mode.converged:
        raise UsageError(_SEPARATED)
    phi = dispersion(data, link, eta, design.size - 1) if data.soft else 1.0
    _, _, weights = Likelihood(data, link, multiplier=1 / phi).terms(eta)
    precision = design.precision(weights, np.zeros(design.size))
    dense = design.n <= max(options.dense_limit, 2000)
    covariance = centred_inverse(design, precision) if dense else None
    gaussian = Gaussian(
        mode.theta,
        precision,
        weights,
        np.inf,
        covariance,
        np.zeros(design.n),
        np.zeros((design.size, 0)),
    )
    posterior = Posterior(design, gaussian)
    if float(posterior.effect_se().max(initial=0)) > DIVERGED:
        raise UsageError(_SEPARATED)
    return posterior, phi


_SEPARATED = (
    "no finite maximum-likelihood position effect: it separates the answers; "
    "use --prior-sd auto, or --no-position"
)
DIVERGED = 1e3
"""Standard error of β that no finite maximum has: where the likelihood has none, Newton's method
ends where its curvature is that of the last digits, and the error is 1e6 and more."""


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
