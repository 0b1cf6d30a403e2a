"""Which items moved most between two conditions, with what is known of both completions."""

from collections.abc import Mapping

import polars as pl

from harness.errors import UsageError
from harness.records.judgement import RULE
from harness.records.pooling import require_one

__all__ = ["changes"]

_SHOWN = ("refusal", "sysprompt_reference", "coherence", "attitude")


def changes(
    before: pl.DataFrame,
    after: pl.DataFrame,
    judgements: pl.DataFrame,
    texts: Mapping[str, str],
    *,
    judge: str = RULE,
    where: tuple[str, str] = ("LOG_A", "LOG_B"),
) -> pl.DataFrame:
    """One row an item answered in both, the largest change first.

    `rating_a`, `rating_b` are mean normalised ratings, of choices the share in which the item was
    chosen; `change` is b − a, `n_a` and `n_b` count answers. Of each completion its text and, by
    kind, what `judge` says of it. UsageError where a side pools what must not be pooled, or both
    have no item in common.
    """
    sides = [_side(frame, name) for frame, name in zip((before, after), where, strict=True)]
    both = sides[0].join(sides[1], on="item", suffix="_b")
    both = both.rename({name: f"{name}_a" for name in ("rating", "n", "hash")})
    if not both.height:
        raise UsageError(f"{where[0]} and {where[1]} have no answered item in common")
    table = both.with_columns(change=pl.col("rating_b") - pl.col("rating_a"))
    for side in ("a", "b"):
        table = _with_verdicts(table, judgements, judge, side)
        text = pl.col(f"hash_{side}").replace_strict(
            dict(texts), default=None, return_dtype=pl.String
        )
        table = table.with_columns(text.alias(f"text_{side}"))
    told = [f"{kind}_{side}" for kind in _SHOWN for side in ("a", "b")]
    names = ["item", "origin", "rating_a", "rating_b", "change", "n_a", "n_b",
             *(name for name in told if name in table.columns), "text_a", "text_b"]  # fmt: skip
    return table.sort(pl.col("change").abs(), "item", descending=[True, False]).select(names)


def _side(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """`item, origin, rating, n, hash` of one side; the hash where an item has one completion."""
    if not frame.height:
        raise UsageError(f"no records in {where}")
    require_one(frame, where=where)
    answered = frame.filter(pl.col("outcome") == "answered")
    if answered["kind"].n_unique() > 1:
        raise UsageError(f"{where} holds ratings and choices; expected one of them")
    if (answered["kind"] == "choice").any():
        rows = pl.concat([_half(answered, place) for place in ("first", "second")])
    else:
        rows = answered.select("item", "origin", rating="normalised", hash="completion_hash")
    return (
        rows.group_by("item")
        .agg(
            pl.col("origin").first(),
            pl.col("rating").mean(),
            n=pl.len(),
            hash=pl.when(pl.col("hash").n_unique() == 1).then(pl.col("hash").first()),
        )
        .sort("item")
    )


def _half(answered: pl.DataFrame, place: str) -> pl.DataFrame:
    chosen = (pl.col("choice") == place).cast(pl.Float64)
    likely = pl.col("p_first") if place == "first" else 1 - pl.col("p_first")
    index = 0 if place == "first" else 1
    return answered.select(
        item=f"item_{place}",
        origin=f"origin_{place}",
        rating=pl.coalesce(likely, chosen),
        hash=pl.col("completion_hash").str.split("+").list.get(index, null_on_oob=True),
    )


def _with_verdicts(
    table: pl.DataFrame, judgements: pl.DataFrame, judge: str, side: str
) -> pl.DataFrame:
    own = judgements.filter((pl.col("judge") == judge) & (pl.col("outcome") == "answered"))
    for kind in _SHOWN:
        said = own.filter(pl.col("kind") == kind).unique("subject", keep="first")
        if said.height:
            shown = pl.coalesce("class", pl.col("value").round(2).cast(pl.String))
            verdict = dict(said.select("subject", shown).iter_rows())
            found = pl.col(f"hash_{side}").replace_strict(
                verdict, default=None, return_dtype=pl.String
            )
            table = table.with_columns(found.alias(f"{kind}_{side}"))
    return table
