"""The position effect on the probit scale, from pairs asked in both orders.

Model of one pair {a, b}: P(first | a first) = Φ((Δ + β)/√2), P(first | b first) =
Φ((−Δ + β)/√2), with Δ ~ N(δ, s²) over pairs: a probit with a random effect for each pair, its
likelihood by Gauss–Hermite quadrature. Treating Δ as zero, or averaging Φ⁻¹ of pooled rates,
attenuates β by about 1/√(1 + s²/2): pairs differ in content far more than by noise. Here a
respondent's fixed idiosyncrasy about a pair (misfit that prefers an item) is part of Δ and
attenuates nothing.

What remains: a fixed idiosyncrasy about the *place* in one pair is not told apart from noise by
one answer an order, and then β̂ estimates β/√(1 + v²/2) for its variance v². Δ is taken as
normal. Planted effects are covered in tests/stats/choices/test_position.py.

`harness.stats.thurstone.fit` uses the items' identities as well, takes misfit for noise (which
shrinks β by the common scale, √(1 + misfit²/2)) and has the narrower intervals. This is the
estimate from pairs alone, and the check on the other's scale.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import brentq, minimize
from scipy.special import log_ndtr, ndtri

from harness.stats.choices.orders import BothOrders
from harness.stats.intervals import Estimate, FloatArray, mean_interval, undefined

__all__ = ["PairProbit", "position_effect"]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(61)
_LOG_WEIGHTS = np.log(_WEIGHTS / _WEIGHTS.sum())
_WIDE = 5.0
"""Prior sd of β, δ and s: keeps an always-first respondent finite, else without effect."""

_EDGE = 1e-9
"""Probabilities nearer to 0 or 1 than this are taken as this."""


@dataclass(frozen=True)
class PairProbit:
    """β, δ (content of a over b; 0 unless directed) and s, all in units of σ, with intervals."""

    position: Estimate
    content: Estimate
    content_sd: Estimate


def position_effect(
    pairs: BothOrders, *, directed: bool = False, spread: bool = True, confidence: float = 0.95
) -> PairProbit:
    """Fit the model above to `pairs`; `directed` estimates δ, else it is 0. Without `spread` s is
    left without an interval, which takes most of the time.

    Intervals from a sandwich over pairs; that of s by its profile likelihood, which begins at 0
    where the pairs may be without content. Under a log-probability read-out each pair gives
    β = (Φ⁻¹(p_a) + Φ⁻¹(p_b))/√2 and Δ = (Φ⁻¹(p_a) − Φ⁻¹(p_b))/√2 directly, and the estimates are
    their means with Student's interval.
    """
    if len(pairs) == 0:
        nothing = undefined("no pair answered in both orders")
        return PairProbit(nothing, nothing, nothing)
    if pairs.soft:
        return _from_probabilities(pairs, confidence)
    counts = np.stack(
        [pairs.first_a, pairs.asked_a - pairs.first_a, pairs.first_b, pairs.asked_b - pairs.first_b]
    )
    patterns, repeats = np.unique(counts, axis=1, return_counts=True)
    patterns = np.asarray(patterns, dtype=float)
    weight = np.asarray(repeats, dtype=float)

    def objective(x: FloatArray) -> float:
        penalty = (x[0] ** 2 + x[2] ** 2 + math.exp(2 * x[1])) / (2 * _WIDE**2)
        return float(-np.sum(weight * _log_likelihood(x, patterns)) + penalty)

    free = 3 if directed else 2
    start = np.array([0.0, 0.3, 0.0])
    fit = minimize(
        lambda x: objective(_padded(x)), start[:free], method="BFGS", options={"gtol": 1e-6}
    )
    best = _padded(fit.x)
    error = _standard_errors(best, free, patterns, weight, objective)
    z = float(stats.norm.ppf((1 + confidence) / 2))
    limits = _spread_limits(best, free, z, objective) if spread else (math.nan, math.nan)
    return _estimates(best, error, limits, len(pairs), directed, z)


_SMALLEST, _LARGEST = math.log(1e-2), math.log(100.0)
"""Logarithms of s between which its limits are looked for; the smallest stands for 0."""


def _spread_limits(
    best: FloatArray, free: int, z: float, objective: Callable[[FloatArray], float]
) -> tuple[float, float]:
    """Limits of s where the profile of the (penalised) log-likelihood has fallen by z²/2."""
    cut = objective(best) + z * z / 2

    def excess(log_s: float) -> float:
        def rest(x: FloatArray) -> float:
            return objective(_padded(np.array([x[0], log_s, *x[1:]])))

        start = np.delete(best[:free], 1)
        return float(minimize(rest, start, method="BFGS", options={"gtol": 1e-4}).fun) - cut

    middle = min(max(float(best[1]), _SMALLEST), _LARGEST)
    low, high = 0.0, math.exp(_LARGEST)
    if excess(_SMALLEST) > 0:
        low = math.exp(float(brentq(excess, _SMALLEST, middle, xtol=1e-3)))
    above = middle
    while above < _LARGEST:
        above = min(above + 1.0, _LARGEST)
        if excess(above) > 0:
            high = math.exp(float(brentq(excess, above - 1.0, above, xtol=1e-3)))
            break
    return low, high


def _padded(x: FloatArray) -> FloatArray:
    """β, log s, δ; δ is 0 unless it is free."""
    return np.concatenate([x, np.zeros(3 - len(x))])


def _log_likelihood(x: FloatArray, patterns: FloatArray) -> FloatArray:
    """Log-likelihood of each pattern (4 × m: chosen first and second, a first and b first)."""
    delta = x[2] + math.exp(min(x[1], 5.0)) * _NODES
    a, b = (x[0] + delta) / math.sqrt(2), (x[0] - delta) / math.sqrt(2)
    logs = np.stack([log_ndtr(a), log_ndtr(-a), log_ndtr(b), log_ndtr(-b)])
    terms = patterns.T @ logs + _LOG_WEIGHTS
    # As logsumexp, which takes several times as long for a few patterns.
    top = terms.max(axis=1)
    result: FloatArray = top + np.log(np.exp(terms - top[:, None]).sum(axis=1))
    return result


def _standard_errors(
    best: FloatArray,
    free: int,
    patterns: FloatArray,
    weight: FloatArray,
    objective: Callable[[FloatArray], float],
) -> FloatArray:
    """The larger of the sandwich over pairs and the inverse Hessian, for each parameter.

    Where all pairs answer alike the sandwich is zero and only the Hessian knows the prior.
    """
    step = 1e-3
    axes = np.eye(3)[:free] * step
    score = np.stack(
        [
            (_log_likelihood(best + axis, patterns) - _log_likelihood(best - axis, patterns))
            / (2 * step)
            for axis in axes
        ]
    )
    hessian = np.array(
        [
            [
                objective(best + x + y)
                - objective(best + x - y)
                - objective(best - x + y)
                + objective(best - x - y)
                for x in axes
            ]
            for y in axes
        ]
    ) / (4 * step**2)
    inverse = np.linalg.pinv(hessian)
    pairs = weight.sum()
    meat = (score * weight) @ score.T * pairs / max(1.0, pairs - 1)
    variance = np.maximum(np.diag(inverse), np.diag(inverse @ meat @ inverse))
    return _padded(np.sqrt(np.maximum(variance, 0.0)))


def _estimates(
    best: FloatArray,
    error: FloatArray,
    spread: tuple[float, float],
    pairs: int,
    directed: bool,
    z: float,
) -> PairProbit:
    def of(value: float, low: float, high: float, interval: str = "sandwich") -> Estimate:
        return Estimate(estimate=value, low=low, high=high, n=pairs, interval=interval)

    beta, log_s, delta = best.tolist()
    half = (z * error).tolist()
    return PairProbit(
        position=of(beta, beta - half[0], beta + half[0]),
        content=of(delta, delta - half[2], delta + half[2])
        if directed
        else undefined("content has no direction here", n=pairs),
        content_sd=of(math.exp(log_s), *spread, "profile likelihood"),
    )


def _from_probabilities(pairs: BothOrders, confidence: float) -> PairProbit:
    a, b = (
        ndtri(np.clip(rate, _EDGE, 1 - _EDGE))
        for rate in (pairs.first_a / pairs.asked_a, pairs.first_b / pairs.asked_b)
    )
    content = (a - b) / math.sqrt(2)
    spread = float(np.sqrt(np.mean((content - content.mean()) ** 2)))
    return PairProbit(
        position=mean_interval((a + b) / math.sqrt(2), confidence=confidence),
        content=mean_interval(content, confidence=confidence),
        content_sd=Estimate(estimate=spread, n=len(pairs)),
    )
