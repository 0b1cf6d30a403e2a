"""How steady an item's answers are over repeats: of its ratings, and of its outcomes."""

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from harness.stats.intervals import Estimate, FloatArray, clustered_rate, undefined
from harness.stats.ratings.matrix import Ratings, item_means

__all__ = [
    "combined_consistency",
    "consistency",
    "consistency_given_mean",
    "consistency_summary",
    "item_consistency",
    "outcome_consistency",
]


def consistency(normalised: FloatArray) -> FloatArray:
    """1 − sd/sd_max of each item's ratings (items × repeats, in [0, 1]); NaN below two ratings.

    sd has ddof 0; sd_max is the largest that k ratings in [0, 1] can have: ½ for even k,
    ½·√(k² − 1)/k for odd k, where the ratings cannot halve.
    """
    count, _, sd = _moments(normalised)
    with np.errstate(all="ignore"):
        largest = np.where(count % 2 == 0, 0.5, 0.5 * np.sqrt(count**2 - 1) / count)
        return np.where(count >= 2, 1 - sd / largest, np.nan)


def consistency_given_mean(normalised: FloatArray) -> FloatArray:
    """1 − sd/√(m(1 − m)), the largest sd at the item's own mean m; NaN where m is 0 or 1.

    Free of the ceiling effect of the other form: there an item near an end of the scale is
    consistent whatever it does.
    """
    count, mean, sd = _moments(normalised)
    with np.errstate(all="ignore"):
        room = np.sqrt(np.clip(mean * (1 - mean), 0, None))
        inside = (count >= 2) & (mean > 1e-9) & (mean < 1 - 1e-9)
        return np.where(inside, 1 - sd / room, np.nan)


def outcome_consistency(outcomes: NDArray[np.str_]) -> FloatArray:
    """Share of pairs of an item's repeats with the same outcome; NaN below two repeats.

    Two ratings and two refusals give 1/3. `failed` says something about the service and not
    about the model, and is left out, as is "" (not asked).
    """
    same = np.zeros(len(outcomes))
    asked = np.zeros(len(outcomes))
    for name in np.unique(outcomes):
        if name in ("", "failed"):
            continue
        count = (outcomes == name).sum(axis=1)
        same += count * (count - 1)
        asked += count
    pairs = asked * (asked - 1)
    return np.where(pairs > 0, same / np.maximum(pairs, 1), np.nan)


def item_consistency(ratings: Ratings) -> pl.DataFrame:
    """One row an item, most consistent first; `ratings` are normalised.

    Columns: item, origin, answers, mean, consistency, consistency_given_mean,
    outcome_consistency, and overall: the smaller of consistency and outcome consistency, by which
    items are ranked and filtered. An item that rates 5 twice and refuses twice has an overall of
    1/3; one without two ratings has none.
    """
    columns = _by_item(ratings)
    table = pl.DataFrame({"item": ratings.items, "origin": ratings.origins} | columns)
    return table.with_columns(pl.col("answers").cast(pl.Int64)).sort(
        pl.col("overall").fill_nan(-1.0), "item", descending=[True, False]
    )


def _by_item(ratings: Ratings) -> dict[str, FloatArray]:
    count, mean, _ = _moments(ratings.values)
    steady = consistency(ratings.values)
    outcome = outcome_consistency(ratings.outcomes)
    return {
        "answers": count,
        "mean": mean,
        "consistency": steady,
        "consistency_given_mean": consistency_given_mean(ratings.values),
        "outcome_consistency": outcome,
        "overall": np.minimum(steady, outcome),
    }


def combined_consistency(
    by_template: Sequence[FloatArray], *, between_weight: float = 0.1
) -> FloatArray:
    """Consistency over repeats and between templates, per item.

    `by_template` holds one (items × repeats) matrix of normalised ratings a template, rows in
    one item order. (1 − w) · mean over templates of `consistency` + w · `consistency` of the
    template means; where an item has one template, the first term alone. w = 0 is across repeats
    alone.
    """
    within = np.stack([consistency(matrix) for matrix in by_template], axis=1)
    means = np.stack([_moments(matrix)[1] for matrix in by_template], axis=1)
    across = item_means(within)
    between = consistency(means)
    mixed = (1 - between_weight) * across + between_weight * between
    return np.where(np.isfinite(between), mixed, across)


def consistency_summary(
    ratings: Ratings, *, thresholds: Sequence[float] = (0.5, 0.7, 0.9), confidence: float = 0.95
) -> dict[str, Estimate]:
    """Means over items, shares of items at or above each threshold, and the ceiling.

    Keys: consistency, consistency_given_mean, outcome_consistency, consistent_50 …
    (share of asked items whose overall consistency reaches the threshold), zero_variance (share
    of items with two ratings or more whose ratings never differ: the ceiling effect).
    `undefined` counts the items without a value.
    """
    columns = _by_item(ratings)
    found = {
        name: _mean(columns[name], confidence)
        for name in ("consistency", "consistency_given_mean", "outcome_consistency")
    }
    overall = columns["overall"]
    known = np.isfinite(overall)
    missing = int((~known).sum())
    for threshold in thresholds:
        reached = (overall[known] >= threshold - 1e-12).astype(float)
        rate = clustered_rate(reached, np.ones(len(reached)), confidence=confidence)
        found[f"consistent_{round(threshold * 100)}"] = msgspec.structs.replace(
            rate, undefined=missing
        )
    _, _, sd = _moments(ratings.values)
    twice = np.isfinite(ratings.values).sum(axis=1) >= 2
    flat = (sd[twice] < 1e-12).astype(float)
    found["zero_variance"] = (
        clustered_rate(flat, np.ones(len(flat)), confidence=confidence)
        if len(flat)
        else undefined("no item has two ratings")
    )
    return found


def _mean(values: FloatArray, confidence: float) -> Estimate:
    """Mean of values in [0, 1] over items, in a Wilson interval at their own spread."""
    known = values[np.isfinite(values)]
    found = clustered_rate(known, np.ones(len(known)), confidence=confidence)
    return msgspec.structs.replace(found, undefined=len(values) - len(known))


def _moments(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Count, mean and sd (ddof 0) of each row without its NaN."""
    given = np.isfinite(values)
    count = given.sum(axis=1).astype(float)
    mean = item_means(values)
    deviation = np.where(given, values - mean[:, None], 0.0)
    with np.errstate(all="ignore"):
        sd = np.sqrt((deviation**2).sum(axis=1) / count)
    return count, mean, sd
