"""Tables as rows of HTML, with the logs behind each, as many as the page has room for."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from harness.report.parts.table import Column, Linked, Section, Table
from harness.report.room import fitting
from harness.report.sources import Sources, ranges

__all__ = ["Heading", "View", "views"]

_ROOM = 1_500_000
"""Characters that the folded rows of all tables may take; the CSVs beside the page hold all."""

_RUNS = 3
"""Runs of logs' numbers that a cell names."""

_INTERVAL = re.compile(r"(.*\S) (\[[^\[\]]*, [^\[\]]*\])")


@dataclass(frozen=True)
class Heading:
    """A column's heading, and whether numbers stand below it."""

    title: str
    numeric: bool


@dataclass(frozen=True)
class View:
    """A table on the page. `left` rows had no room; `logs` are behind all rows, where one set is
    behind all of them."""

    columns: Sequence[Heading]
    rows: Sequence[Markup]
    left: int
    logs: Markup


def views(
    findings: Iterable[Table], sections: Iterable[Section], sources: Sources | None
) -> dict[str, View]:
    """Every table by its name."""
    made = {
        table.name: (table, _view(table, about, sources))
        for table, about in (
            *((table, {}) for table in findings),
            *(pair for section in sections for pair in _inside(section, {})),
        )
    }
    folded = [[len(row) for row in view.rows[table.first :]] for table, view in made.values()]
    most = fitting(folded, _ROOM)
    return {
        name: View(
            view.columns,
            view.rows[: table.first + most],
            len(table.rows) - len(view.rows[: table.first + most]),
            view.logs,
        )
        for name, (table, view) in made.items()
    }


def _inside(
    section: Section, about: Mapping[str, Any]
) -> Iterator[tuple[Table, Mapping[str, Any]]]:
    about = {**about, **section.about}
    for table in section.tables:
        yield table, about
    for part in section.parts:
        yield from _inside(part, about)


def _view(table: Table, about: Mapping[str, Any], sources: Sources | None) -> View:
    most = table.first + 2000
    visible = table.visible
    columns = [Heading(column.title, table.numeric(column)) for column in visible]
    behind: list[frozenset[int]] = []
    if sources is not None and sources.every and not table.anchor:
        behind = [sources.of(row, about) for row in table.rows[:most]]
    together = behind[0] if len(set(behind)) == 1 else None
    each = behind if behind and together is None else None
    rows = [
        _row(table, at, (visible, columns, cells), each[at] if each else None)
        for at, cells in enumerate(table.cells(most))
    ]
    if each:
        columns = [*columns, Heading("logs", False)]
    said = Markup("")
    if together and sources is not None:
        every = len(together) > 1 and together == sources.every
        said = Markup("all {}" if every else "{}").format(_link(together))
    return View(columns, rows, 0, said)


def _row(
    table: Table,
    at: int,
    shown: tuple[Sequence[Column], Sequence[Heading], Sequence[str]],
    logs: frozenset[int] | None,
) -> Markup:
    row = table.rows[at]
    identity = Markup(' id="{}_{}"').format(table.anchor, at + 1) if table.anchor else ""
    marked = ' class="bad"' if table.bad and row.get(table.bad) else ""
    said = [
        Markup('<td class="n">{}</td>' if heading.numeric else "<td>{}</td>").format(
            _cell(row.get(column.key), text)
        )
        for column, heading, text in zip(*shown, strict=False)
    ]
    if logs is not None:
        said.append(Markup("<td>{}</td>").format(_link(logs, word=False)))
    return Markup("<tr{}{}>{}</tr>\n").format(identity, Markup(marked), Markup("").join(said))


def _cell(value: object, text: str) -> Markup:
    """A cell; its interval is set back, a link leads to its place."""
    if isinstance(value, Linked):
        return Markup('<a href="{}" rel="noreferrer">{}</a>').format(value.href, text)
    found = _INTERVAL.fullmatch(text)
    if not found:
        return escape(text)
    return Markup('{} <span class="i">{}</span>').format(*found.groups())


def _link(logs: frozenset[int], *, word: bool = True) -> Markup:
    """The logs' numbers, leading to their rows."""
    if not logs:
        return Markup("–")
    runs = ranges(logs)
    text = ", ".join(f"{low}–{high}" if high > low else f"{low}" for low, high in runs[:_RUNS])
    more = sum(high - low + 1 for low, high in runs[_RUNS:])
    text += f" +{more}" if more else ""
    data = ",".join(f"{low}-{high}" if high > low else f"{low}" for low, high in runs)
    what = ("logs " if len(logs) > 1 else "log ") if word else ""
    return Markup('<a href="#log_{}" data-logs="{}">{}{}</a>').format(runs[0][0], data, what, text)
