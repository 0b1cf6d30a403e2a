"""Two runs of one study: what differs in their designs, and in what they found."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import UsageError
from harness.stats.intervals import Estimate, difference
from harness.studies.folder import Frozen, read_frozen

__all__ = ["Compared", "Comparison", "compare_runs"]

_PASSED_OVER = ("finding", "planted", "log_reported", "logs", "empty_logs")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Compared:
    """One quantity of both runs; `difference` is the second run's less the first's."""

    table: str
    row: str
    quantity: str
    first: Estimate
    second: Estimate
    difference: Estimate

    @property
    def apart(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        return self.difference.low > 0 or self.difference.high < 0


@dataclass(frozen=True)
class Comparison:
    """`parameters` that differ (name, first, second); what both runs estimate; and how many rows
    of their tables only one of them has."""

    study: str
    parameters: Sequence[tuple[str, Any, Any]]
    found: Sequence[Compared]
    alone: tuple[int, int]


class _Report(msgspec.Struct):
    """What of a run's report.json is compared."""

    tables: dict[str, list[dict[str, Any]]]


def compare_runs(first: Path, second: Path) -> Comparison:
    """Two folders of one study, their reports side by side.

    Rows meet where all that names them is the same. What is one value in the whole of each table
    but differs between the runs (two raters, measured in runs of their own) is the difference
    itself, and no name of a row. UsageError for two studies, or a run without a report.
    """
    frozen = [read_frozen(folder) for folder in (first, second)]
    if frozen[0].study != frozen[1].study:
        raise UsageError(
            f"{first} is of the study {frozen[0].study}, {second} of {frozen[1].study}; expected "
            "two runs of one study"
        )
    reports = [_report(folder) for folder in (first, second)]
    found: list[Compared] = []
    alone = [0, 0]
    for table in reports[0].tables:
        if table in _PASSED_OVER or table not in reports[1].tables:
            continue
        rows = reports[0].tables[table], reports[1].tables[table]
        left, right = _named(rows)
        alone[0] += len(left.keys() - right.keys())
        alone[1] += len(right.keys() - left.keys())
        for name in left:
            if name in right:
                found += _compared(table, name, left[name], right[name])
    return Comparison(
        study=frozen[0].study,
        parameters=_differing(*frozen),
        found=found,
        alone=(alone[0], alone[1]),
    )


def _report(folder: Path) -> _Report:
    path = folder / "report" / "report.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Report)
    except OSError:
        raise UsageError(
            f"{folder} has no report yet; penchant study run {folder} writes it"
        ) from None
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: {error}") from None


def _differing(first: Frozen, second: Frozen) -> list[tuple[str, Any, Any]]:
    names = dict.fromkeys((*first.parameters, *second.parameters))
    pairs = [(name, first.parameters.get(name), second.parameters.get(name)) for name in names]
    return [(name, one, other) for name, one, other in pairs if one != other]


def _named(rows: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> list[dict[str, Row]]:
    """Rows of both runs by what names them: their texts, but for those that tell the runs apart.

    A column that says what was found (a verdict) names no row: texts count only while they keep
    rows apart.
    """
    texts = [
        name
        for name in (rows[0][0] if rows[0] else {})
        if all(isinstance(row.get(name), str) for one in rows for row in one)
    ]
    values = {name: [{row[name] for row in one} for one in rows] for name in texts}
    kept = [
        name
        for name in texts
        if not (values[name][0] != values[name][1] and all(len(v) == 1 for v in values[name]))
    ]
    while len(kept) > 1 and all(_apart(one, kept[:-1]) for one in rows):
        kept = kept[:-1]
    return [{", ".join(row[name] for name in kept) or "all": row for row in one} for one in rows]


def _apart(rows: list[dict[str, Any]], names: Sequence[str]) -> bool:
    return len({tuple(row[name] for name in names) for row in rows}) == len(rows)


def _compared(table: str, name: str, first: Row, second: Row) -> Iterator[Compared]:
    for quantity in first:
        one, other = _estimate(first[quantity]), _estimate(second.get(quantity))
        if one is not None and other is not None:
            yield Compared(table, name, quantity, one, other, difference(other, one))


def _estimate(value: object) -> Estimate | None:
    """An estimate as report.json has it, null for what is not defined."""
    if not isinstance(value, dict) or not isinstance(value.get("estimate"), int | float):
        return None
    known = {name: part for name, part in value.items() if name in Estimate.__struct_fields__}
    known |= {name: math.nan for name in ("low", "high") if known.get(name) is None}
    try:
        return msgspec.convert(known, Estimate)
    except msgspec.ValidationError:
        return None
