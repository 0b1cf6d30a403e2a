"""What was done beside what was stated, where an item is done after the choice."""

import polars as pl

from harness.errors import UsageError
from harness.records.pooling import require_columns
from harness.stats.intervals import Estimate, clustered_rate

__all__ = ["EXECUTED", "by_deed", "has_deeds", "parting"]

EXECUTED = ("first", "second", "both", "neither", "refusal")
"""Classes of what was done."""


def has_deeds(records: pl.DataFrame) -> bool:
    """Whether any record says what was done."""
    return "executed" in records.columns and records["executed"].null_count() < records.height


def by_deed(records: pl.DataFrame, *, where: str = "records") -> pl.DataFrame:
    """The records with the item done as the choice (`--choice executed`).

    Both or neither is `invalid`, a refusal `refused`; so is a reply whose deed nobody judged
    `invalid`, unless it failed. Other records stay as they are. UsageError where no deed is judged.
    """
    require_columns(records, ("executed", "reply_hash", "choice", "outcome"), where=where)
    if not has_deeds(records):
        raise UsageError(
            f"no verdicts on what was done in {where}; expected choices of a template that "
            "completes (choose_and_complete), scored by executed_task"
        )
    done = pl.col("executed")
    chosen = done.is_in(["first", "second"])
    outcome = (
        pl.when(chosen)
        .then(pl.lit("answered"))
        .when(done == "refusal")
        .then(pl.lit("refused"))
        .otherwise(pl.lit("invalid"))
    )
    reason = pl.coalesce(pl.lit("did: ") + done, pl.lit("what was done is not judged"))
    concerned = pl.col("reply_hash").is_not_null() & (pl.col("outcome") != "failed")
    return records.with_columns(
        choice=pl.when(concerned).then(pl.when(chosen).then(done)).otherwise(pl.col("choice")),
        outcome=pl.when(concerned).then(outcome).otherwise(pl.col("outcome")),
        reason=pl.when(concerned).then(reason).otherwise(pl.col("reason")),
        p_first=pl.when(~concerned).then(pl.col("p_first")),
    )


def parting(records: pl.DataFrame) -> tuple[Estimate, dict[str, int]]:
    """The share of stated choices whose other item was done, and how many replies did what.

    Of replies that state one item and do one; Wilson interval by unordered pair.
    """
    judged = records.filter(pl.col("executed").is_not_null())
    counts = dict(judged.group_by("executed").len().iter_rows())
    both = judged.filter(
        (pl.col("outcome") == "answered")
        & pl.col("choice").is_not_null()
        & pl.col("executed").is_in(["first", "second"])
    )
    first, second = pl.col("item_first"), pl.col("item_second")
    pairs = both.group_by(
        a=pl.min_horizontal(first, second), b=pl.max_horizontal(first, second)
    ).agg(n=pl.len(), parted=(pl.col("executed") != pl.col("choice")).sum())
    pairs = pairs.sort("a", "b")
    share = clustered_rate(
        pairs["parted"].to_numpy().astype(float), pairs["n"].to_numpy().astype(float)
    )
    return share, {name: counts.get(name, 0) for name in EXECUTED}
