"""The forms in which tables tell what was chosen, read as one.

`first,second,choice[,count][,p_first]`: which item was shown first is known. `winner,loser[,tie]`:
it is not, and nothing about position can be said. `model_a,model_b,winner`: the table of a model
arena, `model_a` shown first.
"""

import polars as pl

from harness.errors import UsageError
from harness.records.sheet import NO_ID, NOTHING, ROW, Sheet

__all__ = ["COLUMNS", "EXPECTED", "comparisons", "is_nothing"]

EXPECTED = "first,second,choice[,count][,p_first], winner,loser[,tie] or model_a,model_b,winner"

_OPTIONAL = ("count", "template", "origin_first", "origin_second", "random")
_SHOWN = ("first", "second", "choice", "p_first")
_ARENA = ("model_a", "model_b", "winner")
_WON = ("winner", "loser", "tie")

COLUMNS = tuple(dict.fromkeys((*_SHOWN, *_OPTIONAL, *_ARENA, *_WON)))
"""Columns of a table of comparisons, in lower case."""

_TIES = ("tie", "tie (bothbad)", "tie (both bad)", "bothbad", "both_bad", "both bad", "draw")
_YES = ("true", "t", "1", "1.0", "yes", "y", *_TIES)
_NO = ("false", "f", "0", "0.0", "no", "n", "", *NOTHING)


def comparisons(sheet: Sheet) -> pl.DataFrame:
    """Text columns `first, second, choice, count, p_first, template, origin_first,
    origin_second, random` of any of the forms, null where absent, with `ROW` and two flags:
    `tie`, the two came out even; `ordered`, `first` is the item shown first.

    `choice` is in lower case and null where the table has nothing there. UsageError, with the
    columns found, for a table of no form, and for a tie or winner that cannot be read.
    """
    table = sheet.text()
    if "first" in table.columns or "second" in table.columns:
        found = _shown(sheet, table)
    elif "model_a" in table.columns or "model_b" in table.columns:
        sheet.require(*_ARENA, expected=EXPECTED)
        found = _arena(table, sheet.where)
    elif "winner" in table.columns or "loser" in table.columns:
        sheet.require("winner", "loser", expected=EXPECTED)
        found = _won(table, sheet.where)
    else:
        sheet.require("first", "second", "choice", expected=EXPECTED)
        raise AssertionError("a table without these columns was refused")
    rest = [name for name in ("p_first", *_OPTIONAL) if name not in found.columns]
    whole = found.with_columns(pl.lit(None, pl.String).alias(name) for name in rest)
    _check_items(whole, sheet.where)
    return whole


def _check_items(table: pl.DataFrame, where: str) -> None:
    for name in ("first", "second"):
        missing = pl.col(name).fill_null("").str.to_lowercase().is_in(("", *NO_ID))
        rows = table.filter(missing)
        if len(rows):
            value = rows[name][0] or ""
            raise UsageError(f"{name} {value!r} in {where}, row {rows[ROW][0]}; expected two items")
    same = table.filter(pl.col("first") == pl.col("second"))
    if len(same):
        raise UsageError(
            f"first {same['first'][0]!r} in {where}, row {same[ROW][0]}; "
            "an item is compared with itself"
        )


def _shown(sheet: Sheet, table: pl.DataFrame) -> pl.DataFrame:
    sheet.require("first", "second", expected=EXPECTED)
    if "p_first" not in table.columns:
        sheet.require("choice", expected=EXPECTED)
    choice = pl.col("choice") if "choice" in table.columns else pl.lit(None, pl.String)
    said = choice.str.to_lowercase()
    return table.with_columns(choice=_something(said), tie=pl.lit(False), ordered=pl.lit(True))


def _arena(table: pl.DataFrame, where: str) -> pl.DataFrame:
    """`winner` says model_a, model_b, a tie, or one of the two by name."""
    said = pl.col("winner").str.to_lowercase()
    a, b = pl.col("model_a"), pl.col("model_b")
    is_tie = said.is_in(_TIES)
    named = table.with_columns(
        choice=pl.when((said == "model_a") | (pl.col("winner") == a))
        .then(pl.lit("first"))
        .when((said == "model_b") | (pl.col("winner") == b))
        .then(pl.lit("second"))
        .otherwise(_something(said)),
        tie=is_tie.fill_null(False),
    )
    models = pl.concat([table["model_a"], table["model_b"]]).drop_nulls().unique()
    third = named.filter(
        ~pl.col("tie")
        & ~pl.col("choice").is_in(["first", "second"])
        & pl.col("winner").is_in(models.implode())
    )
    if len(third):
        row = third.row(0, named=True)
        raise UsageError(
            f"winner {row['winner']!r} in {where}, row {row[ROW]}; expected model_a, model_b, "
            f"tie, or one of {row['model_a']!r}, {row['model_b']!r}"
        )
    return named.rename({"model_a": "first", "model_b": "second"}).with_columns(
        ordered=pl.lit(True)
    )


def _won(table: pl.DataFrame, where: str) -> pl.DataFrame:
    if "tie" not in table.columns:
        table = table.with_columns(tie=pl.lit(None, pl.String))
    said = pl.col("tie").fill_null("").str.to_lowercase()
    wrong = table.filter(~said.is_in((*_YES, *_NO)))
    if len(wrong):
        raise UsageError(
            f"tie {wrong['tie'][0]!r} in {where}, row {wrong[ROW][0]}; expected true or false"
        )
    return table.rename({"winner": "first", "loser": "second"}).with_columns(
        choice=pl.lit("first"), tie=said.is_in(_YES), ordered=pl.lit(False)
    )


def is_nothing(text: pl.Expr) -> pl.Expr:
    """Whether a cell says that there is no value: `NaN`, `NA`, `null`, … in any case."""
    return text.str.to_lowercase().is_in(NOTHING)


def _something(text: pl.Expr) -> pl.Expr:
    return pl.when(~is_nothing(text)).then(text)
