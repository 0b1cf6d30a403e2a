"""What the evidence says along one variance: whether it may be 0, and how large it may be.

Log evidence is integrated from its derivative G along the standard deviation s, where it is smooth
down to 0: d log Z/ds = 2 G/s. The other variances are at their best for each s.
"""

from copy import copy
from dataclasses import dataclass

import numpy as np

from harness.stats.facets.evidence import SMALLEST, converge, gradients
from harness.stats.facets.propagation import Propagation

__all__ = ["FOUND", "WEAK", "Profile", "profile"]

FOUND = 1.3528
"""Log evidence from which a variance is not 0: half the 90 % point of chi² with one degree of
freedom, since without any variance the estimate is 0 in one half of all data sets."""
WEAK = 4.0
"""Log evidence below which the logarithm of a variance is no normal any more."""
_ENOUGH = 3 * WEAK
"""Gain from which no more of it is summed: what is left can only add, and nothing hangs on it."""
_FALL = 1.9207
"""Half the 95 % point of chi² with one degree of freedom."""
_STEPS = 24


@dataclass(frozen=True)
class Profile:
    """`gain`: log evidence over a variance of 0, far above `WEAK` at least so much. `sd` is the
    estimate of s, `high` its upper 95 % limit where the gain is below `WEAK`, else None: then the
    log variance is as good as normal."""

    gain: float
    sd: float
    high: float | None


def profile(run: Propagation, component: int, *, nodes: int = 5) -> Profile:
    """Of one component (the pairs' is the last); the run stays as it is."""
    run = copy(run)
    sd = float(np.sqrt(_get(run, component)))
    gain = _gain(copy(run), component, sd, nodes)
    return Profile(gain, sd, _high(run, component, sd) if gain < WEAK else None)


def _gain(run: Propagation, component: int, sd: float, nodes: int) -> float:
    if sd**2 <= 2 * SMALLEST:
        return 0.0
    x, weight = np.polynomial.legendre.leggauss(nodes)
    gain = 0.0
    for at, share in zip(x[::-1], weight[::-1], strict=True):
        gain += sd / 2 * share * _slope(run, component, sd * (at + 1) / 2)
        if gain > _ENOUGH:
            break
    return max(float(gain), 0.0)


def _high(run: Propagation, component: int, sd: float) -> float:
    step = max(0.15, 0.25 * sd)
    at, fallen, before = sd, 0.0, 0.0
    for _ in range(_STEPS):
        slope = _slope(run, component, at + step)
        lost = -step * (before + slope) / 2
        if fallen + lost >= _FALL:
            return at + step * (_FALL - fallen) / max(lost, 1e-9)
        at, fallen, before = at + step, fallen + lost, slope
    return at


def _slope(run: Propagation, component: int, sd: float) -> float:
    """d log Z/ds at s = `sd`."""
    if component < run.layout.components:
        run.variances = run.variances.copy()
        run.variances[component] = sd**2
    else:
        # More that pairs share is a larger unit of everything else: that is where the others go.
        run.variances = run.variances * (1 + sd**2 / 2) / (1 + run.pair / 2)
        run.pair = sd**2
    converge(run, held=(component,), tolerance=0.03, limit=15)
    return 2 * float(gradients(run)[component]) / sd


def _get(run: Propagation, component: int) -> float:
    return float(run.variances[component]) if component < run.layout.components else run.pair
