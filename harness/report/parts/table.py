"""Tables and sections: what a report is made of.

A table is shown, written to CSV and written to Markdown from the same values.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl

from harness.analysis.names import short
from harness.report.parts.style import Plot
from harness.report.parts.wording import Form, shown
from harness.stats.intervals import Estimate

__all__ = ["Column", "Linked", "Section", "Table", "drawn_first", "markdown_text"]

_TEXT = ("text", "excerpt")

_PARTS = ("low", "high", "n")


class Column(msgspec.Struct, frozen=True):
    """A column: where its values are, its heading, and how they are shown."""

    key: str
    title: str
    form: Form = "text"


class Linked(msgspec.Struct, frozen=True):
    """A cell that leads somewhere; as text it is its words alone."""

    text: str
    href: str

    def __str__(self) -> str:
        return self.text


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of text, numbers and estimates.

    `name` is a file name without ending. `first` rows are shown at once and the others on
    demand. In `frame` an estimate `x` is the columns x, x_low, x_high, x_n, and where any row has
    them x_cells (when cells were averaged), x_undefined and x_note. Rows have the page's anchors
    `anchor`_1, _2, …; `bad` names the column that marks a row not to be believed.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: list[dict[str, Any]]
    caption: str = ""
    first: int = 60
    anchor: str = ""
    bad: str = ""

    @property
    def visible(self) -> tuple[Column, ...]:
        """The columns that are shown: not those that are empty in every row."""
        return tuple(
            column
            for column in self.columns
            if column.form not in _TEXT or any(row.get(column.key) != "" for row in self.rows)
        )

    def numeric(self, column: Column) -> bool:
        """Whether a column holds numbers, which stand at the right."""
        kinds = (int, float, Estimate)
        values = [row.get(column.key) for row in self.rows]
        return column.form not in _TEXT or any(
            isinstance(value, kinds) and not isinstance(value, bool) for value in values
        )

    def cells(self, rows: int | None = None) -> list[list[str]]:
        """The rows (the first so many) as shown, in the visible columns."""
        columns = self.visible
        return [
            [shown(row.get(column.key), column.form) for column in columns]
            for row in self.rows[:rows]
        ]

    def frame(self) -> pl.DataFrame:
        """The rows as numbers, in full precision."""
        data: dict[str, list[Any]] = {}
        for column in self.columns:
            values = [row.get(column.key) for row in self.rows]
            if any(isinstance(value, Estimate) for value in values):
                data |= _expanded(column.key, values)
            else:
                data[column.key] = [str(v) if isinstance(v, Linked) else v for v in values]
        return pl.DataFrame(data, strict=False)

    def markdown(self, rows: int = 30) -> str:
        """The first rows as a Markdown table, with a line that says how many more there are."""
        columns = self.visible
        head = "| " + " | ".join(markdown_text(column.title) for column in columns) + " |"
        rule = "|" + "".join("--:|" if self.numeric(column) else "---|" for column in columns)
        body = [
            "| " + " | ".join(markdown_text(cell) for cell in cells) + " |"
            for cells in self.cells(rows)
        ]
        more = len(self.rows) - rows
        tail = [f"\n{more} more rows in `{self.name}.csv`."] if more > 0 else []
        return "\n".join([head, rule, *body, *tail])


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the page: paragraphs, figures, tables, and parts of its own.

    `about` says what all its rows are of, by column of the records, where the rows do not.
    """

    title: str
    anchor: str
    text: tuple[str, ...] = ()
    plots: tuple[Plot, ...] = ()
    tables: tuple[Table, ...] = ()
    parts: tuple["Section", ...] = ()
    about: dict[str, Any] = {}

    def all_plots(self) -> list[Plot]:
        """Figures of this part and of those within, in order."""
        return [*self.plots, *(plot for part in self.parts for plot in part.all_plots())]

    def all_tables(self) -> list[Table]:
        """Tables of this part and of those within, in order."""
        return [*self.tables, *(table for part in self.parts for table in part.all_tables())]


def drawn_first(parts: Sequence[Section], most: int | None) -> tuple[Section, ...]:
    """The parts, those after the first `most` without figures; the first of these says so."""
    if most is None or len(parts) <= most:
        return tuple(parts)
    said = (
        f"Figures are drawn of the first {most} of {len(parts)}; the tables have all. "
        "--only rater=… or template=… draws these."
    )
    return tuple(
        part
        if at < most
        else msgspec.structs.replace(
            part, plots=(), text=(said, *part.text) if at == most else part.text
        )
        for at, part in enumerate(parts)
    )


def markdown_text(text: str) -> str:
    """Text for a Markdown cell or line: one line, and none of its characters is markup."""
    line = re.sub(r"([\\`*_{}\[\]#|~$])", r"\\\1", short(text, len(text)))
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _expanded(key: str, values: Sequence[Any]) -> dict[str, list[Any]]:
    estimates = [_as_estimate(value) for value in values]
    data: dict[str, list[Any]] = {key: [_finite(value.estimate) for value in estimates]}
    for part in _PARTS:
        data[f"{key}_{part}"] = [_finite(getattr(value, part)) for value in estimates]
    if any(value.cells > 1 for value in estimates):
        data[f"{key}_cells"] = [value.cells for value in estimates]
    if any(value.undefined for value in estimates):
        data[f"{key}_undefined"] = [value.undefined for value in estimates]
    if any(value.note for value in estimates):
        data[f"{key}_note"] = [value.note for value in estimates]
    return data


def _as_estimate(value: Any) -> Estimate:
    """A number that stands among estimates keeps its value, a text its words."""
    if isinstance(value, Estimate):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Estimate(estimate=float(value), cells=0)
    return Estimate(estimate=math.nan, cells=0, note="" if value is None else str(value))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
