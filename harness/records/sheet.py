"""A table that people or other programs wrote, as named columns of text with row numbers."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from harness.errors import UsageError
from harness.items.delimited import decoded, delimited

__all__ = [
    "NOTHING",
    "NO_ID",
    "ROW",
    "TABLE_SUFFIXES",
    "UNSEEN",
    "Sheet",
    "as_number",
    "read_sheet",
    "require_plain",
    "sheet_columns",
    "sheet_of",
]

TABLE_SUFFIXES = (".parquet", ".csv", ".tsv")
"""Endings of tables, in lower case; `.CSV` is one too."""

NOTHING = ("nan", "na", "n/a", "null", "none", "<na>")
"""What programs write where there is no value, in lower case."""

NO_ID = ("nan", "<na>")
"""Of these, what no item is called: `NA` may be Namibia."""

UNSEEN = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F]"
"""Control characters that are no white space."""

ROW = "(row)"
"""Column with the place of a row: the line on which it begins, or in Parquet its number from 1."""

_BATCH = 50_000
"""Rows held as Python text at a time (some 20 MB a batch of four columns)."""

_HEAD = 1 << 16
"""Bytes in which a header ends."""
_MANY = 1_000_000
"""Rows that fit into memory whatever they hold."""


@dataclass(frozen=True)
class Sheet:
    """`table`: the columns asked for that are there, in lower case, and `ROW`; `columns`: the
    names of all, as found; `where`: the source, for errors.

    Columns of a delimited file are text as it stands there; Parquet keeps its types.
    """

    table: pl.DataFrame
    columns: tuple[str, ...]
    where: str

    def text(self) -> pl.DataFrame:
        """`table` with every column but `ROW` as trimmed text, null where there is none.

        UsageError that names the row for a value that is no text or number, or that no one sees:
        two ids that differ in a control character would be two items of one name.
        """
        require_plain(self.table, self.where)
        try:
            found = self.table.with_columns(
                pl.exclude(ROW).cast(pl.String).str.strip_chars().replace("", None)
            )
        except pl.exceptions.PolarsError as error:
            raise UsageError(f"{self.where}: {str(error).splitlines()[0]}") from None
        for name in found.columns:
            if name == ROW:
                continue
            odd = found.filter(pl.col(name).str.contains(UNSEEN)).select(name, ROW)
            if odd.height:
                value, row = odd.row(0)
                raise UsageError(
                    f"{self.where!r}, row {row}: {name} {value!r} holds a control character; "
                    "expected text that can be seen"
                )
        return found

    def require(self, *names: str, expected: str) -> None:
        """UsageError that names the columns lacking, those expected and those found."""
        missing = [name for name in names if name not in self.table.columns]
        if missing:
            raise UsageError(
                f"no column {', '.join(missing)} in {self.where}; expected {expected}, "
                f"found {', '.join(self.columns) or 'none'}"
            )


def read_sheet(path: Path, names: Collection[str]) -> Sheet:
    """The columns `names` (lower case) of a Parquet file, or of a CSV in any dialect.

    Upper and lower case of a name are one; a name in `names` that two columns bear is a
    UsageError, as is a file that cannot be read.
    """
    try:
        if path.suffix.lower() == ".parquet":
            _refuse_swollen(path)
            return sheet_of(pl.read_parquet(path), names, where=str(path))
        text = decoded(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"cannot read {path}: {str(error).splitlines()[0]}") from None
    found = delimited(path, text, names=names, trim=True)
    places = _places(found.header, names, str(path))
    parts = list(_batches(found.rows, places))
    schema = {ROW: pl.Int64, **dict.fromkeys(places, pl.String)}
    table = pl.concat(parts) if parts else pl.DataFrame(schema=schema)
    return Sheet(table, found.header, str(path))


def require_plain(table: pl.DataFrame, where: str) -> None:
    """UsageError for a column of lists, structs or anything else that is no single value."""
    for name, kind in table.schema.items():
        if kind.is_nested() or kind == pl.Object:
            raise UsageError(
                f"{where}: column {name!r} holds {str(kind).split('(')[0].lower()}s; "
                "expected text or numbers"
            )


def _refuse_swollen(path: Path) -> None:
    """UsageError for a file that unpacks to a row from less than a byte: no measurement is so
    alike, and a few kilobytes would fill the memory."""
    rows = int(pl.scan_parquet(path).select(pl.len()).collect().item())
    if rows > max(_MANY, path.stat().st_size):
        raise UsageError(
            f"{path} unpacks to {rows:,} rows from {path.stat().st_size:,} bytes; expected a byte "
            "a row at least"
        )


def sheet_of(table: pl.DataFrame, names: Collection[str], *, where: str) -> Sheet:
    """The columns `names` of a table that is there already, rows counted from 1."""
    header = tuple(name.strip() for name in table.columns)
    places = _places(header, names, where)
    kept = table.select(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(ROW),
        *(pl.col(table.columns[place]).alias(name) for name, place in places.items()),
    )
    return Sheet(kept, header, where)


def as_number(text: pl.Series) -> pl.Series:
    """Text as numbers, null where it is none; a decimal comma, too, which goes with semicolons.

    `1,000` is null: a thousand to some, one to others. `0,500` can be but a half.
    """
    dotted = text.str.replace(r"^([+-]?\d*),(\d+)$", "${1}.${2}")
    either = text.str.contains(r"^[+-]?[1-9]\d{0,2}(,\d{3})+$")
    return dotted.cast(pl.Float64, strict=False).set(either.fill_null(False), None)


def sheet_columns(path: Path) -> tuple[str, ...]:
    """Names of a table's columns in lower case; () where the file cannot be read as one."""
    try:
        if path.suffix.lower() == ".parquet":
            names = tuple(pl.read_parquet_schema(path))
        else:
            names = delimited(path, decoded(path, first=_HEAD)).header
    except (OSError, UsageError, pl.exceptions.PolarsError):
        return ()
    return tuple(name.strip().lower() for name in names)


def _places(header: tuple[str, ...], names: Collection[str], where: str) -> dict[str, int]:
    """Where each of `names` stands in the header."""
    places: dict[str, int] = {}
    for place, found in enumerate(header):
        name = found.lower()
        if name not in names:
            continue
        if name in places:
            raise UsageError(
                f"two columns {header[places[name]]!r}, {found!r} in {where}; expected one {name}"
            )
        places[name] = place
    return places


def _batches(
    rows: Iterator[tuple[int, list[str]]], places: dict[str, int]
) -> Iterator[pl.DataFrame]:
    while batch := list(islice(rows, _BATCH)):
        lines = pl.Series(ROW, [line for line, _ in batch], dtype=pl.Int64)
        columns = [
            pl.Series(name, [values[place] for _, values in batch], dtype=pl.String)
            for name, place in places.items()
        ]
        yield pl.DataFrame([lines, *columns])
