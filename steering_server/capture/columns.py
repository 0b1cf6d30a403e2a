"""One number an item, from a column of any table: utilities, records, completions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from harness.errors import UsageError
from harness.items.formulas import restored_table
from steering_server.capture.completions import read_completions

__all__ = ["Column", "Values", "read_values"]

_ITEMS = ("item", "id")
_POOLED = (
    "kind",
    "rater",
    "rater_identity",
    "completer",
    "template",
    "template_hash",
    "timing",
    "response",
    "readout",
    "completion_sysprompt",
    "measurement_sysprompt",
    "vector",
    "coef",
    "layer",
    "positions",
    "temperature",
    "thinking",
)
"""Columns of a record table in which the rows of one target must agree: a mean over two raters or
two wordings is nobody's."""


@dataclass(frozen=True)
class Column:
    """What is read: a numeric or boolean column, or with `equals` whether a column has that value.
    `error` names the column of standard errors (None: `se` where there is one). `where` keeps the
    rows that have these values."""

    name: str
    equals: str | None = None
    error: str | None = None
    where: Mapping[str, str] | None = None


@dataclass(frozen=True, eq=False)
class Values:
    """`of` maps items to their mean value, `error` to its standard error (0 where none is known).
    `binary` says that every row was 0 or 1. `rows` were read, `empty` of them had no finite
    value."""

    of: Mapping[str, float]
    error: Mapping[str, float]
    binary: bool
    rows: int
    empty: int

    def aligned(self, items: Sequence[str]) -> list[int]:
        """Indices of `items` that have a value."""
        return [index for index, item in enumerate(items) if item in self.of]


def read_values(path: Path, column: Column) -> Values:
    """Values by item. `path` is a CSV, Parquet or JSONL table with a column `item` (or `id`), or a
    log of `evals/completions.py`. Several rows of an item are averaged. UsageError."""
    table = _table(path)
    key = next((name for name in _ITEMS if name in table.columns), None)
    needed = [column.name, *(column.where or {}), *([column.error] if column.error else [])]
    missing = [name for name in needed if name not in table.columns]
    if key is None or missing:
        raise UsageError(
            f"{path} has no column {(missing or _ITEMS[:1])[0]!r}; "
            f"it has {', '.join(table.columns)}"
        )
    for name, value in (column.where or {}).items():
        table = table.filter(pl.col(name).cast(pl.String) == value)
    _refuse_pooling(table, path, column)
    error = column.error or ("se" if "se" in table.columns and column.equals is None else None)
    rows = table.filter(pl.col(key).is_not_null()).select(
        pl.col(key).cast(pl.String).alias("item"),
        _number(table, column, path).alias("value"),
        (pl.col(error).cast(pl.Float64, strict=False) if error else pl.lit(None, pl.Float64)).alias(
            "se"
        ),
    )
    kept = rows.filter(pl.col("value").is_finite())
    if kept.is_empty():
        raise UsageError(f"{path}: column {column.name!r} has a number in none of {len(rows)} rows")
    return _averaged(kept, rows=len(table), empty=len(table) - len(kept))


def _averaged(kept: pl.DataFrame, *, rows: int, empty: int) -> Values:
    # Errors of rows that are repeats of one item: of the mean, from the spread within items,
    # pooled over items since each has few; of single rows, those that the table gives.
    grouped = kept.group_by("item", maintain_order=True).agg(
        pl.col("value").mean(),
        (pl.col("se").pow(2).sum().sqrt() / pl.len()).fill_nan(0).fill_null(0).alias("se"),
        pl.len().alias("count"),
        ((pl.col("value") - pl.col("value").mean()) ** 2).sum().alias("squares"),
    )
    freedom = int((grouped["count"] - 1).sum())
    if not (grouped["se"] > 0).any() and freedom:
        spread = math.sqrt(float(grouped["squares"].sum()) / freedom)
        grouped = grouped.with_columns((spread / pl.col("count").sqrt()).alias("se"))
    items = grouped["item"].to_list()
    return Values(
        dict(zip(items, grouped["value"].to_list(), strict=True)),
        dict(zip(items, grouped["se"].to_list(), strict=True)),
        bool(kept["value"].is_in([0.0, 1.0]).all()),
        rows,
        empty,
    )


def _table(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".eval":
            return pl.DataFrame(list(read_completions(path).values()), infer_schema_length=None)
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.suffix in (".jsonl", ".ndjson"):
            return pl.read_ndjson(path, infer_schema_length=None)
        if path.suffix == ".csv":
            return restored_table(pl.read_csv(path, infer_schema_length=None))
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UsageError(f"cannot read {path}: {reason}") from error
    raise UsageError(f"{path}: expected a .csv, .parquet or .jsonl table, or an .eval log")


def _refuse_pooling(table: pl.DataFrame, path: Path, column: Column) -> None:
    for name in _POOLED:
        if name in table.columns and name != column.name and table[name].n_unique() > 1:
            shown = ", ".join(map(str, table[name].unique().sort().to_list()[:5]))
            raise UsageError(
                f"{path} has rows that differ in {name} ({shown}); choose with --where {name}=VALUE"
            )


def _number(table: pl.DataFrame, column: Column, path: Path) -> pl.Expr:
    kind, given = table.schema[column.name], pl.col(column.name)
    if column.equals is not None:
        values = table[column.name].cast(pl.String)
        if column.equals not in values:
            shown = ", ".join(map(str, values.unique().sort().to_list()[:8]))
            raise UsageError(
                f"{path}: column {column.name!r} never is {column.equals!r}; it holds {shown}"
            )
        return (given.cast(pl.String) == column.equals).cast(pl.Float64)
    empty = table[column.name].null_count() == len(table)
    if kind == pl.Boolean or kind.is_numeric() or empty:
        return given.cast(pl.Float64)
    shown = ", ".join(map(str, table[column.name].drop_nulls().unique().sort().to_list()[:5]))
    raise UsageError(
        f"{path}: column {column.name!r} holds text ({shown}); expected numbers, true and false, "
        f"or {column.name}=VALUE"
    )
