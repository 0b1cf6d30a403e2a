"""Choices with a third answer: probabilities of first, second and third.

Neither: an outside option of utility c with a noise of its own beats both,
P = ∫ φ(e) Φ((c − a)/σ + e) Φ((c − b)/σ + e) de. Indifferent: the difference of
the two, noise included, is less than a threshold.
"""

import math
from statistics import NormalDist

__all__ = ["or_indifferent", "or_neither"]

_NORMAL = NormalDist()
_STEP = 0.05
_GRID = [(k * _STEP, _STEP * _NORMAL.pdf(k * _STEP)) for k in range(-120, 121)]


def or_neither(first: float, second: float, outside: float, noise: float) -> list[float]:
    """Of three utilities, the probability that each is the largest; `noise` is the sd of each."""

    def largest(own: float, one: float, other: float) -> float:
        a, b = (own - one) / noise, (own - other) / noise
        return sum(w * _below(a + e) * _below(b + e) for e, w in _GRID)

    found = [
        largest(first, second, outside),
        largest(second, first, outside),
        largest(outside, first, second),
    ]
    whole = sum(found)
    return [one / whole for one in found]


def or_indifferent(gap: float, threshold: float, noise: float) -> list[float]:
    """Of a difference `gap` of utilities; `threshold` is on its scale."""
    scale = math.sqrt(2) * noise
    first, second = _below((gap - threshold) / scale), _below((-gap - threshold) / scale)
    return [first, second, max(1 - first - second, 0.0)]


def _below(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))
