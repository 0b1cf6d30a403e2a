"""Which logs stand behind a row of a table: those whose records are what the row names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from harness.analysis.cells import Cell
from harness.records.log_runs import LogInfo
from harness.records.pooling import IDENTITY

__all__ = ["Sources", "ranges"]

_NAMES = tuple(name for name in IDENTITY if not name.endswith(("hash", "identity")))
_ORIGINS = ("origin", "opponent", "origin_1", "origin_2", "origin_a", "origin_b")
_ITEMS = dict.fromkeys(("item", "a", "b"), "item") | dict.fromkeys(_ORIGINS, "origin")
"""Names of a row's columns that hold an item or an origin."""

_COLUMNS = {
    "item": ("item", "item_first", "item_second"),
    "origin": ("origin", "origin_first", "origin_second"),
}


class Sources:
    """The logs of a report, numbered from 1, and what each holds.

    `paths` are all logs with records, in the order of their numbers.
    """

    def __init__(self, frame: pl.DataFrame, logs: Sequence[LogInfo], cells: Sequence[Cell]) -> None:
        known = [log.path for log in logs if log.rows and log.kind == "log"]
        found = frame["log"].drop_nulls().unique().sort().to_list()
        named = set(found)
        # A log whose every sample a newer one has gave no rows, so each here holds records.
        self.paths = [*known, *(path for path in found if path not in set(known))]
        self._number = {path: at for at, path in enumerate(self.paths, 1)}
        self._all = frozenset(self._number[path] for path in known if path in named) | frozenset(
            self._number[path] for path in found
        )
        self._cells: dict[tuple[object, ...], frozenset[int]] = {}
        for cell in cells:
            key = (cell.rater, cell.template, cell.variant)
            self._cells[key] = self._cells.get(key, frozenset()) | self._numbers(cell.frame["log"])
        names = [name for name in _NAMES if name in frame.columns]
        self._index = frame.select(
            *(pl.col(name).cast(pl.String) for name in names), "log"
        ).unique()  # fmt: skip
        self._values = {name: set(self._index[name].drop_nulls().to_list()) for name in names}
        self._parts = {
            what: self._holding(frame, [name for name in columns if name in frame.columns])
            for what, columns in _COLUMNS.items()
        }
        self._known: dict[tuple[object, ...], frozenset[int]] = {}

    def of(self, row: Mapping[str, Any], about: Mapping[str, Any]) -> frozenset[int]:
        """Numbers of the logs that hold what the row names; all where it names nothing.

        `about` is what the table around it is about.
        """
        said = {**about, **row}
        key = said.get("rater"), said.get("template"), said.get("variant")
        if key in self._cells:
            found = self._cells[key]
        else:
            found = self._matching(
                {
                    name: str(said[name])
                    for name in self._values
                    if isinstance(said.get(name), str | float | int)
                }
            )
        for name, what in _ITEMS.items():
            value = said.get(name)
            if isinstance(value, str):
                inside = found & self._parts[what].get(value, frozenset())
                found = inside or found
        return found

    def _matching(self, wanted: dict[str, str]) -> frozenset[int]:
        """Logs with records that have all these values, as far as any record has them."""
        wanted = {name: value for name, value in wanted.items() if value in self._values[name]}
        key = tuple(sorted(wanted.items()))
        if key not in self._known:
            part = self._index.filter(*(pl.col(name) == value for name, value in wanted.items()))
            self._known[key] = self._numbers(part["log"]) if wanted else self._all
        return self._known[key]

    def _holding(self, frame: pl.DataFrame, columns: list[str]) -> dict[str, frozenset[int]]:
        """Logs by item or origin."""
        parts = [frame.select(value=pl.col(name), log="log").unique() for name in columns]
        pairs = pl.concat(parts).drop_nulls().unique().group_by("value").agg("log")
        return {value: self._numbers(logs) for value, logs in pairs.iter_rows()}

    def _numbers(self, logs: Iterable[str | None]) -> frozenset[int]:
        unique = logs.unique() if isinstance(logs, pl.Series) else logs
        return frozenset(self._number[log] for log in unique if log is not None)

    @property
    def every(self) -> frozenset[int]:
        """Numbers of all logs."""
        return self._all


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as runs: 1, 2, 3, 7 are (1, 3), (7, 7)."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found
