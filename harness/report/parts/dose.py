"""Dose and response: lines over doses, with the band of random directions."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter

from harness.report.parts.style import COLOURS, GREY, Plot, marker, plain
from harness.report.parts.wording import number, wrapped
from harness.stats.intervals import Estimate

__all__ = ["Band", "DoseLine", "Responses", "dose_response"]

_BAND = "#c4ccd4"
_FAR = 4.0
"""Ratio of values from which a scale is logarithmic."""
_HANDLE = 2.35
"""Inches that an entry of the legend may take."""


@dataclass(frozen=True)
class DoseLine:
    """Estimates by dose; marks of doses in `hollow` do not count, and the line is broken there."""

    series: str
    points: Sequence[tuple[float, Estimate]]
    hollow: Sequence[float] = ()


@dataclass(frozen=True)
class Band:
    """By dose, between which values a random direction is expected to lie; and those seen."""

    doses: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    lines: Sequence[Sequence[float]] = ()


@dataclass(frozen=True)
class Responses:
    """A panel. `gate` draws a line at a value below which nothing counts; `note` has its n."""

    title: str
    lines: Sequence[DoseLine]
    label: str
    band: Band | None = None
    gate: float | None = None
    limits: tuple[float, float] | None = None
    note: str = ""


def dose_response(
    panels: Sequence[Responses],
    *,
    name: str,
    title: str,
    caption: str,
    columns: int = 3,
    x: str = "dose (reference norms)",
    colours: Mapping[str, str] | None = None,
    log_y: Sequence[str] = (),
    share_y: bool = True,
) -> Plot:
    """Panels side by side, each estimate with its interval at its dose.

    `log_y` are titles of panels whose scale is logarithmic where values differ much.
    """
    columns = min(columns, len(panels))
    deep = -(-len(panels) // columns)
    series = list(dict.fromkeys(line.series for panel in panels for line in panel.lines))
    shades = {one: COLOURS[place % len(COLOURS)] for place, one in enumerate(series)}
    shades |= dict(colours or {})
    marks = {one: marker(8 * place) for place, one in enumerate(series)}
    handles = _handles(panels, series, shades, marks)
    wide = 2.5 * columns + 0.9
    across = max(1, min(4, int(wide / _HANDLE)))

    def draw(figure: Figure) -> None:
        first: dict[int, Axes] = {}
        for index, panel in enumerate(panels):
            row = index // columns
            axes = figure.add_subplot(
                deep, columns, index + 1, sharey=first.get(row) if share_y else None
            )
            first.setdefault(row, axes)
            _panel(axes, panel, shades, marks)
            if panel.title in log_y:
                _logarithmic(axes, panel)
            if index % columns == 0 or not share_y:
                axes.set_ylabel(wrapped(panel.label, 26))
            else:
                axes.tick_params(axis="y", labelleft=False)
            if index + columns >= len(panels):
                axes.set_xlabel(x)
        if handles:
            figure.legend(handles=handles, loc="outside upper left", ncols=across)

    return Plot(
        name=name,
        title=title,
        caption=caption,
        alt=_in_words(title, panels),
        numbers=[row for panel in panels for row in _numbers(panel)],
        size=(wide, 2.35 * deep + 0.2 + 0.2 * -(-len(handles) // across)),
        draw=draw,
    )


def _panel(
    axes: Axes, panel: Responses, shades: Mapping[str, str], marks: Mapping[str, str]
) -> None:
    band = panel.band
    if band is not None:
        axes.fill_between(band.doses, band.low, band.high, color=_BAND, alpha=0.45, linewidth=0)
        for line in band.lines:
            axes.plot(band.doses, line, color=GREY, linewidth=0.6, alpha=0.8)
    if panel.gate is not None:
        axes.axhline(panel.gate, color="#D55E00", linewidth=1.1, linestyle=(0, (4, 3)))
    spread = _spread(panel)
    for place, one in enumerate(panel.lines):
        aside = spread * (place - (len(panel.lines) - 1) / 2)
        _line(axes, one, shades[one.series], marks[one.series], aside)
    if panel.limits is not None:
        axes.set_ylim(*panel.limits)
    axes.set_title(wrapped(panel.title, 30, 3))
    doses = sorted({dose for line in panel.lines for dose, _ in line.points})
    if len(doses) <= 7:
        axes.set_xticks(doses, [f"{dose:g}".replace("-", "−") for dose in doses])
    if panel.note:
        axes.annotate(panel.note, (0.98, 0.02), xycoords="axes fraction", ha="right",
                      va="bottom", fontsize=7, color="#57606a")  # fmt: skip
    plain(axes, grid="y")


def _logarithmic(axes: Axes, panel: Responses) -> None:
    """Powers of ten are not read where text is not mathematics, so ticks are plain numbers."""
    values = [value.estimate for line in panel.lines for _, value in line.points]
    if min(values) <= 0 or max(values) < _FAR * min(values):
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _spread(panel: Responses) -> float:
    """How far lines are moved apart, so that intervals at one dose are seen."""
    doses = sorted({dose for line in panel.lines for dose, _ in line.points})
    if len(doses) < 2 or len(panel.lines) < 2:
        return 0.0
    step = min(b - a for a, b in itertools.pairwise(doses))
    return 0.36 * step / len(panel.lines)


def _line(axes: Axes, one: DoseLine, colour: str, mark: str, aside: float) -> None:
    known = [(dose, value) for dose, value in one.points if np.isfinite(value.estimate)]
    counted = [(dose, value) for dose, value in known if dose not in one.hollow]
    axes.plot(
        [dose + aside for dose, _ in counted],
        [value.estimate for _, value in counted],
        color=colour,
        linewidth=1.3,
    )
    for dose, value in known:
        if np.isfinite(value.low):
            axes.vlines(dose + aside, value.low, value.high, color=colour, linewidth=1.2)
        face = "white" if dose in one.hollow else colour
        axes.plot(dose + aside, value.estimate, mark, color=colour, markersize=4.5,
                  markerfacecolor=face)  # fmt: skip


def _handles(
    panels: Sequence[Responses],
    series: Sequence[str],
    shades: Mapping[str, str],
    marks: Mapping[str, str],
) -> list[Line2D | Patch]:
    found: list[Line2D | Patch] = [
        Line2D([], [], color=shades[one], marker=marks[one], markersize=4.5, label=one)
        for one in series
    ]
    if any(panel.band is not None for panel in panels):
        found.append(Patch(color=_BAND, alpha=0.45, label="random directions, 95 %"))
    if any(panel.band is not None and panel.band.lines for panel in panels):
        found.append(Line2D([], [], color=GREY, linewidth=0.8, label="each random direction"))
    if any(panel.gate is not None for panel in panels):
        dashed = (0, (4, 3))
        found.append(Line2D([], [], color="#D55E00", linestyle=dashed, label="coherence gate"))
    if any(line.hollow for panel in panels for line in panel.lines):
        found.append(Line2D([], [], color=GREY, marker="o", markerfacecolor="white",
                            linestyle="none", markersize=4.5, label="below the gate"))  # fmt: skip
    return found


def _numbers(panel: Responses) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {"panel": panel.title, "series": line.series, "x": dose, "estimate": value.estimate}
        | {"low": value.low, "high": value.high, "n": value.n}
        for line in panel.lines
        for dose, value in line.points
    ]
    if panel.band is not None:
        rows += [
            {"panel": panel.title, "series": "random, 95 %", "x": dose, "low": low, "high": high}
            for dose, low, high in zip(
                panel.band.doses, panel.band.low, panel.band.high, strict=True
            )
        ]
    return rows


def _in_words(title: str, panels: Sequence[Responses]) -> str:
    said = [
        f"{panel.title}, {line.series}: "
        + ", ".join(f"{dose:g}: {number(value.estimate)}" for dose, value in line.points)
        for panel in panels
        for line in panel.lines
    ]
    return f"{title}. " + "; ".join(said)
