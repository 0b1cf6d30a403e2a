"""What a unit of dose does, against nothing and against random directions of the same norm.

A direction that means nothing moves a model too: a vector of a tenth of an activation's norm is a
large one whichever way it points. So a concept's effect is held against those of random directions.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from scipy import optimize, stats

from harness.stats.effects.permutation import mean_test
from harness.stats.intervals import Estimate, FloatArray, Tested, undefined

__all__ = [
    "AgainstRandom",
    "against_random",
    "dose_slope",
    "item_slopes",
    "slope_weights",
    "smallest_slope",
    "weighted_sum",
]


class AgainstRandom(msgspec.Struct, frozen=True, kw_only=True):
    """A slope among those of K random directions: two-sided `p`, and the `band` ± that a further
    random direction would keep to in 95 of 100."""

    p: float
    band: float
    directions: int


def slope_weights(doses: Sequence[float]) -> FloatArray:
    """Weights of the values at these doses that give the least-squares slope per unit of dose."""
    centred = np.asarray(doses, dtype=float) - np.mean(doses)
    spread = float((centred**2).sum())
    found: FloatArray = centred / spread if spread > 0 else np.full(len(centred), np.nan)
    return found


def item_slopes(values: FloatArray, doses: Sequence[float]) -> FloatArray:
    """Least-squares slope of each row of (items × doses); NaN where a dose is missing."""
    found: FloatArray = values @ slope_weights(doses)
    return found


def dose_slope(values: FloatArray, doses: Sequence[float]) -> Tested:
    """Mean over items of their slopes per unit of dose, from (items × doses) means.

    Each item is set against itself at other doses. p and interval by sign flips over items; an item
    without all doses is counted in `undefined`.
    """
    return mean_test(item_slopes(values, doses))


def against_random(slope: float, others: FloatArray) -> AgainstRandom:
    """A slope against those of random directions of the same norm.

    A random direction is as likely as its opposite, so its slope has mean 0, and over directions
    it is all but normal (a projection of a uniform unit vector); sampling error is in all alike. So
    slope ÷ root mean square of K random ones is Student's t with K degrees of freedom where the
    concept is one more direction. NaN below three directions.
    """
    known = others[np.isfinite(others)]
    count = len(known)
    if count < 3 or not math.isfinite(slope):
        return AgainstRandom(p=math.nan, band=math.nan, directions=count)
    size = float(np.sqrt((known**2).mean()))
    p = 2 * float(stats.t.sf(abs(slope) / size, count)) if size > 0 else float(slope == 0)
    return AgainstRandom(p=p, band=float(stats.t.ppf(0.975, count)) * size, directions=count)


def weighted_sum(parts: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """A weighted sum of estimates from independent samples, from their intervals alone.

    Limits by square-and-add (Zou & Donner 2008): each side takes the distances of the limits that
    lie on that side.
    """
    if not parts or not all(math.isfinite(part.estimate) for part in parts):
        return undefined("a part is not defined")
    total = sum(w * part.estimate for w, part in zip(weights, parts, strict=True))
    down = up = 0.0
    for w, part in zip(weights, parts, strict=True):
        below, above = part.estimate - part.low, part.high - part.estimate
        down += (w * (below if w > 0 else above)) ** 2
        up += (w * (above if w > 0 else below)) ** 2
    return Estimate(
        estimate=total,
        low=total - math.sqrt(down),
        high=total + math.sqrt(up),
        n=min(part.n for part in parts),
        interval="square-and-add",
    )


def smallest_slope(
    *,
    repeats_sd: float,
    effect_sd: float,
    items: int,
    repeats: int,
    doses: Sequence[float],
    directions: int,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float:
    """Slope per unit of dose that `against_random` finds with that power, where random directions
    move nothing on average over items.

    The error of one slope is √((σ_r²/(k·S) + (σ_e/d)²)/n) for n items, k repeats, S the sum of
    squares of the doses about their mean and d the largest of them: σ_e is the standard deviation
    over items of what that dose does. NaN below three directions or two doses.
    """
    spread = float(np.sum((np.asarray(doses) - np.mean(doses)) ** 2))
    most = max((abs(dose) for dose in doses), default=0.0)
    if directions < 3 or spread == 0 or items < 2:
        return math.nan
    error = math.sqrt((repeats_sd**2 / (repeats * spread) + (effect_sd / most) ** 2) / items)
    bound = float(stats.t.ppf(1 - alpha / 2, directions))

    def short(shift: float) -> float:
        found = stats.nct.sf(bound, directions, shift) + stats.nct.cdf(-bound, directions, shift)
        return float(found) - power

    # SciPy's noncentral t has no value far out, where the power is 1 already.
    above = next(shift for shift in np.arange(1.0, 40.0, 0.5) if short(shift) > 0)
    return error * float(optimize.brentq(short, 0.1, above))
