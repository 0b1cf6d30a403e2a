"""Do refused items come out as less preferred, and is that more than their origin?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from harness.stats.effects.permutation import (
    critical_value,
    slope_test,
    two_sided_p,
    unequal_spreads,
)
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

_CHUNK = 1_000_000
"""Ranks held at a time (8 MB)."""


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
        point_biserial=_correlation(
            refused, preference, np.zeros_like(strata), bootstrap, permutations, missing
        ),
        lower=_lower(refused, preference, bootstrap.confidence, permutations, missing),
        within_origin=_correlation(refused, preference, strata, bootstrap, permutations, missing),
        quartiles=_quartiles(refused, preference, bootstrap.confidence),
        means=_means(refused, preference),
    )


def _correlation(
    refused: NDArray[np.bool_],
    preference: FloatArray,
    strata: NDArray[np.int_],
    bootstrap: Bootstrap,
    permutations: int,
    missing: int,
) -> Tested:
    """r within strata, its p and interval by studentised permutation within strata."""
    fewest = min(int(refused.sum()), int((~refused).sum()))
    if len(preference) < 3 or fewest == 0 or np.ptp(preference) == 0:
        return _nothing("refusal or preference does not vary", len(preference))
    x, y = _centred(refused.astype(float), strata), _centred(preference, strata)
    if np.ptp(x) < 1e-12 or np.ptp(y) < 1e-12 * float(np.abs(preference).max()):
        return _nothing("nothing varies within an origin", len(preference))
    found = slope_test(
        refused.astype(float),
        preference,
        strata,
        permutations=permutations,
        confidence=bootstrap.confidence,
    )
    return msgspec.structs.replace(found, undefined=missing)


def _lower(
    refused: NDArray[np.bool_],
    preference: FloatArray,
    confidence: float,
    permutations: int,
    missing: int,
) -> Tested:
    """P(refused item below another); p and interval by permutation of it over DeLong's error.

    The studentised permutation test of Neubert & Brunner (2007), which holds where the groups
    differ in spread and where they are small; the error is that of DeLong et al. (1988).
    """
    below, above = int(refused.sum()), int((~refused).sum())
    if below < 1 or above < 1:
        return _nothing("refusal does not vary", len(preference))
    ordered = np.concatenate([preference[refused], preference[~refused]])
    chance, error = (float(part[0]) for part in _areas(ordered[None], below))
    if below < 2 or above < 2 or error == 0:
        note = "no interval: a group is one item, or all of one lie below the other"
        return tested(
            Estimate(estimate=chance, n=len(ordered), note=note), p=math.nan, test="",
            left_out=missing,
        )  # fmt: skip
    observed = abs(chance - 0.5) / error
    rng = np.random.default_rng((len(ordered), permutations, 1))
    ratios = [np.array([observed])]
    step = max(1, _CHUNK // len(ordered))
    for start in range(0, permutations, step):
        rows = min(step, permutations - start)
        drawn = rng.permuted(np.broadcast_to(ordered, (rows, len(ordered))), axis=1)
        areas, errors = _areas(drawn, below)
        with np.errstate(all="ignore"):
            ratios.append(np.where(errors > 0, np.abs(areas - 0.5) / errors, np.inf))
    null = np.concatenate(ratios)
    half = critical_value(null, confidence) * error
    limits = (max(0.0, chance - half), min(1.0, chance + half))
    known = math.isfinite(half)
    estimate = Estimate(
        estimate=chance,
        low=limits[0] if known else math.nan,
        high=limits[1] if known else math.nan,
        n=len(ordered),
        interval="permutation" if known else "",
        note=unequal_spreads(refused.astype(float), preference)
        if known
        else "no interval: a group is too small for one",
    )
    test = f"studentised, {permutations} permutations"
    return tested(estimate, p=two_sided_p(null, observed), test=test, left_out=missing)


def _areas(values: FloatArray, below: int) -> tuple[FloatArray, FloatArray]:
    """P(one of the first `below` columns lies under one of the rest), and DeLong's error."""
    ranks = stats.rankdata(values, axis=1)
    first, rest = ranks[:, :below], ranks[:, below:]
    above = rest.shape[1]
    # Share of the other group that each item beats, ties half: DeLong's structural components.
    of_first = 1 - (first - stats.rankdata(first, axis=1)) / above
    of_rest = (rest - stats.rankdata(rest, axis=1)) / below
    if below < 2 or above < 2:
        return of_first.mean(axis=1), np.zeros(len(values))
    variance = of_first.var(axis=1, ddof=1) / below + of_rest.var(axis=1, ddof=1) / above
    return of_first.mean(axis=1), np.sqrt(variance)


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
