"""Dots with intervals: the figure for any estimate."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.names import short
from harness.report.parts.narrow import narrow
from harness.report.parts.style import GREY, Plot, marker, plain, shade
from harness.report.parts.wording import Form, shown, wrapped
from harness.stats.intervals import Estimate

__all__ = ["Dot", "Panel", "dots"]


@dataclass(frozen=True)
class Dot:
    """One estimate on a row; `series` gives its colour, `marks` further values on the row."""

    row: str
    estimate: Estimate
    series: str = ""
    expected: float | None = None


@dataclass(frozen=True)
class Panel:
    """Dots on one scale. `zero` draws a line there; `limits` fixes the scale."""

    title: str
    dots: Sequence[Dot]
    label: str = ""
    form: Form = "number"
    zero: float | None = None
    limits: tuple[float, float] | None = None


def dots(
    panels: Sequence[Panel],
    *,
    name: str,
    title: str,
    caption: str,
    columns: int = 3,
    expected: str = "",
    colours: Mapping[str, str] | None = None,
) -> Plot:
    """Panels side by side over common rows, each estimate a dot with its interval.

    Several series share a row and lie below each other. `expected` names the hollow marks of
    `Dot.expected`. `colours` gives a series the colour that it has in the page's other figures.
    Estimates that are not defined leave their place empty.
    """
    rows = list(dict.fromkeys(dot.row for panel in panels for dot in panel.dots))
    series = list(dict.fromkeys(dot.series for panel in panels for dot in panel.dots))
    columns = 2 if len(panels) == 4 else min(columns, len(panels))
    deep = -(-len(panels) // columns)
    names = [wrapped(row) for row in rows]
    deepest = max(name.count("\n") for name in names)
    height = max(0.24 + 0.12 * deepest, 0.13 * len(series) + 0.12) * len(rows) + 0.75
    given = dict(colours or {})
    legend = [*_handles(series, given), *_expected_handle(expected)]

    def draw(figure: Figure) -> None:
        for index, panel in enumerate(panels):
            axes = figure.add_subplot(deep, columns, index + 1)
            _panel(axes, panel, rows, series, given)
            axes.set_title(wrapped(panel.title, 24 if columns > 1 else 40, 3))
            axes.set_yticks(range(len(rows)), names)
            if index % columns and not narrow(figure):
                axes.set_yticklabels([])
        if legend:
            figure.legend(handles=legend, loc="outside upper left", ncols=min(4, len(legend)))

    return Plot(
        name=name,
        title=title,
        caption=caption,
        alt=_in_words(title, panels),
        numbers=[_numbers(panel, dot) for panel in panels for dot in panel.dots],
        size=(
            1.9 + (1.95 * columns if columns > 1 else 3.2),
            deep * height + (0.3 if legend else 0.05),
        ),
        draw=draw,
    )


def _panel(
    axes: Axes, panel: Panel, rows: list[str], series: list[str], colours: Mapping[str, str]
) -> None:
    low, high = panel.limits or _limits(panel)
    if panel.zero is not None:
        axes.axvline(panel.zero, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    here = [one for one in series if any(dot.series == one for dot in panel.dots)]
    spread = 0.62 / (len(here) - 1) if len(here) > 1 else 0.0
    for at, one in enumerate(here):
        mine = [dot for dot in panel.dots if dot.series == one]
        places = [rows.index(dot.row) + spread * (at - (len(here) - 1) / 2) for dot in mine]
        place = series.index(one)
        _draw(axes, mine, places, place, (low, high), colours.get(one, shade(place)))
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(panel.label)
    axes.locator_params(axis="x", nbins=4)
    per_cent = panel.form == "share"
    axes.xaxis.set_major_formatter(
        lambda value, _: f"{100 * value:.0f}%" if per_cent else f"{value:g}".replace("-", "−")
    )
    plain(axes)
    for y in range(1, len(rows)):
        axes.axhline(y - 0.5, color="#eef1f4", linewidth=0.7, zorder=0)


def _limits(panel: Panel) -> tuple[float, float]:
    """A scale that holds all estimates and, unless they are far wider than most, intervals."""
    values = [dot.estimate for dot in panel.dots if math.isfinite(dot.estimate.estimate)]
    ends = [value for value in (panel.zero,) if value is not None]
    widths = sorted(value.high - value.low for value in values if math.isfinite(value.low))
    far = 2 * widths[len(widths) // 2] if widths else 0.0
    for value in values:
        low, high = (value.low, value.high) if math.isfinite(value.low) else (value.estimate,) * 2
        ends += [max(low, value.estimate - far), min(high, value.estimate + far)]
    if not ends or min(ends) == max(ends):
        middle = ends[0] if ends else 0.0
        return middle - 1, middle + 1
    room = 0.05 * (max(ends) - min(ends))
    return min(ends) - room, max(ends) + room


def _draw(
    axes: Axes,
    found: Sequence[Dot],
    places: Sequence[float],
    place: int,
    scale: tuple[float, float],
    colour: str,
) -> None:
    """Dots of one series and their intervals, as far as the scale goes.

    All at once: an artist for each dot is what a figure of hundreds would take its time for.
    """
    placed = list(zip(found, places, strict=True))
    expected = [(dot.expected, y) for dot, y in placed if dot.expected is not None]
    if expected:
        axes.plot(
            *zip(*expected, strict=True), marker="D", markersize=4.5, color=GREY,
            fillstyle="none", linestyle="none", clip_on=False,
        )  # fmt: skip
    known = [(dot.estimate, y) for dot, y in placed if math.isfinite(dot.estimate.estimate)]
    lines = [(y, max(v.low, scale[0]), min(v.high, scale[1])) for v, y in known
             if math.isfinite(v.low)]  # fmt: skip
    if lines:
        axes.hlines(*zip(*lines, strict=True), color=colour, linewidth=1.6, clip_on=False)
    if known:
        axes.plot([v.estimate for v, _ in known], [y for _, y in known], marker(place),
                  markersize=4.5, color=colour, clip_on=False)  # fmt: skip


def _handles(series: list[str], colours: Mapping[str, str]) -> list[Line2D]:
    if len(series) < 2:
        return []
    return [
        Line2D(
            [],
            [],
            color=colours.get(one, shade(index)),
            marker=marker(index),
            markersize=4.5,
            label=short(one, 40),
        )
        for index, one in enumerate(series)
    ]


def _expected_handle(expected: str) -> list[Line2D]:
    if not expected:
        return []
    style = {"color": GREY, "marker": "D", "markersize": 4.5, "linestyle": "none"}
    return [Line2D([], [], fillstyle="none", label=expected, **style)]  # type: ignore[arg-type]


def _numbers(panel: Panel, dot: Dot) -> dict[str, object]:
    value = dot.estimate
    row: dict[str, object] = {"panel": panel.title, "row": dot.row, "series": dot.series}
    parts = {"estimate": value.estimate, "low": value.low, "high": value.high, "n": value.n}
    return row | parts | ({} if dot.expected is None else {"expected": dot.expected})


def _in_words(title: str, panels: Sequence[Panel]) -> str:
    said = []
    for panel in panels:
        inside = [
            f"{' '.join(part for part in (dot.series, dot.row) if part)} "
            f"{shown(dot.estimate, panel.form)}"
            for dot in list(panel.dots)[:12]
        ]
        more = len(panel.dots) - 12
        said.append(f"{panel.title}: {'; '.join(inside)}" + (f"; {more} more" if more > 0 else ""))
    return f"{title}. " + ". ".join(said)
