"""Pairs that an earlier run asked, drawn by which place won there."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.pairs.graphs import Pair
from harness.records.logs import read_records

__all__ = ["first_answers", "winner_pairs"]

PLACES = ("first", "second")


def first_answers(logs: Path) -> pl.DataFrame:
    """The first answer to each unordered pair in logs: first, second (ids as shown), choice.

    UsageError where there are no answered choices.
    """
    frame = read_records([logs]).frame
    choices = frame.filter(
        pl.col("kind") == "choice",
        pl.col("outcome") == "answered",
        pl.col("choice").is_in(PLACES),
        pl.col("zero").is_null(),
    )
    if not choices.height:
        raise UsageError(f"no answered choices in {logs}; expected logs of a campaign")
    return (
        choices.select(first="item_first", second="item_second", choice="choice")
        .with_columns(
            low=pl.min_horizontal("first", "second"), high=pl.max_horizontal("first", "second")
        )
        .unique(["low", "high"], keep="first", maintain_order=True)
        .drop("low", "high")
    )


def winner_pairs(
    logs: Path, items: Sequence[str], count: int, rng: np.random.Generator
) -> list[Pair]:
    """`count` pairs (or all there are) of those whose item shown first won, and as many of those
    whose item shown second did; index pairs in the order shown. Pairs with an item that is not
    among `items` are left out; UsageError where none is left."""
    index = {item: position for position, item in enumerate(items)}
    answers = first_answers(logs)
    known = answers.filter(pl.col("first").is_in(items) & pl.col("second").is_in(items))
    if not known.height:
        raise UsageError(
            f"none of the {answers.height} pairs in {logs} is of this run's {len(items)} items "
            f"({', '.join(list(items)[:3])}, …)"
        )
    found: list[Pair] = []
    for place in PLACES:
        rows = known.filter(pl.col("choice") == place).sort("first", "second")
        drawn = rng.choice(rows.height, size=min(count, rows.height), replace=False)
        chosen = rows[np.sort(drawn).tolist()]
        found += [(index[one], index[two]) for one, two in chosen.select("first", "second").rows()]
    return found
