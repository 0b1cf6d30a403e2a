"""Heat-maps: one estimate a cell of a grid, its number in it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from harness.report.parts.narrow import narrow
from harness.report.parts.style import INK, Plot
from harness.report.parts.wording import Form, number, wrapped
from harness.stats.intervals import Estimate

__all__ = ["Grid", "heatmaps"]

_ONE_WAY = LinearSegmentedColormap.from_list("one way", ["#f3f7fb", "#6aaed6", "#08306b"])
_TWO_WAY = LinearSegmentedColormap.from_list(
    "two ways", ["#8c3b00", "#f0a868", "#f7f7f7", "#7db8de", "#0b4a7a"]
)


_COLUMNS = 4
"""Columns beside each other on a narrow screen."""


@dataclass(frozen=True)
class Grid:
    """A heat-map: `values` by (row, column); `marks` are put after a cell's number.

    `centred` colours by sign. A missing cell is left empty, an undefined one says so by a dash.
    """

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Mapping[tuple[str, str], Estimate]
    form: Form = "number"
    centred: bool = False
    limits: tuple[float, float] | None = None
    marks: Mapping[tuple[str, str], str] | None = None


def heatmaps(
    grids: Sequence[Grid], *, name: str, title: str, caption: str, rows: str, columns: str
) -> Plot:
    """Grids beside each other; `rows` and `columns` say what these are. n stands in each cell."""
    beside = 1 if max(len(grid.columns) for grid in grids) > 4 else min(2, len(grids))
    deep = -(-len(grids) // beside)
    wide = max(0.95 * max(len(grid.columns) for grid in grids) + 2.0, 3.2)
    high = 0.5 * max(len(grid.rows) for grid in grids) + 1.55

    def draw(figure: Figure) -> None:
        if narrow(figure):
            parts = [part for grid in grids for part in _parts(grid)]
            for index, part in enumerate(parts):
                axes = figure.add_subplot(len(parts), 1, index + 1)
                _grid(axes, part)
                axes.set_xlabel(columns)
            # Each keeps the height of a grid of the wide figure.
            figure.set_figheight(high * len(parts))
            return
        for index, grid in enumerate(grids):
            axes = figure.add_subplot(deep, beside, index + 1)
            _grid(axes, grid)
            axes.set_xlabel(columns)
            if index % beside == 0:
                axes.set_ylabel(rows)

    return Plot(
        name=name,
        title=title,
        caption=caption,
        alt=f"{title}. " + ". ".join(_in_words(grid) for grid in grids),
        numbers=[
            {"grid": grid.title, "row": row, "column": column}
            | {"estimate": value.estimate, "low": value.low, "high": value.high, "n": value.n}
            for grid in grids
            for (row, column), value in grid.values.items()
        ],
        size=(wide * beside, high * deep),
        draw=draw,
    )


def _parts(grid: Grid) -> list[Grid]:
    """The grid cut into as many columns as a narrow screen shows, on one scale of colour."""
    limits = _limits(grid)
    return [
        replace(grid, columns=grid.columns[at : at + _COLUMNS], limits=limits)
        for at in range(0, len(grid.columns), _COLUMNS)
    ]


def _limits(grid: Grid) -> tuple[float, float]:
    known = [v.estimate for v in grid.values.values() if math.isfinite(v.estimate)]
    return grid.limits or (min(known, default=0.0), max(known, default=1.0))


def _grid(axes: Axes, grid: Grid) -> None:
    low, high = _limits(grid)
    if grid.centred:
        most = max(abs(low), abs(high), 1e-9)
        low, high = -most, most
    elif low == high:
        low, high = low - 0.5, high + 0.5
    scale, colours = Normalize(low, high), _TWO_WAY if grid.centred else _ONE_WAY
    for y, row in enumerate(grid.rows):
        for x, column in enumerate(grid.columns):
            value = grid.values.get((row, column))
            if value is None:
                continue
            known_value = math.isfinite(value.estimate)
            colour = colours(scale(value.estimate)) if known_value else (0.95, 0.95, 0.95, 1.0)
            axes.fill([x, x + 1, x + 1, x], [y, y, y + 1, y + 1], color=colour, linewidth=0)
            mark = (grid.marks or {}).get((row, column), "")
            bright = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
            ink = INK if bright > 0.55 else "white"
            axes.text(x + 0.5, y + 0.42, number(value.estimate, grid.form) + mark, ha="center",
                      va="center", fontsize=8.5, color=ink)  # fmt: skip
            axes.text(x + 0.5, y + 0.76, f"n {value.n}", ha="center", va="center", fontsize=7.5,
                      color=ink)  # fmt: skip
    axes.set_xlim(0, len(grid.columns))
    axes.set_ylim(len(grid.rows), 0)
    axes.set_xticks(
        [x + 0.5 for x in range(len(grid.columns))],
        [wrapped(one, 16, 3) for one in grid.columns],
        rotation=35 if max(map(len, grid.columns)) > 10 else 0,
        ha="right" if max(map(len, grid.columns)) > 10 else "center",
    )
    axes.set_yticks([y + 0.5 for y in range(len(grid.rows))], [wrapped(r, 26) for r in grid.rows])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title(wrapped(grid.title, 40))


def _in_words(grid: Grid) -> str:
    said = [
        f"{row} × {column} {number(value.estimate, grid.form)}"
        for (row, column), value in list(grid.values.items())[:24]
    ]
    return f"{grid.title}: {'; '.join(said)}"
