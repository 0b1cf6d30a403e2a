"""Do refused items come out as less preferred, and is that more than their origin?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from harness.stats.intervals import (
    Bootstrap,
    Estimate,
    FloatArray,
    Tested,
    clustered_rate,
    tested,
    undefined,
)

__all__ = ["RefusalPreference", "refusal_preference"]


@dataclass(frozen=True)
class RefusalPreference:
    """`point_biserial` r of refused (1) with preference; `lower` the probability that a refused
    item lies below one not refused (Mann–Whitney; ½ is none); `within_origin` the r after taking
    out origin means, with a p from permutations within origin; `quartiles` the refusal rate by
    quartile of preference (quartile 1 lowest: quartile, low_value, high_value, rate, low, high,
    n); `means` of preference (refused, mean, n).
    """

    point_biserial: Tested
    lower: Tested
    within_origin: Tested
    quartiles: pl.DataFrame
    means: pl.DataFrame


def refusal_preference(
    refused: NDArray[np.bool_],
    preference: FloatArray,
    *,
    bootstrap: Bootstrap,
    origins: Sequence[str] | None = None,
    permutations: int = 5000,
) -> RefusalPreference:
    """Relation of refusal to preference (utility or mean rating) over items.

    Items without a preference (NaN) are left out and counted. The overall r may come from
    origin means alone, for instance when only one origin is ever refused; `within_origin` says
    whether it does.
    """
    known = np.isfinite(preference)
    missing = int((~known).sum())
    refused, preference = refused[known].astype(bool), preference[known]
    strata = np.zeros(len(preference), dtype=int)
    if origins is not None:
        strata = np.unique(np.asarray(origins)[known], return_inverse=True)[1]
    return RefusalPreference(
        point_biserial=_point_biserial(refused, preference, bootstrap, missing),
        lower=_mann_whitney(refused, preference, bootstrap.confidence, missing),
        within_origin=_within(refused, preference, strata, bootstrap, permutations, missing),
        quartiles=_quartiles(refused, preference, bootstrap.confidence),
        means=_means(refused, preference),
    )


def _r_parts(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.column_stack([np.ones(len(x)), x, y, x * x, y * y, x * y])


def _r(sums: FloatArray) -> FloatArray:
    n, x, y, xx, yy, xy = sums.T
    product = (xx - x * x / n) * (yy - y * y / n)
    return np.where(product > 1e-18, (xy - x * y / n) / np.sqrt(np.abs(product)), np.nan)


def _point_biserial(
    refused: NDArray[np.bool_], preference: FloatArray, bootstrap: Bootstrap, missing: int
) -> Tested:
    if len(preference) < 3 or refused.all() or not refused.any() or np.ptp(preference) == 0:
        return _nothing("refusal or preference does not vary", len(preference))
    found = stats.pointbiserialr(refused, preference)
    parts = _r_parts(refused.astype(float), preference - preference.mean())
    estimate = bootstrap.estimate(parts, _r)
    return tested(
        estimate, p=float(found.pvalue), test=f"t, {len(preference) - 2} df", left_out=missing
    )


def _mann_whitney(
    refused: NDArray[np.bool_], preference: FloatArray, confidence: float, missing: int
) -> Tested:
    """P(refused item below another) with the interval of DeLong et al. (1988)."""
    below, above = preference[refused], preference[~refused]
    if len(below) < 1 or len(above) < 1:
        return _nothing("refusal does not vary", len(preference))
    ranks = stats.rankdata(preference)
    # Share of the other group that each item beats, ties half: DeLong's structural components.
    of_refused = 1 - (ranks[refused] - stats.rankdata(below)) / len(above)
    of_others = (ranks[~refused] - stats.rankdata(above)) / len(below)
    chance = float(of_refused.mean())
    low = high = math.nan
    if len(below) > 1 and len(above) > 1:
        variance = of_refused.var(ddof=1) / len(below) + of_others.var(ddof=1) / len(above)
        half = float(stats.norm.ppf((1 + confidence) / 2) * math.sqrt(variance))
        low, high = max(0.0, chance - half), min(1.0, chance + half)
    p = float(stats.mannwhitneyu(below, above).pvalue)
    estimate = Estimate(estimate=chance, low=low, high=high, n=len(preference), interval="DeLong")
    return tested(estimate, p=p, test="Mann–Whitney", left_out=missing)


def _within(
    refused: NDArray[np.bool_],
    preference: FloatArray,
    strata: NDArray[np.int_],
    bootstrap: Bootstrap,
    permutations: int,
    missing: int,
) -> Tested:
    """r after centring by origin; p by permuting refusal within origin."""
    if len(preference) < 3:
        return _nothing("fewer than three items", len(preference))
    x, y = _centred(refused.astype(float), strata), _centred(preference, strata)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return _nothing("nothing varies within an origin", len(preference))
    estimate = bootstrap.estimate(_r_parts(x, y), _r)
    rng = bootstrap.rng(len(preference), 2)
    observed = abs(float(x @ y))
    null = np.zeros(permutations)
    for stratum in np.unique(strata):
        inside = strata == stratum
        if np.ptp(x[inside]) == 0:
            continue
        tiled = np.broadcast_to(x[inside], (permutations, int(inside.sum())))
        null += rng.permuted(tiled, axis=1) @ y[inside]
    p = (1 + int((np.abs(null) >= observed * (1 - 1e-9)).sum())) / (1 + permutations)
    return tested(
        estimate, p=p, test=f"{permutations} permutations within origin", left_out=missing
    )


def _centred(values: FloatArray, strata: NDArray[np.int_]) -> FloatArray:
    count = np.bincount(strata)
    means = np.bincount(strata, weights=values) / np.maximum(count, 1)
    centred: FloatArray = values - means[strata]
    return centred


def _quartiles(
    refused: NDArray[np.bool_], preference: FloatArray, confidence: float
) -> pl.DataFrame:
    """Quartiles by rank, so that they hold equally many items (± 1); ties in input order."""
    rows: list[dict[str, object]] = []
    order = np.argsort(preference, kind="stable")
    for number, index in enumerate(np.array_split(order, 4), start=1):
        if len(index) == 0:
            continue
        rate = clustered_rate(
            refused[index].astype(float), np.ones(len(index)), confidence=confidence
        )
        values = preference[index]
        rows.append(
            {
                "quartile": number,
                "low_value": float(values.min()),
                "high_value": float(values.max()),
                "rate": rate.estimate,
                "low": rate.low,
                "high": rate.high,
                "n": rate.n,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _means(refused: NDArray[np.bool_], preference: FloatArray) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"refused": value, "mean": float(part.mean()) if len(part) else None, "n": len(part)}
            for value, part in ((True, preference[refused]), (False, preference[~refused]))
        ],
        schema={"refused": pl.Boolean, "mean": pl.Float64, "n": pl.Int64},
    )


def _nothing(note: str, n: int) -> Tested:
    return tested(undefined(note, n=n), p=math.nan, test="")
