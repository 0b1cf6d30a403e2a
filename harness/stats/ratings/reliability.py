"""The reliability table: every quantity of every group of rating records that may be pooled."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.records.pooling import groups, labels, require_one
from harness.stats.intervals import Bootstrap, Estimate, FloatArray, mean_interval, undefined
from harness.stats.outcomes import matrix_rates
from harness.stats.ratings.agreement import cross_seed_r, discrimination
from harness.stats.ratings.consistency import consistency_summary, item_consistency
from harness.stats.ratings.distribution import kl_uniform, level_counts, level_share, modal_share
from harness.stats.ratings.icc import FORMS, icc, icc_1_1, icc_bootstrap
from harness.stats.ratings.matrix import Ratings, item_means, rating_matrix

__all__ = [
    "Levels",
    "Reliability",
    "as_json",
    "as_table",
    "item_table",
    "reliabilities",
    "reliability",
    "reliability_table",
    "require_sampled",
]

Levels = Mapping[str, Sequence[float]]
"""Declared level values by template hash or, where that is absent, by template name."""

_NO_LEVELS = "needs the declared levels"

_EMPTY = {
    "rater": pl.String,
    "template": pl.String,
    "quantity": pl.String,
    "estimate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "cells": pl.Int64,
    "undefined": pl.Int64,
    "interval": pl.String,
    "note": pl.String,
}
"""Columns of the table when there is no rating record at all."""

_AGREEMENT = (
    "icc",
    "icc_without_refused",
    *FORMS,
    *(f"{form}_bootstrap" for form in FORMS),
    "cross_seed_r",
    "cross_seed_r_without_refused",
    "mode",
    "discrimination_rate",
    "informative_r",
    "informative_r_no_signal",
)
_CONSISTENCY = (
    "consistency",
    "consistency_given_mean",
    "outcome_consistency",
    "consistent_50",
    "consistent_70",
    "consistent_90",
    "zero_variance",
)
_OVER_REPEATS = (*_AGREEMENT, *_CONSISTENCY)
"""Quantities over repeats, which a log-probability read-out does not have."""


@dataclass(frozen=True)
class Reliability:
    """One group: the values of its identity columns and its quantities by name."""

    group: dict[str, object]
    quantities: dict[str, Estimate]


def reliabilities(
    frame: pl.DataFrame,
    *,
    bootstrap: Bootstrap,
    levels: Levels | Sequence[float] | None = None,
    by: Sequence[str] = (),
) -> Iterator[Reliability]:
    """The reliability of each group of rating records in `frame` that may be pooled.

    `levels` are the declared levels, of the one template or by template. `by` splits groups
    further, by `origin` for example. `group` holds only the columns that tell groups apart.
    """
    if "kind" in frame.columns:
        frame = frame.filter(pl.col("kind") == "rating")
    named = [*labels(frame), *by]
    for key, part in groups(frame, extra=by):
        found = reliability(part, bootstrap=bootstrap, levels=_levels_of(part, levels))
        yield Reliability({name: key[name] for name in named}, found)


def reliability_table(
    frame: pl.DataFrame,
    *,
    bootstrap: Bootstrap,
    levels: Levels | Sequence[float] | None = None,
    by: Sequence[str] = (),
) -> pl.DataFrame:
    """`reliabilities` as a long table; see `as_table`."""
    return as_table(list(reliabilities(frame, bootstrap=bootstrap, levels=levels, by=by)))


def as_table(found: Sequence[Reliability]) -> pl.DataFrame:
    """Long table: one row a group and quantity.

    Columns: those that tell groups apart (as text), quantity, estimate, low, high, n, cells,
    undefined, interval, note. What is not a number is null.
    """
    rows = [
        {name: value if value is None else str(value) for name, value in one.group.items()}
        | {"quantity": name}
        | msgspec.structs.asdict(value)
        for one in found
        for name, value in one.quantities.items()
    ]
    table = pl.DataFrame(rows, schema=None if rows else _EMPTY, infer_schema_length=None)
    return table.with_columns(pl.selectors.float().fill_nan(None))


def as_json(found: Sequence[Reliability]) -> dict[str, object]:
    """One object a quantity (estimate, low, high, n, …); null for what is not a number.

    Several groups come as `{"groups": [{"group": {…}, "quantities": {…}}, …]}`.
    """
    plain: list[dict[str, object]] = [
        {
            "group": one.group,
            "quantities": {
                name: {key: _finite(part) for key, part in msgspec.structs.asdict(value).items()}
                for name, value in one.quantities.items()
            },
        }
        for one in found
    ]
    if len(plain) == 1:
        quantities = plain[0]["quantities"]
        assert isinstance(quantities, dict)
        return quantities
    return {"groups": plain}


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def reliability(
    frame: pl.DataFrame, *, bootstrap: Bootstrap, levels: Sequence[float] | None = None
) -> dict[str, Estimate]:
    """Every quantity of one group of rating records; UsageError when it would pool.

    Keys, in order: outcome rates; mean, item_sd, modal_share, floor_share, kl_uniform,
    kl_uniform_normalised, kl_bias; icc (ICC(1,1), bootstrap interval), icc_without_refused, the
    six forms with F intervals (`icc_1_1` …) and with bootstrap ones (`icc_1_1_bootstrap` …);
    cross_seed_r and cross_seed_r_without_refused; discrimination_rate, informative_r,
    informative_r_no_signal; the keys of `consistency_summary`. What does not exist is NaN with a
    note.
    """
    require_one(frame, where="reliability of ratings")
    ratings = rating_matrix(frame)
    found = matrix_rates(ratings.outcomes, confidence=bootstrap.confidence)
    found |= _distribution(frame, ratings.values, levels, bootstrap)
    if _by_logprobs(frame):
        note = "refused: repeats of a log-probability read-out are identical"
        return found | {name: undefined(note, n=len(ratings.items)) for name in _OVER_REPEATS}
    found |= _agreement(ratings, bootstrap)
    if levels is None:
        return found | {name: undefined(_NO_LEVELS) for name in _CONSISTENCY}
    normalised = _normalised(ratings, levels)
    return found | consistency_summary(normalised, confidence=bootstrap.confidence)


def _normalised(ratings: Ratings, levels: Sequence[float]) -> Ratings:
    """The same ratings on [0, 1]."""
    low, high = min(levels), max(levels)
    return replace(ratings, values=(ratings.values - low) / (high - low))


def item_table(
    frame: pl.DataFrame, *, levels: Levels | Sequence[float], by: Sequence[str] = ()
) -> pl.DataFrame:
    """Items of each group, most consistent first: the columns of `item_consistency` after those
    that tell groups apart. Groups without declared levels, or read out by log-probabilities, have
    no rows.
    """
    if "kind" in frame.columns:
        frame = frame.filter(pl.col("kind") == "rating")
    named = [*labels(frame), *by]
    parts = []
    for key, part in groups(frame, extra=by):
        declared = _levels_of(part, levels)
        if declared is None or _by_logprobs(part):
            continue
        table = item_consistency(_normalised(rating_matrix(part), declared))
        where = [
            pl.lit(key[name]).cast(pl.String).alias(name) for name in named if name != "origin"
        ]
        parts.append(table.select(*where, *table.columns))
    if not parts:
        raise UsageError("no group of ratings with declared levels; give --levels or --template")
    return pl.concat(parts)


def require_sampled(frame: pl.DataFrame) -> None:
    """UsageError under a log-probability read-out: its repeats are one number, not a sample."""
    if _by_logprobs(frame):
        raise UsageError(
            "repeats of a log-probability read-out are identical by construction; "
            "reliability over repeats needs readout 'sample'"
        )


def _by_logprobs(frame: pl.DataFrame) -> bool:
    if "readout" not in frame.columns:
        return False
    return bool(frame.get_column("readout").fill_null("").str.starts_with("logprob").any())


def _levels_of(
    frame: pl.DataFrame, levels: Levels | Sequence[float] | None
) -> Sequence[float] | None:
    if not isinstance(levels, Mapping):
        return levels
    for column in ("template_hash", "template"):
        if column in frame.columns:
            key = frame.get_column(column).item(0)
            if key in levels:
                return levels[key]
    return None


def _distribution(
    frame: pl.DataFrame,
    values: FloatArray,
    levels: Sequence[float] | None,
    bootstrap: Bootstrap,
) -> dict[str, Estimate]:
    means = item_means(values)
    asked = means[np.isfinite(means)]
    found = {
        "mean": mean_interval(asked, confidence=bootstrap.confidence),
        "item_sd": _sd(asked, bootstrap),
    }
    if _by_logprobs(frame):
        return found | _soft_distribution(frame, levels, bootstrap)
    found["modal_share"] = modal_share(values)[1]
    if levels is None:
        names = ("floor_share", "kl_uniform", "kl_uniform_normalised", "kl_bias")
        return found | {name: undefined(_NO_LEVELS) for name in names}
    found["floor_share"] = level_share(values, min(levels))
    return found | _divergence(level_counts(values, levels), bootstrap)


def _divergence(counts: FloatArray, bootstrap: Bootstrap) -> dict[str, Estimate]:
    kl = kl_uniform(counts, bootstrap=bootstrap)
    return {
        "kl_uniform": kl.nats,
        "kl_uniform_normalised": kl.normalised,
        "kl_bias": Estimate(
            estimate=kl.bias, n=kl.nats.n, note="expected of a uniform respondent, nats"
        ),
    }


def _soft_distribution(
    frame: pl.DataFrame, levels: Sequence[float] | None, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """KL of the mean probabilities; a mode of expectations has no meaning."""
    found = {
        name: undefined("not defined for a log-probability read-out")
        for name in ("modal_share", "floor_share")
    }
    answered = frame.filter(pl.col("outcome") == "answered")
    if levels is None or "probabilities" not in answered.columns:
        return found
    rows = [json.loads(text) for text in answered["probabilities"].drop_nulls()]
    if not rows:
        return found
    names = sorted({name for row in rows for name in row})
    if len(names) > len(levels):
        raise UsageError(f"probabilities of {len(names)} labels; expected {len(levels)} levels")
    counts = np.zeros((len(rows), len(levels)))
    for i, row in enumerate(rows):
        counts[i, : len(names)] = [row.get(name, 0.0) for name in names]
    found |= _divergence(counts / counts.sum(axis=1, keepdims=True), bootstrap)
    found["kl_bias"] = undefined("probabilities have no counting bias")
    return found


def _sd(values: FloatArray, bootstrap: Bootstrap) -> Estimate:
    """Standard deviation (ddof 1) over items of the item means."""
    if len(values) < 2:
        return undefined("fewer than two items", n=len(values))
    centred = values - values.mean()
    parts = np.column_stack([np.ones(len(values)), centred, centred**2])

    def statistic(sums: FloatArray) -> FloatArray:
        count, total, squares = sums.T
        sd: FloatArray = np.sqrt(np.clip(squares - total**2 / count, 0, None) / (count - 1))
        return sd

    return bootstrap.estimate(parts, statistic)


def _agreement(ratings: Ratings, bootstrap: Bootstrap) -> dict[str, Estimate]:
    forms = icc_bootstrap(ratings.values, bootstrap=bootstrap)
    across = cross_seed_r(ratings.values, bootstrap=bootstrap)
    kept = ratings.take(~ratings.refused)
    found = {
        "icc": forms["icc_1_1"],
        "icc_without_refused": icc_1_1(kept.values, bootstrap=bootstrap),
        **icc(ratings.values, confidence=bootstrap.confidence),
        **{f"{name}_bootstrap": value for name, value in forms.items()},
        "cross_seed_r": across,
        "cross_seed_r_without_refused": cross_seed_r(kept.values, bootstrap=bootstrap)
        if ratings.refused.any()
        else across,
    }
    shape = discrimination(ratings.values, bootstrap=bootstrap)
    return found | {
        "mode": Estimate(estimate=shape.mode, n=shape.rate.n)
        if math.isfinite(shape.mode)
        else undefined("no ratings"),
        "discrimination_rate": shape.rate,
        "informative_r": shape.informative_r,
        "informative_r_no_signal": shape.no_signal,
    }
