"""Which mark of a drawn figure stands for which of its numbers, for values under the pointer."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from harness.report.parts.wording import number, wrapped

__all__ = ["Mark", "marks"]

Mark = tuple[float, float, str]
"""A mark's place as shares of the figure's width and height from the top left, and its words."""

_VALUES = ("estimate", "utility", "mean", "y", "x")
"""Names under which a figure's numbers say where a mark lies, by the first that a row has."""

_NAMES = ("rank", "item", "label", "row", "series", "origin", "quartile")
_MOST = 4
"""Rows at one mark above which it says its value alone: they lie on each other."""

Row = Mapping[str, Any]


def marks(figure: Figure, numbers: Sequence[Row], *, most: int = 2500) -> list[Mark]:
    """The marks of a figure that has been laid out, at most so many of them.

    A mark is known by its value: of rows with one value those of the mark's panel, and of those
    the one whose other number (`x`, `rank`) it has as well.
    """
    rows = _by_value(numbers)
    if not rows:
        return []
    found: dict[Mark, None] = {}
    for axes in figure.axes:
        for x, y in _points(axes):
            here = _rows_at(rows, axes, x, y)
            if here:
                text = "\n".join(_said(row) for row in here[:_MOST])
                left, top = _place(figure, axes, x, y)
                if 0 <= left <= 1 and 0 <= top <= 1:
                    found[round(left, 4), round(top, 4), text] = None
    return list(found)[:most]


def _by_value(numbers: Sequence[Row]) -> dict[float, list[Row]]:
    rows: dict[float, list[Row]] = defaultdict(list)
    for row in numbers:
        value = next((row[name] for name in _VALUES if name in row), None)
        if isinstance(value, int | float) and math.isfinite(value):
            rows[_rounded(value)].append(row)
    return rows


def _points(axes: Axes) -> Iterator[tuple[float, float]]:
    """The marks drawn in data coordinates: points of lines that have a marker."""
    for line in axes.get_lines():
        if line.get_marker() in ("", "None", None, "|") or line.get_transform() != axes.transData:
            continue
        places = np.asarray(line.get_xydata(), dtype=float)
        for x, y in places[np.isfinite(places).all(axis=1)]:
            yield float(x), float(y)


def _rows_at(rows: Mapping[float, list[Row]], axes: Axes, x: float, y: float) -> list[Row]:
    both = [*rows.get(_rounded(x), ()), *rows.get(_rounded(y), ())]
    # A row's mark may have its value along either axis; the two lists may hold the same row.
    here = list({id(row): row for row in both}.values())
    title = axes.get_title(loc="left")
    inside = [row for row in here if _titled(row, title)]
    exact = [
        row
        for row in inside
        if {_rounded(x), _rounded(y)}
        <= {_rounded(v) for v in row.values() if isinstance(v, int | float)}
    ]
    found = exact or inside
    label = _tick(axes, y)
    return [row for row in found if label and _called(row, label)] or found


def _called(row: Row, label: str) -> bool:
    name = _plain(str(row.get("row") or row.get("item") or ""))
    return bool(name) and (name.startswith(label) or label.endswith(name))


def _tick(axes: Axes, y: float) -> str:
    """The label at the left of a mark, as far as it is not shortened."""
    places = axes.get_yticks()
    if not isinstance(axes.yaxis.get_major_locator(), FixedLocator) or not len(places):
        return ""
    at = int(np.argmin(np.abs(np.asarray(places, dtype=float) - y)))
    return _plain(axes.get_yticklabels()[at].get_text()).partition("…")[0]


def _plain(text: str) -> str:
    return "".join(text.split())


def _titled(row: Row, title: str) -> bool:
    panel = row.get("panel")
    return not panel or not title or title[:12] == wrapped(str(panel), 30, 3)[:12]


def _said(row: Row) -> str:
    names = ", ".join(str(row[name]) for name in _NAMES if row.get(name) not in (None, ""))
    if "x" in row:
        value = f"{_number(row['x'])}, {_number(row.get('y'))}"
    else:
        value = _number(next(row[name] for name in _VALUES if name in row))
    low, high = row.get("low"), row.get("high")
    if isinstance(low, float) and math.isfinite(low):
        value += f" [{_number(low)}, {_number(high)}]"
    count = f", n {row['n']}" if row.get("n") else ""
    return f"{names}: {value}{count}" if names else value + count


def _number(value: object) -> str:
    return number(float(value)) if isinstance(value, int | float) else str(value)


def _place(figure: Figure, axes: Axes, x: float, y: float) -> tuple[float, float]:
    across, up = axes.transData.transform((x, y))
    box = figure.bbox
    return float(across / box.width), float(1 - up / box.height)


def _rounded(value: float) -> float:
    return float(f"{value:.9g}")
