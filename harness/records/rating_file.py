"""Plain delimited files of ratings: item, seed, value, and what else is known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.records.pooling import IDENTITY
from harness.records.record import SCHEMA
from harness.records.row_checks import REQUIRED
from harness.records.sheet import (
    NO_ID,
    NOTHING,
    ROW,
    TABLE_SUFFIXES,
    Sheet,
    as_number,
    read_sheet,
    sheet_columns,
)
from harness.text.answer import OUTCOMES

__all__ = ["is_rating_file", "read_rating_file"]

_NEEDED = ("item", "seed", "value")
_TAKEN = ("item", "origin", "outcome", "completion_refused", "log", *IDENTITY)


def is_rating_file(file: Path) -> bool:
    """Whether a delimited file is a plain one: it lacks the columns of a table of records."""
    if file.suffix.lower() not in TABLE_SUFFIXES or file.suffix.lower() == ".parquet":
        return False
    return not set(REQUIRED) <= set(sheet_columns(file))


def read_rating_file(
    file: Path, *, levels: Sequence[float] | None = None
) -> tuple[pl.DataFrame, list[str]]:
    """Rating records from a CSV with columns item, seed, value[, origin][, outcome].

    Any identity column of the record table (rater, template, …) is taken as well. A seed may be
    any text: it names a repeat. An empty value without an outcome is `invalid`, as is a value that
    is none of `levels`: off the scale is no rating. Returns the records and one line for each such
    thing. UsageError for missing columns, an unknown outcome, or a value that is no number.
    """
    where = repr(str(file))
    try:
        sheet = read_sheet(file, (*_NEEDED, *_TAKEN))
    except UsageError as error:
        raise UsageError(f"{where} is not a CSV file of ratings: {error}") from None
    if not sheet.columns:
        raise UsageError(f"{where} is not a CSV file of ratings: it is empty")
    _require(sheet, where)
    table = sheet.text()
    if len(table) == 0:
        raise UsageError(f"no ratings in {where}")
    for name in ("item", "seed"):
        missing = table.filter(table[name].fill_null("nan").str.to_lowercase().is_in(NO_ID))
        if len(missing):
            raise UsageError(f"no {name} in line {missing[ROW][0]} of {where}")
    given = _numbers(table, where)
    outcome = _outcomes(table, where)
    notes = []
    empty = (outcome == "answered") & given.is_null()
    if empty.any():
        outcome = pl.select(pl.when(empty).then(pl.lit("invalid")).otherwise(outcome)).to_series()
        notes.append(f"{int(empty.sum())} ratings without a value counted as invalid")
    off = _off_scale(given, outcome, levels)
    if off.any():
        outcome = pl.select(pl.when(off).then(pl.lit("invalid")).otherwise(outcome)).to_series()
        first = table.filter(off).row(0, named=True)
        notes.append(
            f"{int(off.sum())} values on none of the levels counted as invalid, "
            f"the first {first['value']} for item {first['item']!r}, seed {first['seed']}"
        )
    kept = table.select(
        pl.col(name).cast(SCHEMA[name], strict=False) for name in _TAKEN if name in table.columns
    )
    records = kept.with_columns(
        outcome=outcome,
        value=pl.select(pl.when(outcome == "answered").then(given)).to_series(),
        repeat=table["seed"].rank("dense").cast(pl.Int64) - 1,
    )
    return records, notes


def _require(sheet: Sheet, where: str) -> None:
    missing = [name for name in _NEEDED if name not in sheet.table.columns]
    if missing:
        raise UsageError(
            f"missing column {', '.join(map(repr, missing))} in {where}; "
            f"found {', '.join(sheet.columns)}"
        )


def _numbers(table: pl.DataFrame, where: str) -> pl.Series:
    """Values as numbers, null where empty; text that is none is an error unless not answered."""
    text = table["value"]
    number = as_number(text).fill_nan(None)
    wrong = text.is_not_null() & (number.is_null() | number.is_infinite())
    wrong &= ~text.str.to_lowercase().is_in(NOTHING).fill_null(False)
    wrong &= _outcomes(table, where) == "answered"
    if wrong.any():
        row = int(wrong.arg_true()[0])
        raise UsageError(
            f"value {text[row]!r} in line {table[ROW][row]} of {where}; expected a finite number, "
            "or nothing and an outcome"
        )
    return number


def _outcomes(table: pl.DataFrame, where: str) -> pl.Series:
    if "outcome" not in table.columns:
        return pl.Series("outcome", np.full(len(table), "answered"))
    outcome = table["outcome"].fill_null("answered").str.to_lowercase()
    outcome = outcome.replace(NOTHING, "answered")
    wrong = ~outcome.is_in(OUTCOMES)
    if wrong.any():
        row = int(wrong.arg_true()[0])
        raise UsageError(
            f"unknown outcome {table['outcome'][row]!r} in line {table[ROW][row]} of {where}; "
            f"expected {', '.join(OUTCOMES)}"
        )
    return outcome


def _off_scale(given: pl.Series, outcome: pl.Series, levels: Sequence[float] | None) -> pl.Series:
    answered = ((outcome == "answered") & given.is_not_null()).to_numpy().astype(bool)
    if levels is None:
        return pl.Series(np.zeros(len(given), dtype=bool))
    values = given.fill_null(float("nan")).to_numpy()
    nearest = np.abs(values[:, None] - np.asarray(levels)[None, :]).min(axis=1)
    return pl.Series(answered & ~(nearest <= 1e-9))
