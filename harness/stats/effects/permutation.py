"""Permutation tests whose interval comes from the same statistic as the p-value.

A p-value and an interval that test different things contradict each other where data are awkward
(Wilcoxon's p is not about a mean; a t-test of two groups not about unequal spreads). Here an
interval excludes zero exactly where p is below 1 − confidence. Where there are too few units for
any assignment to be that rare, there is no interval, and a note says so. All draws are fixed by
the number of units: a table does not change with the order in which it is computed.
"""

import math
from collections.abc import Iterator
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.stats.intervals import Estimate, FloatArray, Tested, tested, undefined

__all__ = ["critical_value", "mean_test", "slope_test", "two_sided_p", "unequal_spreads"]

_EXACT = 13
"""Most units whose 2ⁿ sign flips are all taken: 8 192, as many as are drawn for more."""

_DRAWN = 2**_EXACT
"""Sign vectors drawn, the one seen among them: a p of .05 has a standard error of .0024."""

_SYMMETRIC_FROM = 100
"""Units from which the mean of skewed values is near enough to a symmetric one."""

_SKEWED = (
    "skewed values: a p of .05 comes by chance in .07 to .08, and the interval misses as often"
)

_UNEQUAL_SPREADS = (
    "a group of {few} whose spread is {ratio:.1f} times the other's: a p of .05 comes by chance in "
    ".08 to .09, and the interval misses as often"
)

_CHUNK = 2_000_000
"""Elements of one block of assignments (16 MB)."""


def mean_test(values: FloatArray, *, confidence: float = 0.95) -> Tested:
    """Mean of one value a unit; p and interval by flipping signs about the hypothesis.

    `values` may hold NaN, which are counted in `undefined`. The studentised statistic of a flipped
    sample is a monotone function of its mean, since flips keep the sum of squares; so the
    interval, all θ that the test of values − θ keeps, has closed limits: a flip ε with mean a of
    ε·values and c of ε is as extreme as what was seen for θ between (ā − a)/(1 − c) and
    (ā + a)/(1 + c). Exact for differences symmetric about their mean; else right as n grows.
    """
    finite = values[np.isfinite(values)]
    missing = len(values) - len(finite)
    if len(finite) == 0:
        return tested(undefined("no values"), p=math.nan, test="", left_out=missing)
    mean = float(finite.mean())
    tolerance = 1e-9 * max(1e-300, float(np.abs(finite).max()))
    lows, highs, extreme, count = [], [], 0, 0
    for signs in _flips(finite):
        a, c = signs @ finite / len(finite), signs.mean(axis=1)
        extreme += int((np.abs(a) >= abs(mean) - tolerance).sum())
        count += len(signs)
        # All signs alike: as extreme as what was seen whatever θ is.
        alike = np.abs(c) > 1 - 1e-12
        c = np.where(alike, 0.0, c)
        ends = np.stack([(mean - a) / (1 - c), (mean + a) / (1 + c)])
        hair = 2 * tolerance / (1 - np.abs(c))  # a tie is kept, as p counts it
        lows.append(np.where(alike, -np.inf, ends.min(axis=0) - hair))
        highs.append(np.where(alike, np.inf, ends.max(axis=0) + hair))
    alpha = 1 - confidence
    low = _limit(np.concatenate(lows), alpha)
    high = -_limit(-np.concatenate(highs), alpha)
    estimate = _with_limits(mean, low, high, len(finite), "sign flips")
    if estimate.interval and _skewed(finite):
        estimate = msgspec.structs.replace(estimate, note=_SKEWED)
    p = extreme / count
    test = f"{count} sign flips" + ("" if len(finite) <= _EXACT else ", drawn")
    return tested(estimate, p=p, test=test, left_out=missing)


def _skewed(values: FloatArray) -> bool:
    """Whether flips of signs err: few units, and a third moment that is no accident of theirs."""
    n = len(values)
    if not 8 <= n <= _SYMMETRIC_FROM or np.ptp(values) == 0:
        return False
    # Two standard deviations of a normal sample's skewness (Fisher 1930), and 1 at least.
    spread = math.sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3)))
    return abs(float(stats.skew(values))) > max(1.0, 2 * spread)


def _limit(ends: FloatArray, alpha: float) -> float:
    """The lowest θ kept: at which more than a share alpha of `ends` lie at or below it."""
    rank = math.floor(alpha * len(ends) + 1e-9)
    return float(np.partition(ends, rank)[rank])


def _flips(values: FloatArray) -> Iterator[FloatArray]:
    """Blocks of sign vectors (m × n), all ones first: every one, or as many drawn.

    Where few values are not zero, every pattern of theirs is taken equally often, so that p, to
    which zeros add nothing, is exact.
    """
    n = len(values)
    moving = np.flatnonzero(values) if 0 < np.count_nonzero(values) <= _EXACT else np.arange(0)
    if n <= _EXACT:
        moving = np.arange(n)
    elif not len(moving) and n * _DRAWN <= _CHUNK:
        yield _drawn_flips(n)
        return
    yield from _flip_blocks(n, moving)


@lru_cache(maxsize=8)
def _drawn_flips(n: int) -> FloatArray:
    """All vectors of `n` units, none of which is exhausted: one table serves every test of n."""
    signs = np.concatenate(list(_flip_blocks(n, np.arange(0))))
    signs.flags.writeable = False
    return signs


def _flip_blocks(n: int, moving: NDArray[np.int_]) -> Iterator[FloatArray]:
    patterns = 2 ** len(moving)
    total = patterns if n <= _EXACT else _DRAWN
    rng = np.random.default_rng((n, total))
    step = max(1, _CHUNK // n)
    for start in range(0, total, step):
        number = np.arange(start, min(start + step, total))
        signs = np.where(rng.integers(0, 2, (len(number), n), dtype=np.int8) == 0, 1.0, -1.0)
        signs[:, moving] = 1.0 - 2.0 * (
            ((number % patterns)[:, None] >> np.arange(len(moving))) & 1
        )
        if start == 0:
            signs[0] = 1.0
        yield signs


def slope_test(
    x: FloatArray,
    y: FloatArray,
    strata: NDArray[np.int_],
    *,
    permutations: int,
    confidence: float = 0.95,
) -> Tested:
    """Correlation of x with y within strata; p and interval by permuting x within strata.

    The statistic is the slope over its standard error robust to unequal spreads (HC2; for a binary
    x in one stratum Welch's t), so the test is valid where groups differ in spread (Janssen 1997).
    The interval, slope ± the permutations' quantile of |t| times its error, is carried to r at the
    residual variance seen. The caller sees to it that x and y vary within strata.
    """
    seen, error = (float(part[0]) for part in _slopes(x[None], y, strata))
    observed = abs(seen) / error if error > 0 else math.inf
    rng = np.random.default_rng((len(x), permutations))
    ratios = [np.array([observed])]
    step = max(1, _CHUNK // len(x))
    for start in range(0, permutations, step):
        rows = min(step, permutations - start)
        drawn = np.empty((rows, len(x)))
        for stratum in np.unique(strata):
            inside = strata == stratum
            tiled = np.broadcast_to(x[inside], (rows, int(inside.sum())))
            drawn[:, inside] = rng.permuted(tiled, axis=1)
        slopes, errors = _slopes(drawn, y, strata)
        with np.errstate(all="ignore"):
            ratios.append(np.where(errors > 0, np.abs(slopes) / errors, np.inf))
    null = np.concatenate(ratios)
    half = critical_value(null, confidence) * error
    spread, rest = _spreads(x, y, strata, seen)

    def r_of(slope: float) -> float:
        scale = math.sqrt((slope * spread) ** 2 + rest)
        return slope * spread / scale if scale > 0 else math.copysign(1.0, slope)

    low, high = (r_of(seen - half), r_of(seen + half)) if error > 0 else (math.nan, math.nan)
    estimate = _with_limits(
        r_of(seen), *((low, high) if math.isfinite(half) else (-math.inf, math.inf)),
        len(x), "permutation",
    )  # fmt: skip
    if estimate.interval and (note := unequal_spreads(x, y)):
        estimate = msgspec.structs.replace(estimate, note=note)
    test = f"studentised, {permutations} permutations"
    return tested(estimate, p=two_sided_p(null, observed), test=test)


def unequal_spreads(x: FloatArray, y: FloatArray) -> str:
    """A note where x makes two groups, one of at most five units and of twice the other's spread
    of y; "" elsewhere."""
    groups = [y[x == value] for value in np.unique(x)]
    if len(groups) != 2:
        return ""
    few, many = sorted(groups, key=len)
    if not 2 <= len(few) <= 5 or np.ptp(many) == 0:
        return ""
    ratio = float(few.std(ddof=1) / many.std(ddof=1))
    return _UNEQUAL_SPREADS.format(few=len(few), ratio=ratio) if ratio > 2 else ""


def two_sided_p(null: FloatArray, observed: float) -> float:
    """Share of |t| (what was seen among them) at least as large as `observed`."""
    if math.isinf(observed):
        return float(np.mean(np.isinf(null)))
    return float(np.mean(null >= observed * (1 - 1e-9)))


def critical_value(null: FloatArray, confidence: float) -> float:
    """The |t| below which an observation is kept; infinite where none would be rejected."""
    allowed = math.floor((1 - confidence) * len(null) + 1e-9)
    # A hair wider than the largest |t| kept: a tie with it is not rejected for its last bit.
    return float(-np.partition(-null, allowed)[allowed]) * (1 + 2e-9) if allowed else math.inf


def _centred(values: FloatArray, strata: NDArray[np.int_]) -> FloatArray:
    """Rows (m × n) less their means within strata."""
    centred = np.empty(values.shape)
    for stratum in np.unique(strata):
        inside = strata == stratum
        centred[:, inside] = values[:, inside] - values[:, inside].mean(axis=1, keepdims=True)
    return centred


def _slopes(
    x: FloatArray, y: FloatArray, strata: NDArray[np.int_]
) -> tuple[FloatArray, FloatArray]:
    """Slope of y on each row of x within strata, and its HC2 standard error."""
    x, y = _centred(x, strata), _centred(y[None], strata)
    squares = (x**2).sum(axis=1, keepdims=True)
    slope = (x * y).sum(axis=1, keepdims=True) / squares
    size = np.bincount(strata)[strata]
    # An item alone in its group of its stratum has leverage 1 and no residual.
    left = np.maximum(1 - x**2 / squares - 1 / size, 1e-9)
    variance = (x**2 * (y - slope * x) ** 2 / left).sum(axis=1) / squares[:, 0] ** 2
    variance = np.where(variance > 1e-18 * (y**2).mean() / squares[:, 0], variance, 0.0)
    return slope[:, 0], np.sqrt(variance)


def _spreads(
    x: FloatArray, y: FloatArray, strata: NDArray[np.int_], slope: float
) -> tuple[float, float]:
    """Standard deviation of x and residual variance of y, within strata."""
    within = _centred(np.stack([x, y]), strata)
    rest = within[1] - slope * within[0]
    return float(np.sqrt(np.mean(within[0] ** 2))), float(np.mean(rest**2))


def _with_limits(value: float, low: float, high: float, n: int, method: str) -> Estimate:
    if math.isnan(low):
        return Estimate(estimate=value, n=n, note="no interval: nothing varies within the groups")
    if math.isinf(low) or math.isinf(high):
        return Estimate(estimate=value, n=n, note=f"no interval: {n} units are too few for one")
    return Estimate(estimate=value, low=low, high=high, n=n, interval=method)
