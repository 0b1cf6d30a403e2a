"""Choice records as pairs: which were asked in both orders, and what was chosen in each."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from harness.records.pooling import items_only, require_columns
from harness.stats.intervals import FloatArray

__all__ = ["BothOrders", "answered_choices", "both_orders"]


_NAMES = ("a", "b", "origin_a", "origin_b")
_COUNTS = ("first_a", "asked_a", "first_b", "asked_b")


@dataclass(frozen=True, eq=False)
class BothOrders:
    """Unordered pairs {a, b} answered in both orders, one entry a pair.

    `first_a` sums the choices of the first item over the `asked_a` answers with a shown first
    (probabilities under a log-probability read-out), `first_b` likewise with b first. `dropped`
    counts pairs answered in one order only.
    """

    a: tuple[str, ...]
    b: tuple[str, ...]
    origin_a: tuple[str, ...]
    origin_b: tuple[str, ...]
    first_a: FloatArray
    asked_a: FloatArray
    first_b: FloatArray
    asked_b: FloatArray
    dropped: int

    def __len__(self) -> int:
        return len(self.a)

    @property
    def soft(self) -> bool:
        """Whether the choices are probabilities."""
        total = np.concatenate([self.first_a, self.first_b])
        return bool(np.any(total != np.round(total)))

    @property
    def a_wins_first(self) -> FloatArray:
        """Win rate of a when shown first."""
        return self.first_a / self.asked_a

    @property
    def a_wins_second(self) -> FloatArray:
        """Win rate of a when shown second."""
        return 1 - self.first_b / self.asked_b


def answered_choices(frame: pl.DataFrame) -> pl.DataFrame:
    """The answered choices of `frame`, sorted pair by pair, with columns for the statistics.

    `a`, `b` (the pair in sorted order), `origin_a`, `origin_b`, `a_first` (whether a was shown
    first), `first` (1 when the first item was chosen, or its probability).
    """
    columns = ("item_first", "item_second", "outcome", "choice")
    require_columns(frame, columns, where="choice records")
    frame = items_only(frame)
    for name in ("origin_first", "origin_second", "p_first", "readout"):
        if name not in frame.columns:
            kind = pl.Float64 if name == "p_first" else pl.String
            frame = frame.with_columns(pl.lit(None, dtype=kind).alias(name))
    soft = (
        pl.col("readout").fill_null("").str.starts_with("logprob") & pl.col("p_first").is_not_null()
    )
    a_first = pl.col("item_first") <= pl.col("item_second")
    chosen = frame.filter(
        (pl.col("outcome") == "answered") & (soft | pl.col("choice").is_in(["first", "second"]))
    )
    oriented = {
        "a": ("item_first", "item_second"),
        "b": ("item_second", "item_first"),
        "origin_a": ("origin_first", "origin_second"),
        "origin_b": ("origin_second", "origin_first"),
    }
    return chosen.select(
        *(
            pl.when(a_first).then(straight).otherwise(swapped).fill_null("").alias(name)
            for name, (straight, swapped) in oriented.items()
        ),
        a_first.alias("a_first"),
        pl.when(soft)
        .then(pl.col("p_first"))
        .otherwise((pl.col("choice") == "first").cast(pl.Float64))
        .alias("first"),
    ).sort("a", "b", maintain_order=True)


def both_orders(frame: pl.DataFrame) -> BothOrders:
    """Pairs of `frame` with an answer in both orders; the caller has checked what is pooled."""
    pairs = (
        answered_choices(frame)
        .group_by("a", "b", maintain_order=True)
        .agg(
            pl.col("origin_a").first(),
            pl.col("origin_b").first(),
            pl.col("first").filter(pl.col("a_first")).sum().alias("first_a"),
            pl.col("a_first").sum().cast(pl.Float64).alias("asked_a"),
            pl.col("first").filter(~pl.col("a_first")).sum().alias("first_b"),
            (~pl.col("a_first")).sum().cast(pl.Float64).alias("asked_b"),
        )
    )
    used = pairs.filter(
        (pl.col("asked_a") > 0) & (pl.col("asked_b") > 0) & (pl.col("a") != pl.col("b"))
    )
    names = {name: tuple(used[name].to_list()) for name in _NAMES}
    counts = {name: used[name].to_numpy().astype(float) for name in _COUNTS}
    return BothOrders(
        a=names["a"],
        b=names["b"],
        origin_a=names["origin_a"],
        origin_b=names["origin_b"],
        first_a=counts["first_a"],
        asked_a=counts["asked_a"],
        first_b=counts["first_b"],
        asked_b=counts["asked_b"],
        dropped=len(pairs) - len(used),
    )
