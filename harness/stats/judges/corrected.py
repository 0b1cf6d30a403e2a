"""What a judge's rate says of the true one, given how often that judge errs.

A judge who calls a share q of texts refusals, finding true ones with sensitivity s₁ and passing
others with specificity s₀, tells of a true rate (q + s₀ − 1) / (s₁ + s₀ − 1): Rogan and Gladen
(1978), Am. J. Epidemiol. 107. Its interval has to carry the errors of all three: that of Lang and
Reiczigel (2014), Prev. Vet. Med. 113, which adjusts the counts first.
"""

import math

import msgspec
from scipy.special import ndtri

from harness.stats.intervals import Estimate, undefined

__all__ = ["ErrorRates", "corrected_rate"]

_USELESS = 0.05
"""Youden's index (s₁ + s₀ − 1) below which a judge tells next to nothing."""


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
    low, high = _interval(said, texts, errors, confidence)
    estimate = min(1.0, max(0.0, rate))
    return Estimate(
        estimate=estimate, low=min(low, estimate), high=max(high, estimate), n=n,
        note="" if 0 <= rate <= 1 else f"{rate:.3f} before the bounds",
    )  # fmt: skip


def _interval(
    said: float, texts: float, errors: ErrorRates, confidence: float
) -> tuple[float, float]:
    z = float(ndtri((1 + confidence) / 2))
    n = texts + z * z
    q = (said + z * z / 2) / n
    n1, n0 = errors.positives + 2, errors.negatives + 2
    s1, s0 = (errors.found + 1) / n1, (errors.passed + 1) / n0
    youden = s1 + s0 - 1
    rate = (q + s0 - 1) / youden
    of_s1, of_s0 = s1 * (1 - s1) / n1, s0 * (1 - s0) / n0
    shift = 2 * z * z * (rate * of_s1 - (1 - rate) * of_s0)
    spread = q * (1 - q) / n + rate**2 * of_s1 + (1 - rate) ** 2 * of_s0
    half = z * math.sqrt(spread) / youden
    return max(0.0, rate + shift - half), min(1.0, rate + shift + half)
