"""Violins: how item means spread, in a grid with one shared axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.parts.narrow import narrow
from harness.report.parts.style import INK, Plot, plain
from harness.report.parts.wording import number, wrapped
from harness.stats.intervals import Estimate, FloatArray

__all__ = ["Violin", "violin_grid"]


@dataclass(frozen=True)
class Violin:
    """One value an item, of one series, and their mean with its interval."""

    series: str
    values: FloatArray
    mean: Estimate


def violin_grid(
    cells: Mapping[tuple[str, str], Sequence[Violin]],
    *,
    name: str,
    title: str,
    caption: str,
    rows: Sequence[str],
    columns: Sequence[str],
    axis: str,
    limits: tuple[float, float],
    colours: Mapping[str, str],
) -> Plot:
    """A panel for each (row, column) with a violin for each series; n in every panel."""
    series = list(dict.fromkeys(one.series for cell in cells.values() for one in cell))
    wide = max(1.9, 0.75 * len(series) + 0.7)

    def draw(figure: Figure) -> None:
        first: Axes | None = None
        for y, row in enumerate(rows):
            for x, column in enumerate(columns):
                axes = figure.add_subplot(
                    len(rows), len(columns), y * len(columns) + x + 1, sharey=first
                )
                first = first or axes
                _panel(axes, cells.get((row, column), ()), series, colours)
                axes.set_ylim(*limits)
                if narrow(figure):
                    axes.set_title(f"{wrapped(row, 40, 1)}\n{wrapped(column, 40, 1)}")
                    axes.set_ylabel(axis)
                else:
                    _outer_labels(axes, (y, x), (row, column), axis, last=len(rows) - 1)

    return Plot(
        name=name,
        title=title,
        caption=caption,
        alt=f"{title}. "
        + "; ".join(
            f"{row}, {column}, {one.series}: mean {number(one.mean.estimate)}, n {one.mean.n}"
            for (row, column), cell in cells.items()
            for one in cell
        ),
        numbers=[
            {"row": row, "column": column, "series": one.series, "estimate": one.mean.estimate}
            | {"low": one.mean.low, "high": one.mean.high, "n": one.mean.n}
            for (row, column), cell in cells.items()
            for one in cell
        ],
        size=(wide * len(columns) + 0.7, 1.75 * len(rows) + 0.5),
        draw=draw,
    )


def _outer_labels(
    axes: Axes, at: tuple[int, int], names: tuple[str, str], axis: str, *, last: int
) -> None:
    """Names of columns at the top, of rows at the left, ticks at the outer panels alone."""
    (y, x), (row, column) = at, names
    if y == 0:
        axes.set_title(wrapped(column, 24))
    if x == 0:
        axes.set_ylabel(f"{wrapped(row, 24)}\n{axis}")
    else:
        axes.tick_params(axis="y", labelleft=False)
    if y < last:
        axes.tick_params(axis="x", labelbottom=False)


def _panel(
    axes: Axes, cell: Sequence[Violin], series: Sequence[str], colours: Mapping[str, str]
) -> None:
    for one in cell:
        x = series.index(one.series)
        values = one.values[np.isfinite(one.values)]
        colour = colours.get(one.series, "#0072B2")
        if len(values) > 2 and np.ptp(values) > 1e-9:
            drawn = axes.violinplot([values], positions=[x], widths=0.82, showextrema=False)
            for body in drawn["bodies"]:  # type: ignore[attr-defined]
                body.set_facecolor(colour)
                body.set_alpha(0.45)
        elif len(values):
            axes.plot(np.full(len(values), x), values, ".", color=colour, markersize=3)
        if np.isfinite(one.mean.low):
            axes.vlines(x, one.mean.low, one.mean.high, color=INK, linewidth=1.4)
        axes.plot(x, one.mean.estimate, "o", color=INK, markersize=3.5)
        axes.annotate(
            f"n {one.mean.n}", (x, 1.0), xycoords=("data", "axes fraction"), ha="center",
            va="top", fontsize=7, color="#57606a",
        )  # fmt: skip
    axes.set_xticks(
        range(len(series)),
        [wrapped(one, 12) for one in series],
        rotation=30 if max(map(len, series), default=0) > 8 else 0,
        ha="right" if max(map(len, series), default=0) > 8 else "center",
    )
    axes.set_xlim(-0.6, len(series) - 0.4)
    plain(axes, grid="y")
