"""How wide an interval will be, and the smallest effect that a paired design finds."""

import math

import msgspec
import numpy as np
from scipy import stats

from harness.stats.intervals import FloatArray
from harness.stats.ratings.matrix import item_means

__all__ = ["Spread", "half_width", "smallest_effect", "spread_of"]


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Standard deviations: of items' true means, of repeats of one item, of an effect over items.

    All on one scale, which is then that of what is reckoned from them.
    """

    items: float
    repeats: float
    effect: float


def spread_of(ratings: FloatArray, *, effect: float) -> Spread:
    """Spreads seen in (items × repeats) ratings by analysis of variance; NaN are left out.

    `effect` cannot be seen in one condition and is given. Where no item has two ratings, the
    spread over repeats is NaN.
    """
    count = np.isfinite(ratings).sum(axis=1)
    means = item_means(ratings)
    used = count > 0
    deviations = np.nan_to_num(ratings - means[:, None])
    degrees = int((count[used] - 1).sum())
    within = float((deviations**2).sum()) / degrees if degrees else math.nan
    size = float(1 / np.mean(1 / count[used])) if used.any() else math.nan
    between = float(np.var(means[used], ddof=1)) - (within / size if degrees else 0.0)
    return Spread(items=math.sqrt(max(0.0, between)), repeats=math.sqrt(within), effect=effect)


def half_width(spread: Spread, *, items: int, repeats: int, confidence: float = 0.95) -> float:
    """Expected half width of Student's interval of a mean over items; NaN below two items."""
    if items < 2:
        return math.nan
    error = math.sqrt((spread.items**2 + spread.repeats**2 / repeats) / items)
    return float(stats.t.ppf((1 + confidence) / 2, items - 1)) * error


def smallest_effect(
    spread: Spread, *, items: int, repeats: int, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Mean paired difference that a two-sided test over items finds with that power.

    Its error is √((σ_e² + 2σ_r²/k)/n) for n items and k repeats in each condition; the effect
    where the noncentral t of n − 1 degrees passes its critical value with `power`. NaN below two
    items.
    """
    if items < 2:
        return math.nan
    error = math.sqrt((spread.effect**2 + 2 * spread.repeats**2 / repeats) / items)
    critical = float(stats.t.ppf(1 - alpha / 2, items - 1))
    low, high = 0.0, critical + 10
    for _ in range(60):
        middle = (low + high) / 2
        found = float(stats.nct.sf(critical, items - 1, middle))
        low, high = (middle, high) if found < power else (low, middle)
    return high * error
