"""How wide an interval will be, and the smallest effect that a paired design finds."""

import itertools
import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.stats.intervals import FloatArray
from harness.stats.ratings.matrix import item_means

__all__ = [
    "Spread",
    "effect_spread",
    "half_width",
    "smallest_asymmetry",
    "smallest_bound",
    "smallest_correlation",
    "smallest_diagonal",
    "smallest_effect",
    "spread_of",
]

_TABLES = 4000
"""Simulated matrices behind the power of a diagonal: a power of .8 has a standard error of .006."""

_ENUMERATED = 5
"""Most models whose assignments are all taken (120); of more, as many are drawn."""


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


def effect_spread(one: FloatArray, other: FloatArray) -> float:
    """Standard deviation over items of the true difference of two conditions, repeats taken out.

    Both are (items × repeats) in one order; NaN are left out. NaN below two items or two repeats.
    """
    gap = item_means(one) - item_means(other)
    gap = gap[np.isfinite(gap)]
    noise = 0.0
    for ratings in (one, other):
        count = np.isfinite(ratings).sum(axis=1)
        noise += spread_of(ratings, effect=0.0).repeats ** 2 * float(
            np.mean(1 / count[count > 0]) if (count > 0).any() else math.nan
        )
    if len(gap) < 2:
        return math.nan
    return math.sqrt(max(0.0, float(gap.var(ddof=1)) - noise)) if noise >= 0 else math.nan


def smallest_effect(
    spread: Spread,
    *,
    items: int,
    repeats: int,
    tests: int = 1,
    averaged: int = 1,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float:
    """Mean paired difference that a two-sided test over items finds with that power.

    Its error is √((σ_e² + 2σ_r²/(k·a))/n) for n items, k repeats in each condition and a pairs of
    conditions averaged, whose effect on an item is the same; the effect where the noncentral t of
    n − 1 degrees passes its critical value with `power`. Of several `tests` (Holm's correction) the
    first must pass α over their number. NaN below two items.
    """
    if items < 2:
        return math.nan
    error = math.sqrt((spread.effect**2 + 2 * spread.repeats**2 / (repeats * averaged)) / items)
    return error * _noncentrality(items - 1, alpha / tests, power)


def smallest_asymmetry(
    spread: Spread,
    *,
    items: int,
    repeats: int,
    tests: int = 1,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float:
    """Δ⁺ + Δ⁻ over items that a two-sided test finds with that power; as `smallest_effect`.

    m⁺ + m⁻ − 2·m₀: two effects of their own on each item, and the neutral condition's noise twice,
    so its error is √((2σ_e² + 6σ_r²/k)/n). NaN below two items.
    """
    if items < 2:
        return math.nan
    error = math.sqrt((2 * spread.effect**2 + 6 * spread.repeats**2 / repeats) / items)
    return error * _noncentrality(items - 1, alpha / tests, power)


def smallest_bound(
    spread: Spread, *, items: int, repeats: int, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Equivalence bound that two one-sided tests reach with that power where nothing differs.

    Both must pass: 2·P(t ≤ …) − 1 ≥ power at the error of a paired difference (normal in the
    difference, Student's critical value). NaN below two items.
    """
    if items < 2:
        return math.nan
    error = math.sqrt((spread.effect**2 + 2 * spread.repeats**2 / repeats) / items)
    t = stats.t(items - 1)
    return error * float(t.ppf(1 - alpha) + t.ppf((1 + power) / 2))


def smallest_correlation(
    items: int, *, strata: int = 1, power: float = 0.8, alpha: float = 0.05
) -> float:
    """|r| over items (within `strata`) that a two-sided test finds with that power.

    t = r√df/√(1 − r²) at n − strata − 1 degrees. NaN where there are too few items.
    """
    df = items - strata - 1
    if df < 1:
        return math.nan
    shift = _noncentrality(df, alpha, power)
    return shift / math.sqrt(shift**2 + df)


def smallest_diagonal(
    spread: Spread,
    *,
    items: int,
    repeats: int,
    models: int,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float:
    """Self less cross that `self_vs_cross` finds over items with that power, of `models`² cells.

    A cell's error on one item is √(σ_e²/2 + σ_r²/k): half of a paired effect's variance is each
    side's. The test is by assignments of completers to raters, so its power is simulated (normal
    cells, fixed draws). NaN where no assignment can be rare enough (three models have six).
    """
    orders = _assignments(models)
    allowed = math.floor(alpha * len(orders) + 1e-9)
    if items < 2 or allowed < 1:
        return math.nan
    rng = np.random.default_rng((models, _TABLES))
    noise = rng.normal(size=(_TABLES, models, models))
    rows = np.arange(models)
    centred = noise - noise.mean(axis=2, keepdims=True) - noise.mean(axis=1, keepdims=True)
    centred += noise.mean(axis=(1, 2), keepdims=True)
    root = math.sqrt(models - 1)
    drawn = np.stack([centred[:, rows, order].sum(axis=1) for order in orders], axis=1) / root
    # The double-centred identity has trace k − 1; an assignment with f fixed points sees f − 1.
    seen = np.array([(np.sum(order == rows) - 1) / (models - 1) for order in orders])

    def found(shift: float) -> float:
        values = np.abs(drawn + shift * seen)
        rank = (values >= values[:, :1] - 1e-12).sum(axis=1)
        return float(np.mean(rank <= allowed))

    error = math.sqrt((spread.effect**2 / 2 + spread.repeats**2 / repeats) / items)
    return error / root * _smallest(found, power, 40.0)


def _assignments(models: int) -> Sequence[NDArray[np.int_]]:
    """Assignments of completers to raters, the one seen first."""
    rows = np.arange(models)
    if models <= _ENUMERATED:
        return [np.array(order) for order in itertools.permutations(range(models))]
    rng = np.random.default_rng((models, _ENUMERATED))
    return [rows, *(rng.permutation(models) for _ in range(119))]


def _noncentrality(df: int, alpha: float, power: float) -> float:
    """Shift in standard errors at which a two-sided t-test finds with that power."""
    critical = float(stats.t.ppf(1 - alpha / 2, df))
    return _smallest(lambda shift: float(stats.nct.sf(critical, df, shift)), power, critical + 10)


def _smallest(found: Callable[[float], float], power: float, high: float) -> float:
    low = 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if found(middle) < power else (low, middle)
    return high
