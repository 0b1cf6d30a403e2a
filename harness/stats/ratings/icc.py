"""Intraclass correlations: six forms, with F intervals and the bootstrap over items.

Notation of McGraw & Wong (1996), "Forming inferences about some intraclass correlation
coefficients"; (1), (A) and (C) are Shrout & Fleiss' (1979) cases 1, 2 and 3.
"""

import math

import msgspec
import numpy as np
from scipy.special import fdtri

from harness.stats.intervals import Bootstrap, Estimate, FloatArray, undefined

__all__ = ["FORMS", "icc", "icc_1_1", "icc_bootstrap"]

FORMS = ("icc_1_1", "icc_a_1", "icc_c_1", "icc_1_k", "icc_a_k", "icc_c_k")
"""One-way, two-way absolute agreement, two-way consistency; of one rating, of the mean of k."""

_FLAT = 1e-12
"""A sum of squares below this share of the raw one is rounding, hence zero."""


def icc(ratings: FloatArray, *, confidence: float = 0.95) -> dict[str, Estimate]:
    """All six forms with F intervals.

    `ratings` is (items × repeats), NaN where missing. The one-way forms use every item with a
    rating (unbalanced ANOVA; with k₀, the mean group size that makes the mean squares unbiased,
    in place of k the F interval is approximate). The two-way forms use items with every repeat;
    items left out are counted in `undefined`. No variance at all gives NaN.
    """
    one_way = _one_way_items(ratings)
    complete = ratings[np.isfinite(ratings).all(axis=1)]
    left_out = len(one_way) - len(complete)
    found: dict[str, Estimate] = {}
    single = _one_way_f(one_way, confidence)
    pairs = {"icc_1_1": (single, one_way, 0), "icc_1_k": (single, one_way, 0)}
    two_way = _two_way_f(complete, confidence)
    for form in ("a", "c"):
        pairs[f"icc_{form}_1"] = (two_way[form], complete, left_out)
        pairs[f"icc_{form}_k"] = (two_way[form], complete, left_out)
    for form in FORMS:
        (value, low, high, k), used, missing = pairs[form]
        if not math.isfinite(value):
            found[form] = undefined(_why_undefined(used), n=len(used))
            continue
        if form.endswith("k"):
            value, low, high = (_stepped_up(part, k) for part in (value, low, high))
        if math.isinf(value):
            found[form] = undefined("items do not differ at all", n=len(used))
            continue
        found[form] = Estimate(
            estimate=value, low=low, high=high, n=len(used), undefined=missing, interval="F"
        )
    return found


def icc_bootstrap(ratings: FloatArray, *, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """All six forms with bootstrap intervals over items; arguments and items as in `icc`.

    The forms of the mean of k ratings are those of one rating stepped up, limits and all: the
    step is monotone, and a resample whose form of one rating lies at or below −1/(k − 1) has none.
    """
    one_way = _one_way_items(ratings)
    complete = ratings[np.isfinite(ratings).all(axis=1)]
    found = {form: undefined(_why_undefined(one_way), n=len(one_way)) for form in FORMS}
    if len(one_way) >= 2:
        single = bootstrap.estimate(_one_way_parts(one_way), _one_way_statistic)
        found["icc_1_1"], found["icc_1_k"] = single, _of_mean(single, _mean_size(one_way))
    if len(complete) >= 2 and complete.shape[1] >= 2:
        double = bootstrap.estimates(_two_way_parts(complete), _two_way_statistic)
        for form, value in zip("ac", double, strict=True):
            found[f"icc_{form}_1"] = value
            found[f"icc_{form}_k"] = _of_mean(value, complete.shape[1])
    for form, value in found.items():
        if math.isinf(value.estimate):
            found[form] = undefined("items do not differ at all", n=value.n)
        elif math.isnan(value.estimate):
            used = one_way if "_1_" in form else complete
            found[form] = undefined(_why_undefined(used), n=value.n)
    return found


def _of_mean(single: Estimate, k: float) -> Estimate:
    value, low, high = (_stepped_up(x, k) for x in (single.estimate, single.low, single.high))
    return msgspec.structs.replace(single, estimate=value, low=low, high=high)


def _mean_size(ratings: FloatArray) -> float:
    """k₀ of the one-way analysis."""
    with np.errstate(all="ignore"):
        return float(
            _one_way_mean_squares(_one_way_parts(ratings).sum(axis=0, keepdims=True))[2][0]
        )


def icc_1_1(ratings: FloatArray, *, bootstrap: Bootstrap) -> Estimate:
    """The default: ICC(1,1) by unbalanced one-way ANOVA, interval by bootstrap over items."""
    one_way = _one_way_items(ratings)
    if len(one_way) < 2:
        return undefined(_why_undefined(one_way), n=len(one_way))
    found = bootstrap.estimate(_one_way_parts(one_way), _one_way_statistic)
    if math.isfinite(found.estimate):
        return found
    return undefined(_why_undefined(one_way), n=len(one_way))


def _one_way_items(ratings: FloatArray) -> FloatArray:
    return ratings[np.isfinite(ratings).any(axis=1)]


def _why_undefined(used: FloatArray) -> str:
    if len(used) < 2:
        return "fewer than two items"
    if used.shape[1] < 2 or (np.isfinite(used).sum(axis=1) < 2).all():
        return "no item has two ratings"
    return "ratings do not vary"


def _one_way_parts(ratings: FloatArray) -> FloatArray:
    """Per item: 1, count, count², sum, sum² / count, sum of squares."""
    if ratings.size == 0:
        return np.zeros((len(ratings), 6))
    centred = ratings - np.nanmean(ratings)
    count = np.isfinite(centred).sum(axis=1).astype(float)
    total = np.nansum(centred, axis=1)
    squares = np.nansum(centred**2, axis=1)
    return np.column_stack([np.ones(len(count)), count, count**2, total, total**2 / count, squares])


def _one_way_mean_squares(
    sums: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """MS between, MS within, k₀ and both degrees of freedom, from sums of `_one_way_parts`."""
    items, count, count2, total, between, squares = sums.T
    df_between, df_within = items - 1, count - items
    ss_between = between - total**2 / count
    ss_within = squares - between
    # Sums of squares that are rounding error of larger numbers are exactly zero.
    ss_between = np.where(ss_between <= _FLAT * squares, 0.0, ss_between)
    ss_within = np.where(ss_within <= _FLAT * squares, 0.0, ss_within)
    k0 = (count - count2 / count) / df_between
    return ss_between / df_between, ss_within / df_within, k0, df_between, df_within


def _one_way_statistic(sums: FloatArray) -> FloatArray:
    between, within, k, _, df_within = _one_way_mean_squares(sums)
    single = (between - within) / (between + (k - 1) * within)
    return np.where((between + within > 0) & (df_within > 0), single, np.nan)


def _one_way_f(ratings: FloatArray, confidence: float) -> tuple[float, float, float, float]:
    """ICC(1), its F limits and k₀."""
    with np.errstate(all="ignore"):
        sums = _one_way_parts(ratings).sum(axis=0, keepdims=True)
        between, within, k, df1, df2 = (float(x[0]) for x in _one_way_mean_squares(sums))
    if df1 < 1 or df2 < 1 or between + within == 0:
        return math.nan, math.nan, math.nan, k
    low, high = _f_limits(between, within, df1, df2, k, confidence)
    return (between - within) / (between + (k - 1) * within), low, high, k


def _f_limits(
    between: float, error: float, df1: float, df2: float, k: float, confidence: float
) -> tuple[float, float]:
    """(F/F* − 1) / (F/F* + k − 1) at both tails, for one rating (McGraw & Wong, Table 7)."""
    if error == 0:
        return 1.0, 1.0
    tail = (1 + confidence) / 2
    low = between / error / float(fdtri(df1, df2, tail))
    high = between / error * float(fdtri(df2, df1, tail))
    return (low - 1) / (low + k - 1), (high - 1) / (high + k - 1)


def _two_way_parts(ratings: FloatArray) -> FloatArray:
    """Per item of a complete matrix: 1, sum² / k, sum of squares, then its k ratings."""
    centred = ratings - ratings.mean() if ratings.size else ratings
    total = centred.sum(axis=1)
    return np.column_stack(
        [
            np.ones(len(centred)),
            total**2 / max(1, centred.shape[1]),
            (centred**2).sum(axis=1),
            centred,
        ]
    )


def _two_way_mean_squares(
    sums: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Number of items, MS of items, of repeats and of error."""
    items, between, squares, columns = sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3:]
    k = columns.shape[1]
    correction = columns.sum(axis=1) ** 2 / (items * k)
    ss_items = between - correction
    ss_repeats = (columns**2).sum(axis=1) / items - correction
    ss_error = squares - correction - ss_items - ss_repeats
    parts = [np.where(part <= _FLAT * squares, 0.0, part) for part in (ss_items, ss_repeats)]
    error = np.where(ss_error <= _FLAT * squares, 0.0, ss_error)
    return items, parts[0] / (items - 1), parts[1] / (k - 1), error / ((items - 1) * (k - 1))


def _two_way_statistic(sums: FloatArray) -> FloatArray:
    """ICC(A,1) and ICC(C,1)."""
    n, items, repeats, error = _two_way_mean_squares(sums)
    k = sums.shape[1] - 3
    some = items + repeats + error > 0
    whole = items + (k - 1) * error + k * (repeats - error) / n
    # With two items and two repeats the whole may be nothing but rounding.
    some_whole = whole > _FLAT * (items + repeats + error)
    agreement = np.where(some & some_whole, (items - error) / whole, np.nan)
    consistency = np.where(some, (items - error) / (items + (k - 1) * error), np.nan)
    return np.column_stack([agreement, consistency])


def _two_way_f(
    ratings: FloatArray, confidence: float
) -> dict[str, tuple[float, float, float, float]]:
    """ICC(A,1) and ICC(C,1), their limits (McGraw & Wong, Table 7) and k."""
    n, k = ratings.shape
    nothing = (math.nan, math.nan, math.nan, float(k))
    if n < 2 or k < 2:
        return {"a": nothing, "c": nothing}
    with np.errstate(all="ignore"):
        sums = _two_way_parts(ratings).sum(axis=0, keepdims=True)
        agreement, consistency = _two_way_statistic(sums)[0].tolist()
        _, items, repeats, error = (float(x[0]) for x in _two_way_mean_squares(sums))
    df1, df2 = float(n - 1), float((n - 1) * (k - 1))
    found = {"a": nothing, "c": nothing}
    if math.isfinite(consistency):
        found["c"] = (consistency, *_f_limits(items, error, df1, df2, k, confidence), k)
    if math.isfinite(agreement):
        limits = _agreement_limits((items, repeats, error), agreement, n, k, confidence)
        found["a"] = (agreement, *limits, k)
    return found


def _agreement_limits(
    mean_squares: tuple[float, float, float], rho: float, n: int, k: int, confidence: float
) -> tuple[float, float]:
    """Limits of ICC(A,1) with Satterthwaite's degrees of freedom for the denominator."""
    items, repeats, error = mean_squares
    a = k * rho / (n * (1 - rho)) if rho < 1 else math.inf
    b = 1 + k * rho * (n - 1) / (n * (1 - rho)) if rho < 1 else math.inf
    if not math.isfinite(a) or a * repeats + b * error == 0:
        return rho, rho
    spread = (a * repeats) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    df = (a * repeats + b * error) ** 2 / spread
    tail = (1 + confidence) / 2
    upper, lower = float(fdtri(n - 1, df, tail)), float(fdtri(df, n - 1, tail))
    rest = k * repeats + (k * n - k - n) * error
    return (
        n * (items - upper * error) / (upper * rest + n * items),
        n * (lower * items - error) / (rest + n * lower * items),
    )


def _stepped_up(single: float, k: float) -> float:
    """Spearman–Brown: reliability of the mean of k ratings from that of one.

    Without any variance between items it has no lower bound: minus infinity.
    """
    if math.isnan(single):
        return math.nan
    below = 1 + single * (k - 1)
    return single * k / below if below > 1e-12 else -math.inf
