"""A record table from a file, row by row: types, defaults, and what no record can say.

Logs hold records that were checked when they were made. A table may have been through other
hands, and one row that means nothing would end an analysis far from its cause.
"""

import math
from typing import Any

import msgspec
import polars as pl

from harness.errors import UsageError
from harness.records.record import SCHEMA, Record
from harness.records.sheet import ROW, UNSEEN, Sheet, require_plain
from harness.text.answer import OUTCOMES
from harness.trees import json_tree

__all__ = ["REQUIRED", "checked"]

REQUIRED = ("kind", "template", "rater", "outcome")
"""Columns without which nothing can be said of a row."""

_DEFAULTS = {
    field.name: field.default
    for field in msgspec.structs.fields(Record)
    if field.default is not msgspec.NODEFAULT and field.default is not None
}
"""What a record is without the column: repeat 0, system prompt "none", …"""

_ALLOWED = {
    "kind": ("rating", "choice"),
    "outcome": OUTCOMES,
    "choice": ("first", "second", "neither", "indifferent"),
}
_FLOATS = tuple(name for name, kind in SCHEMA.items() if kind == pl.Float64)
_NO_ITEM = "expected the id of an item"


def checked(sheet: Sheet) -> pl.DataFrame:
    """The columns of `SCHEMA` from a sheet that has those `REQUIRED`.

    UsageError that names the value, what was allowed, the file and the row for: a value of
    another type; a kind, outcome or choice that there is not; a number that is not finite; a
    missing item, an item compared with itself, an answered row without rating or choice, a
    probability outside 0 to 1, a normalised rating outside 0 to 1; probabilities that are none.
    """
    table = _typed(sheet)
    for column, wrong, expected in _rules():
        rows = table.filter(wrong)
        if len(rows):
            value, row = rows.select(column, ROW).row(0)
            raise UsageError(f"{sheet.where!r}, row {row}: {_said(column, value)}; {expected}")
    _check_probabilities(table, sheet.where)
    return table.select(SCHEMA.keys())


def _said(column: str, value: object) -> str:
    if value is None or not str(value).strip():
        return f"no {column}"
    return f"{'unknown ' if column in _ALLOWED else ''}{column} {value!r}"


def _rules() -> list[tuple[str, pl.Expr, str]]:
    """Column to name, which rows are wrong, and what was expected."""
    rating, choice = pl.col("kind") == "rating", pl.col("kind") == "choice"
    answered = pl.col("outcome") == "answered"
    rules = [(name, _blank(name), "expected one in every row") for name in REQUIRED]
    rules += [
        (name, pl.col(name).is_not_null() & ~pl.col(name).is_in(allowed),
         f"expected {', '.join(allowed)}")
        for name, allowed in _ALLOWED.items()
    ]  # fmt: skip
    rules += [(name, ~pl.col(name).is_finite(), "expected a finite number") for name in _FLOATS]
    rules += [
        (name, kind & _blank(name), _NO_ITEM)
        for kind, name in ((rating, "item"), (choice, "item_first"), (choice, "item_second"))
    ]
    rules += [
        (name, pl.col(name).str.contains(UNSEEN), "expected text that can be seen")
        for name in ("item", "item_first", "item_second")
    ]
    same = pl.col("item_first") == pl.col("item_second")
    neither = pl.col("choice").is_null() & pl.col("p_first").is_null()
    # Scales divide by their range: the last bit of a level may lie outside.
    normalised = ~pl.col("normalised").is_between(-1e-9, 1 + 1e-9)
    return [
        *rules,
        ("item_second", choice & same, "an item is compared with itself"),
        ("value", rating & answered & pl.col("value").is_null(), "expected one, being answered"),
        ("choice", choice & answered & neither, "expected one, being answered"),
        ("p_first", ~pl.col("p_first").is_between(0, 1), "expected a probability"),
        ("normalised", normalised, "expected 0 to 1"),
    ]


def _blank(name: str) -> pl.Expr:
    return pl.col(name).fill_null("").str.strip_chars() == ""


def _typed(sheet: Sheet) -> pl.DataFrame:
    """All columns of `SCHEMA` in their types, with `ROW`."""
    table = sheet.table
    require_plain(table, sheet.where)
    columns = [table[ROW]]
    for name, kind in SCHEMA.items():
        if name in table.columns:
            column = _cast(table[name], kind, sheet)
        else:
            column = pl.repeat(None, len(table), dtype=kind, eager=True).alias(name)
        columns.append(column.fill_null(_DEFAULTS[name]) if name in _DEFAULTS else column)
    return pl.DataFrame(columns)


_KINDS: dict[Any, str] = {
    pl.String: "text",
    pl.Float64: "a number",
    pl.Int64: "a whole number",
    pl.Boolean: "true or false",
}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def _cast(column: pl.Series, kind: Any, sheet: Sheet) -> pl.Series:
    """A column in its type; as other programs write it too: `True`, `3.0` for a whole number."""
    given = column.is_not_null()
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        given = text.fill_null("") != ""
        if kind == pl.String:
            return column.to_frame().select(pl.when(given).then(pl.first())).to_series()
        if kind == pl.Int64:
            column = text.str.replace(r"\.0*$", "")
        elif kind == pl.Boolean:
            column = text.str.to_lowercase().replace_strict(
                _BOOLEANS, default=None, return_dtype=pl.Boolean
            )
        else:
            column = text
    try:
        typed = column.cast(kind, strict=False)
    except pl.exceptions.PolarsError as error:
        said = str(error).strip().splitlines()[0]
        raise UsageError(f"{sheet.where!r}: {column.name}: {said}") from None
    lost = given & typed.is_null()
    if kind == pl.Int64 and column.dtype.is_float():
        lost |= (typed != column).fill_null(False)
    wrong = sheet.table.filter(lost)
    if len(wrong):
        value, row = wrong.select(column.name, ROW).row(0)
        raise UsageError(
            f"{sheet.where!r}, row {row}: {column.name} {value!r}; expected {_KINDS[kind]}"
        )
    return typed


def _check_probabilities(table: pl.DataFrame, where: str) -> None:
    rows = table.filter(pl.col("probabilities").is_not_null()).select("probabilities", ROW)
    for text, row in rows.iter_rows():
        if not _is_distribution(text):
            raise UsageError(
                f"{where!r}, row {row}: probabilities {text[:60]!r}; "
                'expected JSON of labels and probabilities, {"1": 0.2, …}'
            )


def _is_distribution(text: str) -> bool:
    try:
        found = json_tree(text)
    except ValueError:
        return False
    values = list(found.values()) if isinstance(found, dict) else []
    try:
        numbers = all(
            isinstance(value, int | float) and math.isfinite(value) and value >= 0
            for value in values
        )
    except OverflowError:
        return False
    return bool(values) and numbers and sum(values) > 0
