"""Cells of a CSV that a spreadsheet would run as a formula, and how they are written and read back.

A text cell that begins with one of `= + - @`, a tab or a carriage return gets an apostrophe in
front (OWASP, "CSV Injection"). A text that begins with apostrophes and then such a sign gets one
more, so that taking one away gives every text back as it was. What is a number stays as it is.
"""

import re
from collections.abc import Iterable
from typing import Any

import polars as pl

__all__ = ["defused", "defused_row", "defused_table", "restored", "restored_table"]

_RISKY = r"^'*[=+\-@\t\r]"
_NUMBER = r"^[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_IS_RISKY, _IS_NUMBER = re.compile(_RISKY), re.compile(_NUMBER + r"\Z")


def defused(text: str) -> str:
    """The text as a CSV cell that no spreadsheet runs."""
    return f"'{text}" if _IS_RISKY.match(text) and not _IS_NUMBER.match(text) else text


def restored(cell: str) -> str:
    """The text that `defused` was given; any other cell as it is."""
    return cell[1:] if cell.startswith("'") and _IS_RISKY.match(cell) else cell


def defused_row(cells: Iterable[Any]) -> list[Any]:
    """A row's cells with its texts defused."""
    return [defused(cell) if isinstance(cell, str) else cell for cell in cells]


def defused_table(table: pl.DataFrame) -> pl.DataFrame:
    """The table with its text cells and column names defused; columns of numbers are untouched."""
    for name in _texts(table):
        cell = pl.col(name)
        risky = cell.str.contains(_RISKY) & ~cell.str.contains(_NUMBER)
        table = table.with_columns(
            pl.when(risky).then(pl.lit("'") + cell).otherwise(cell).alias(name)
        )
    return table.rename(defused)


def restored_table(table: pl.DataFrame) -> pl.DataFrame:
    """The table with its text cells and column names as `defused_table` was given them."""
    for name in _texts(table):
        cell = pl.col(name)
        held = cell.str.starts_with("'") & cell.str.contains(_RISKY)
        table = table.with_columns(
            pl.when(held).then(cell.str.slice(1)).otherwise(cell).alias(name)
        )
    return table.rename(restored)


def _texts(table: pl.DataFrame) -> list[str]:
    return [name for name, kind in table.schema.items() if kind == pl.String]
