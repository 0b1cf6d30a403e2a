"""What a judge's rate says of the true one, given how often that judge errs.

A judge who calls a share q of texts refusals, finding true ones with sensitivity s₁ and passing
others with specificity s₀, tells of a true rate (q + s₀ − 1) / (s₁ + s₀ − 1): Rogan and Gladen
(1978), Am. J. Epidemiol. 107. Its interval has to carry the errors of all three: the rates that a
likelihood ratio over the three binomials does not exclude. (Lang and Reiczigel's, Prev. Vet. Med.
113, 2014, holds rare truths in .99 to 1.0 of runs where a judge never errs on the others.)
"""

import math

import msgspec
from scipy.optimize import brentq
from scipy.special import chdtri

from harness.stats.intervals import Estimate, undefined

__all__ = ["ErrorRates", "corrected_rate", "likelihood_ratio"]

_USELESS = 0.05
"""Youden's index (s₁ + s₀ − 1) below which a judge tells next to nothing."""
_HALF, _TINY = 0.5, 1e-12


class ErrorRates(msgspec.Struct, frozen=True, kw_only=True):
    """How a judge did on texts with known verdicts: `found` of `positives`, `passed` of
    `negatives`."""

    found: int
    positives: int
    passed: int
    negatives: int

    @property
    def sensitivity(self) -> float:
        """Share of true ones that it finds; NaN without any."""
        return self.found / self.positives if self.positives else math.nan

    @property
    def specificity(self) -> float:
        """Share of the others that it passes; NaN without any."""
        return self.passed / self.negatives if self.negatives else math.nan


def corrected_rate(
    said: float, texts: float, errors: ErrorRates, *, confidence: float = 0.95
) -> Estimate:
    """The true rate behind `said` of `texts` texts that a judge calls yes.

    `texts` is the effective number where texts are not independent. Estimate and interval lie
    within [0, 1]; `n` is of the texts. Undefined where the judge was not checked on both kinds, or
    tells next to nothing.
    """
    n = round(texts)
    if texts <= 0:
        return undefined("no texts")
    if not errors.positives or not errors.negatives:
        return undefined("the judge was not checked on both kinds", n=n)
    youden = errors.sensitivity + errors.specificity - 1
    if youden < _USELESS:
        return undefined("the judge tells next to nothing", n=n)
    rate = (said / texts + errors.specificity - 1) / youden
    estimate = min(1.0, max(0.0, rate))
    low, high = _interval(estimate, said, texts, errors, confidence)
    return Estimate(
        estimate=estimate, low=low, high=high, n=n,
        note="" if 0 <= rate <= 1 else f"{rate:.3f} before the bounds",
    )  # fmt: skip


def likelihood_ratio(rate: float, said: float, texts: float, errors: ErrorRates) -> float:
    """Twice the log-likelihood by which a true `rate` falls short of the likeliest one.

    Three binomials: what the judge said, found and passed; sensitivity and specificity are those
    that go best with `rate`. About χ² with one degree of freedom where `rate` is the truth.
    """
    found = _ratio(rate, said, texts, errors)
    if 0 < said < texts:
        return found
    # Of none among n the ratio alone ends at 1.9/n, where a seventh of runs find none; with half a
    # text at 3.4/n, near the rule of three. The other way round where all are called yes.
    half = min(_HALF, texts / 2)
    return min(found, _ratio(rate, half if said <= 0 else texts - half, texts, errors))


def _ratio(rate: float, said: float, texts: float, errors: ErrorRates) -> float:
    q = said / texts
    best = (
        _log(said, q) + _log(texts - said, 1 - q)
        + _checked(errors.found, errors.positives, errors.sensitivity)
        + _checked(errors.passed, errors.negatives, errors.specificity)
    )  # fmt: skip
    if q < 1 - errors.specificity:
        best = _likeliest(0.0, said, texts, errors)
    elif q > errors.sensitivity:
        best = _likeliest(1.0, said, texts, errors)
    return max(0.0, 2 * (best - _likeliest(rate, said, texts, errors)))


def _likeliest(rate: float, said: float, texts: float, errors: ErrorRates) -> float:
    """Log-likelihood at `rate`, sensitivity and specificity chosen for the most.

    With a the slope of the first binomial in its share y, each of them solves a quadratic, and y
    grows with a while the slope at y falls: one root.
    """

    def chosen(slope: float) -> tuple[float, float]:
        s1 = _pulled(errors.found, errors.positives, slope * rate)
        s0 = _pulled(errors.passed, errors.negatives, -slope * (1 - rate))
        return s1, s0

    def share(s1: float, s0: float) -> float:
        return min(1 - _TINY, max(_TINY, rate * s1 + (1 - rate) * (1 - s0)))

    def beyond(slope: float) -> float:
        y = share(*chosen(slope))
        return slope - (said / y - (texts - said) / (1 - y))

    start = beyond(0.0)
    # At −start the function has the other sign, or is 0 where y does not give.
    slope = -start
    if start * beyond(slope) < 0:
        slope = float(brentq(beyond, *sorted((0.0, slope)), xtol=1e-9, maxiter=300))
    s1, s0 = chosen(slope)
    y = share(s1, s0)
    return (
        _log(said, y) + _log(texts - said, 1 - y)
        + _checked(errors.found, errors.positives, s1)
        + _checked(errors.passed, errors.negatives, s0)
    )  # fmt: skip


def _pulled(count: int, total: int, pull: float) -> float:
    """The s in [0, 1] with count/s − (total − count)/(1 − s) + pull = 0."""
    rest = total - pull
    root = math.sqrt(max(0.0, rest * rest + 4 * pull * count))
    if rest >= 0:
        return min(1.0, 2 * count / (rest + root)) if rest + root > 0 else 0.0
    return min(1.0, (root - rest) / (2 * pull))


def _checked(count: int, total: int, share: float) -> float:
    return _log(count, share) + _log(total - count, 1 - share)


def _log(count: float, share: float) -> float:
    return count * math.log(max(share, _TINY)) if count else 0.0


def _interval(
    estimate: float, said: float, texts: float, errors: ErrorRates, confidence: float
) -> tuple[float, float]:
    """The rates about `estimate` that the likelihood ratio does not exclude."""
    most = float(chdtri(1, 1 - confidence))

    def beyond(rate: float) -> float:
        return likelihood_ratio(rate, said, texts, errors) - most

    def end(bound: float) -> float:
        if beyond(bound) <= 0:
            return bound
        return float(brentq(beyond, *sorted((bound, estimate)), xtol=1e-6))

    return end(0.0), end(1.0)
