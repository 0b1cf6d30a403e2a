"""Lines with bands: how quantities go with another, several panels side by side."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from harness.analysis.names import short
from harness.report.parts.style import GREY, Plot, marker, plain, shade
from harness.report.parts.wording import number, wrapped

__all__ = ["Curve", "LinePanel", "lines"]


@dataclass(frozen=True)
class Curve:
    """One line: None leaves a gap. `low` and `high` make its band; `dashed` sets it back."""

    series: str
    x: Sequence[float]
    y: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    dashed: bool = False


@dataclass(frozen=True)
class LinePanel:
    """Lines on one scale. `marks` are values with a name, drawn across; `ticks` names the places
    0, 1, … of an axis of categories; `log` makes the scale of y logarithmic."""

    title: str
    lines: Sequence[Curve]
    x: str
    y: str = ""
    marks: Sequence[tuple[float, str]] = ()
    ticks: Sequence[str] = ()
    limits: tuple[float | None, float | None] = (None, None)
    log: bool = False


def lines(
    panels: Sequence[LinePanel],
    *,
    name: str,
    title: str,
    caption: str,
    columns: int = 3,
    colours: Mapping[str, str] | None = None,
    height: float = 2.7,
) -> Plot:
    """Panels side by side; a series has one colour, and one legend names all of them."""
    series = list(dict.fromkeys(line.series for panel in panels for line in panel.lines))
    columns = min(columns, len(panels))
    deep = -(-len(panels) // columns)
    shades = {one: shade(index) for index, one in enumerate(series)} | dict(colours or {})
    dashed = set(series) - {one.series for panel in panels for one in panel.lines if not one.dashed}

    def draw(figure: Figure) -> None:
        for index, panel in enumerate(panels):
            _panel(figure.add_subplot(deep, columns, index + 1), panel, series, shades)
        handles = [
            Line2D([], [], color=shades[one], marker=marker(at), markersize=4, label=short(one, 40),
                   linestyle="--" if one in dashed else "-")
            for at, one in enumerate(series)
        ]  # fmt: skip
        if len(series) > 1:
            figure.legend(handles=handles, loc="outside upper left", ncols=min(3, len(series)))

    rows = -(-len(series) // 3) if len(series) > 1 else 0
    return Plot(
        name=name,
        title=title,
        caption=caption,
        alt=_in_words(title, panels),
        numbers=[row for panel in panels for line in panel.lines for row in _numbers(panel, line)],
        size=((3.0 if columns > 1 else 5.4) * columns, height * deep + 0.22 * rows),
        draw=draw,
    )


def _panel(axes: Axes, panel: LinePanel, series: Sequence[str], colours: Mapping[str, str]) -> None:
    for line in panel.lines:
        x, y = np.asarray(line.x, float), _floats(line.y)
        colour = colours[line.series]
        if len(line.low):
            axes.fill_between(x, _floats(line.low), _floats(line.high), color=colour, alpha=0.18,
                              linewidth=0)  # fmt: skip
        axes.plot(x, y, marker=marker(series.index(line.series)), markersize=3.2, color=colour,
                  linewidth=1.4, linestyle="--" if line.dashed else "-")  # fmt: skip
    if panel.log:
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for value, label in panel.marks:
        axes.axhline(value, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate(label, (0.995, value), xycoords=("axes fraction", "data"), ha="right",
                      va="bottom", fontsize=7.5, color="#57606a", annotation_clip=True)  # fmt: skip
    # Fixed after the marks are drawn, so that what is left open holds them too.
    axes.set_ylim(*panel.limits)
    if panel.log:
        low, high = axes.get_ylim()
        if high < 100 * low:
            # A power of ten or two alone would leave the axis without a scale.
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    if panel.ticks:
        axes.set_xticks(range(len(panel.ticks)), panel.ticks)
    axes.set_xlabel(panel.x)
    axes.set_ylabel(panel.y)
    axes.set_title(wrapped(panel.title, 36, 2))
    plain(axes, grid="y")


def _floats(values: Sequence[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([math.nan if value is None else value for value in values], dtype=float)


def _numbers(panel: LinePanel, line: Curve) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for at, (x, y) in enumerate(zip(line.x, line.y, strict=True)):
        row: dict[str, object] = {"panel": panel.title, "series": line.series}
        row |= {"x": panel.ticks[int(x)] if panel.ticks else x, "y": y}
        if len(line.low):
            row |= {"low": line.low[at], "high": line.high[at]}
        rows.append(row)
    return rows


def _in_words(title: str, panels: Sequence[LinePanel]) -> str:
    said = []
    for panel in panels:
        ends = "; ".join(
            f"{line.series} from {number(line.y[0])} to {number(line.y[-1])}"
            for line in panel.lines
            if len(line.y)
        )
        said.append(f"{panel.title}: {ends}")
    return f"{title}. " + ". ".join(said)
