"""Rates of the five outcomes, over ratings or choices."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from harness.records.pooling import require_columns
from harness.stats.intervals import Estimate, clustered_rate
from harness.text.answer import OUTCOMES

__all__ = ["matrix_rates", "outcome_rates", "outcome_table"]


def outcome_rates(frame: pl.DataFrame, *, confidence: float = 0.95) -> dict[str, Estimate]:
    """Rate of each outcome among all records of `frame`, of either kind.

    Wilson intervals at the effective number of answers, clustered by item or unordered pair,
    which `n` counts; nothing is left out, so the five rates sum to 1.
    """
    require_columns(frame, ("outcome",), where="records")
    clusters = (
        frame.with_columns(_unit(frame).alias("unit"))
        .group_by("unit", maintain_order=True)
        .agg(
            pl.len().alias("asked"),
            *((pl.col("outcome") == name).sum().alias(name) for name in OUTCOMES),
        )
    )
    asked = clusters["asked"].to_numpy().astype(float)
    return {
        name: clustered_rate(clusters[name].to_numpy().astype(float), asked, confidence=confidence)
        for name in OUTCOMES
    }


def matrix_rates(outcomes: NDArray[np.str_], *, confidence: float = 0.95) -> dict[str, Estimate]:
    """`outcome_rates` of one group from its (items × repeats) outcomes, "" where not asked."""
    asked = (outcomes != "").sum(axis=1).astype(float)
    return {
        name: clustered_rate(
            (outcomes == name).sum(axis=1).astype(float), asked, confidence=confidence
        )
        for name in OUTCOMES
    }


def outcome_table(frame: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """One row per value of `by` and outcome: rate, low, high, n (items or pairs), records."""
    rows: list[dict[str, object]] = []
    for key, part in sorted(frame.partition_by(by, as_dict=True).items(), key=str):
        for name, rate in outcome_rates(part).items():
            rows.append(
                dict(zip(by, key, strict=True))
                | {"outcome": name, "rate": rate.estimate, "low": rate.low, "high": rate.high}
                | {"n": rate.n, "records": len(part)}
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def _unit(frame: pl.DataFrame) -> pl.Expr:
    """The item, or the unordered pair, of each record."""
    rating = pl.col("item") if "item" in frame.columns else pl.lit(None, dtype=pl.String)
    if "item_first" not in frame.columns:
        return rating
    first, second = pl.col("item_first"), pl.col("item_second")
    pair = pl.min_horizontal(first, second) + "\x1f" + pl.max_horizontal(first, second)
    return pl.coalesce(rating, pair)
