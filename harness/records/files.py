"""The record table as a file: Parquet, CSV, JSON, JSON lines."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from harness.errors import UsageError
from harness.records.record import DRAWN_IN_ID, SCHEMA
from harness.text.answer import OUTCOMES

__all__ = ["WRITERS", "read_table", "write_table"]

_REQUIRED = ("kind", "template", "rater", "outcome")
_ALLOWED = {"kind": ("rating", "choice"), "outcome": OUTCOMES, "choice": ("first", "second")}


def read_table(file: Path) -> pl.DataFrame:
    """A `.parquet` or `.csv` table of records with the columns of `SCHEMA`.

    Columns that are not there are null, others are dropped. UsageError when a column without
    which nothing can be said is missing, or a value is none of those allowed.
    """
    try:
        if file.suffix == ".parquet":
            table = pl.read_parquet(file)
        else:
            table = pl.read_csv(file, schema_overrides=SCHEMA)
    except (OSError, pl.exceptions.PolarsError) as error:
        said = str(error).strip().splitlines()[0]
        raise UsageError(f"{str(file)!r} is not a table of records: {said}") from None
    missing = [name for name in _REQUIRED if name not in table.columns]
    if missing:
        raise UsageError(
            f"{str(file)!r} is not a table of records: it lacks the column {missing[0]!r} "
            f"(needed are {', '.join(_REQUIRED)})"
        )
    if "drawn" not in table.columns and "sample_id" in table.columns:
        # Tables from before that column: only campaigns gave samples such names.
        told = pl.col("sample_id").cast(pl.String).str.extract(DRAWN_IN_ID)
        table = table.with_columns(drawn=told)
    try:
        table = table.select(
            (pl.col(name) if name in table.columns else pl.lit(None)).cast(kind).alias(name)
            for name, kind in SCHEMA.items()
        )
    except pl.exceptions.PolarsError as error:
        raise UsageError(f"{str(file)!r}: {str(error).strip().splitlines()[0]}") from None
    for column, allowed in _ALLOWED.items():
        wrong = table.filter(~pl.col(column).is_in(allowed))[column]
        if len(wrong):
            raise UsageError(
                f"{str(file)!r}: unknown {column} {wrong[0]!r}; expected {', '.join(allowed)}"
            )
    return table


def write_table(table: pl.DataFrame, file: Path) -> None:
    """Write the table in the form that the file's ending names; UsageError for any other."""
    writer = WRITERS.get(file.suffix)
    if writer is None:
        raise UsageError(
            f"cannot write {str(file)!r}; expected a name ending in {', '.join(WRITERS)}"
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    writer(table, file)


WRITERS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    ".parquet": lambda table, file: table.write_parquet(file),
    ".csv": lambda table, file: table.write_csv(file),
    ".json": lambda table, file: table.write_json(file),
    ".jsonl": lambda table, file: table.write_ndjson(file),
}
