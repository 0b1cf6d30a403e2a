"""Response noise of each item's own: σ_i fitted jointly with the utilities.

    z = (μ_first − μ_second + β)/sqrt(σ_first² + σ_second²),  Σ log σ = 0,  λ Σ (log σ)² in J
                                                                     (or λ Σ σ²)

Not convex; started at σ = 1 and solved by L-BFGS-B. It needs about 100 answers an item: with fewer,
σ takes up noise, so the fit is compared with σ = 1 on held-out pairs and says which it kept.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from harness.stats.thurstone.comparisons import Comparisons, FloatArray, sums
from harness.stats.thurstone.ep import Gaussian
from harness.stats.thurstone.fit import Fit, Options, fit
from harness.stats.thurstone.heldout import Heldout, score, split
from harness.stats.thurstone.likelihood import Likelihood
from harness.stats.thurstone.links import LINKS
from harness.stats.thurstone.pair_effects import Shares
from harness.stats.thurstone.posterior import Posterior
from harness.stats.thurstone.precision import Design

__all__ = ["Choice", "SigmaObjective", "choose_sigma", "fit_sigma", "predict_sigma"]

ENOUGH = 100
"""Median comparisons an item from which per-item σ is kept without asking held-out data."""


@dataclass(frozen=True, eq=False)
class Choice:
    """The fit that was kept, and the held-out scores it was judged by (None where too few)."""

    fit: Fit
    fixed: Heldout | None
    per_item: Heldout | None


class SigmaObjective:
    """J of x = (θ, ρ) with log σ = ρ − mean ρ (or ρ itself, not centred); θ = (μ, β).

    `ridge` (n + G,) is the prior's precision of θ. The mean of ρ, on which J does not depend, is
    held at 0 by a term of its own.
    """

    def __init__(
        self, data: Comparisons, options: Options, design: Design, ridge: FloatArray
    ) -> None:
        self.design, self.ridge, self.penalty = design, ridge, options.penalty
        self.centred, self.on = options.sigma_centred, options.penalty_on
        self.likelihood = Likelihood(data, LINKS[options.link])
        # η = scale·√2·d/s keeps the link's own scale at σ = 1.
        self.scale = LINKS[options.link].scale * np.sqrt(2)

    def split(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """θ (n + G,) and log σ (n,)."""
        theta, rho = x[: self.design.size], x[self.design.size :]
        return theta, rho - rho.mean() if self.centred else rho

    def rows(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """η, k = dη/dd, and each side's share of the row's variance, (m,) each."""
        theta, log_sigma = self.split(x)
        variance = np.exp(2 * log_sigma)
        f, s = variance[self.design.first], variance[self.design.second]
        total = f + s
        k = self.scale / np.sqrt(total)
        eta = self.design.linear(theta) / self.design.scale * k
        return eta, k, f / total, s / total

    def penalised(self, log_sigma: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """The penalty, its gradient and its curvature in log σ, (n,) each."""
        if self.on == "log":
            value = self.penalty * float(log_sigma @ log_sigma)
            return value, 2 * self.penalty * log_sigma, np.full(self.design.n, 2 * self.penalty)
        squares = self.penalty * np.exp(2 * log_sigma)
        return float(squares.sum()), 2 * squares, 4 * squares

    def __call__(self, x: FloatArray) -> tuple[float, FloatArray]:
        """J and its gradient."""
        theta, log_sigma = self.split(x)
        rho = x[self.design.size :]
        eta, k, share_f, share_s = self.rows(x)
        nll, slope, _ = self.likelihood.terms(eta)
        n = self.design.n
        by_theta = self.design.transpose(slope * k / self.design.scale) + self.ridge * theta
        pull = -slope * eta
        by_sigma = sums(self.design.first, pull * share_f, n)
        by_sigma += sums(self.design.second, pull * share_s, n)
        penalty, pulled, _ = self.penalised(log_sigma)
        by_sigma += pulled
        value = nll + 0.5 * float(self.ridge @ theta**2) + penalty
        if self.centred:
            by_sigma += 10 * rho.mean() - by_sigma.mean()
            value += 5 * n * float(rho.mean()) ** 2
        return value, np.concatenate([by_theta, by_sigma])

    def information(self, x: FloatArray) -> FloatArray:
        """Expected information of (θ, log σ) plus the prior's, dense, (2n + G,) square."""
        eta, k, share_f, share_s = self.rows(x)
        _, _, curvature = self.likelihood.terms(eta)
        design, n, size = self.design, self.design.n, self.design.size
        rows = np.arange(len(eta))
        jacobian = np.zeros((len(eta), size + n))
        jacobian[rows, design.first] = k
        jacobian[rows, design.second] = -k
        if design.groups:
            jacobian[rows, n + design.group] = k
        jacobian[rows, size + design.first] = -eta * share_f
        jacobian[rows, size + design.second] = -eta * share_s
        full = jacobian.T @ (curvature[:, None] * jacobian)
        prior = np.concatenate([self.ridge, self.penalised(self.split(x)[1])[2]])
        full[np.diag_indices_from(full)] += prior
        if self.centred:
            full[size:, size:] += max(float(np.mean(np.diagonal(full))), 1.0)
        return np.asarray(full)


def fit_sigma(data: Comparisons, options: Options, *, base: Fit) -> Fit:
    """Per-item σ from the start of `base`, the σ = 1 fit of the same data, with its τ."""
    link = LINKS[options.link]
    design = Design(data, position=options.position, scale=link.scale)
    tau = base.tau
    ridge = np.zeros(design.size)
    if tau is not None:
        ridge[: design.n], ridge[design.n :] = tau**-2, options.effect_sd**-2
    objective = SigmaObjective(data, options, design, ridge)
    start = np.concatenate([base.posterior.gaussian.mean, np.zeros(design.n)])
    bound = options.sigma_bound
    limits = [(None, None)] * design.size + [(None if bound is None else -bound, bound)] * design.n
    result = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=limits,
        options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-12, "gtol": 1e-6},
    )
    x = np.asarray(result.x)
    _, log_sigma = objective.split(x)
    if bound is not None:
        log_sigma = np.clip(log_sigma, -bound, bound)
    notes = () if result.success else (f"per-item sigma: {result.message}",)
    posterior = _posterior(objective, x, options, tau)
    if posterior.gaussian.covariance is None:
        notes = (*notes, "intervals are for the sigma found, without its own uncertainty")
    return replace(
        base,
        options=replace(options, sigma="per-item"),
        posterior=posterior,
        method="laplace",
        sigma=np.exp(log_sigma),
        shares=Shares(),
        notes=notes,
    )


def _posterior(
    objective: SigmaObjective, x: FloatArray, options: Options, tau: float | None
) -> Posterior:
    design = objective.design
    eta, k, _, _ = objective.rows(x)
    _, _, curvature = objective.likelihood.terms(eta)
    weights = curvature * (k / design.scale) ** 2
    precision = design.precision(weights, objective.ridge)
    covariance = None
    small = design.n <= options.dense_limit and len(eta) * design.n < 2e8
    if small:
        covariance = _theta_covariance(objective, x, tau)
    theta, _ = objective.split(x)
    gaussian = Gaussian(
        theta,
        precision,
        weights,
        np.inf if tau is None else tau,
        covariance,
        1 / precision.degree,
        np.zeros((design.size, 0)),
    )
    return Posterior(design, gaussian)


def _theta_covariance(objective: SigmaObjective, x: FloatArray, tau: float | None) -> FloatArray:
    full, n, size = objective.information(x), objective.design.n, objective.design.size
    level = 0.0
    if tau is None:
        level = max(float(np.mean(np.diagonal(full)[:n])) / n, 1e-12)
        full[:n, :n] += level
    covariance = np.linalg.pinv(full, hermitian=True)[:size, :size]
    if level:
        covariance[:n, :n] -= 1 / (level * n * n)
    return np.asarray(covariance)


def predict_sigma(fitted: Fit, data: Comparisons) -> FloatArray:
    """(m,) P(first) of rows of `data` at a fit with per-item σ."""
    link = LINKS[fitted.options.link]
    design = Design(data, position=bool(len(fitted.effects)), scale=1.0)
    variance = fitted.sigma**2
    noise = np.sqrt(0.5 * (variance[data.first] + variance[data.second]))
    latent = design.linear(np.concatenate([fitted.utilities, fitted.effects]))
    return link.probability(link.scale * latent / noise)


def choose_sigma(
    data: Comparisons,
    options: Options,
    *,
    rng: np.random.Generator,
    eligible: npt.NDArray[np.bool_] | None = None,
) -> Choice:
    """Fit both, score both on the same held-out pairs, keep per-item σ where it is better there,
    where items have `ENOUGH` comparisons, or where `options.force_sigma` says so.

    `eligible` (m,) are the rows whose pairs may be held out: the randomly drawn ones.
    """
    # σ takes the place that a prior by parts would have, and is fitted under one normal.
    options = replace(options, prior_groups="none")
    base = fit(data, replace(options, sigma="fixed"))
    rows = split(data, rng=rng, eligible=eligible)
    train, test = data.rows(~rows), data.rows(rows)
    fixed = per_item = None
    if train.total > 0 and test.total > 0:
        prior = 10.0 if base.tau is None else base.tau
        inner = fit(train, replace(options, sigma="fixed", prior_sd=prior))
        both = fit_sigma(train, replace(options, prior_sd=prior), base=inner)
        ones = replace(inner, sigma=np.ones(data.n))
        fixed, per_item = (
            score(predict_sigma(ones, test), test),
            score(predict_sigma(both, test), test),
        )
    better = fixed is not None and per_item is not None and per_item.nll < fixed.nll
    enough = float(np.median(data.per_item())) >= ENOUGH
    if not (better or enough or options.force_sigma):
        note = "per-item sigma did no better on held-out pairs: sigma = 1 kept"
        return Choice(replace(base, notes=(*base.notes, note)), fixed, per_item)
    return Choice(fit_sigma(data, options, base=base), fixed, per_item)
