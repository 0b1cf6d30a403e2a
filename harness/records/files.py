"""The record table as a file: Parquet, CSV in its dialects, JSON, JSON lines."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl

from harness.errors import UsageError
from harness.items.formulas import defused_table
from harness.records.record import DRAWN_IN_ID, SCHEMA
from harness.records.row_checks import REQUIRED, checked
from harness.records.sheet import read_sheet
from harness.where import keep_private

__all__ = ["WRITERS", "read_table", "write_table"]


def read_table(file: Path) -> pl.DataFrame:
    """A Parquet or delimited table of records with the columns of `SCHEMA`, checked row by row.

    Columns that are not there are null, or as `Record` has them by default; others are dropped.
    UsageError, with the row, for what `row_checks` refuses, and for a file without a column
    without which nothing can be said.
    """
    try:
        sheet = read_sheet(file, SCHEMA.keys())
    except UsageError as error:
        raise UsageError(f"{str(file)!r} is not a table of records: {error}") from None
    missing = [name for name in REQUIRED if name not in sheet.table.columns]
    if missing:
        raise UsageError(
            f"{str(file)!r} is not a table of records: it lacks the column {missing[0]!r} "
            f"(needed are {', '.join(REQUIRED)}; found {', '.join(sheet.columns) or 'none'})"
        )
    table = sheet.table
    if "drawn" not in table.columns and "sample_id" in table.columns:
        # Tables from before that column: only campaigns gave samples such names.
        told = pl.col("sample_id").cast(pl.String).str.extract(DRAWN_IN_ID)
        sheet = replace(sheet, table=sheet.table.with_columns(drawn=told))
    if "operation" not in table.columns and "vector" in table.columns:
        # Tables from before that column: vectors were added, and nothing else.
        done = pl.when(pl.col("vector").is_not_null()).then(pl.lit("add"))
        sheet = replace(sheet, table=sheet.table.with_columns(operation=done))
    return checked(sheet)


def write_table(table: pl.DataFrame, file: Path) -> None:
    """Write the table in the form that the file's ending names; UsageError for any other."""
    writer = WRITERS.get(file.suffix.lower())
    if writer is None:
        raise UsageError(
            f"cannot write {str(file)!r}; expected a name ending in {', '.join(WRITERS)}"
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    keep_private(file)
    writer(table, file)


WRITERS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    ".parquet": lambda table, file: table.write_parquet(file),
    ".csv": lambda table, file: defused_table(table).write_csv(file),
    ".json": lambda table, file: table.write_json(file),
    ".jsonl": lambda table, file: table.write_ndjson(file),
}
