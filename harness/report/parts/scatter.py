"""Scatter: one quantity against another, by colour and with labels that keep off each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.names import short
from harness.report.parts.narrow import narrow
from harness.report.parts.style import GREY, Plot, plain
from harness.report.parts.wording import number, wrapped

__all__ = ["LABELLED", "Cloud", "Point", "scatters"]

LABELLED = 14
"""Points of a panel above which none is labelled: the table has their names."""


@dataclass(frozen=True)
class Point:
    """One mark: where it lies, whose colour it has, and what it is called ("" for no label)."""

    x: float
    y: float
    series: str
    label: str = ""


@dataclass(frozen=True)
class Cloud:
    """A panel of points; `diagonal` draws x = y. `note` stands in the corner, with n."""

    title: str
    points: Sequence[Point]
    note: str = ""
    diagonal: bool = False


def scatters(
    panels: Sequence[Cloud],
    *,
    name: str,
    title: str,
    caption: str,
    x: str,
    y: str,
    colours: Mapping[str, str],
    limits: tuple[tuple[float, float], tuple[float, float]] | None = None,
) -> Plot:
    """Panels side by side; points that are not numbers are left out of n."""
    labelled = any(_labelled(panel) for panel in panels)
    columns = min(2 if labelled else 3, len(panels))
    wide = 5.2 if columns == 1 else 4.2 if labelled else 3.0
    deep = -(-len(panels) // columns)
    series = sorted({point.series for panel in panels for point in panel.points})

    def draw(figure: Figure) -> None:
        for index, panel in enumerate(panels):
            axes = figure.add_subplot(deep, columns, index + 1)
            _panel(axes, panel, colours, limits)
            axes.set_xlabel(x)
            if index % columns == 0 or narrow(figure):
                axes.set_ylabel(y)
        if len(series) > 1:
            handles = [
                Line2D([], [], color=colours[one], marker="o", linestyle="none",
                       markersize=5, label=short(one, 32))
                for one in series
            ]  # fmt: skip
            figure.legend(handles=handles, loc="outside upper left", ncols=min(4, len(series)))

    return Plot(
        name=name,
        title=title,
        caption=caption,
        alt=f"{title}. "
        + "; ".join(
            f"{panel.title}: {len(_finite(panel))} points {panel.note}" for panel in panels
        ),
        numbers=[
            {"panel": panel.title, "series": point.series, "label": point.label}
            | {"x": point.x, "y": point.y}
            for panel in panels
            for point in panel.points
        ],
        size=(wide * columns, (2.7 if columns > 1 else 3.7) * deep + 0.3),
        draw=draw,
    )


def _panel(
    axes: Axes,
    panel: Cloud,
    colours: Mapping[str, str],
    limits: tuple[tuple[float, float], tuple[float, float]] | None,
) -> None:
    points = _finite(panel)
    for one in points:
        axes.plot(one.x, one.y, "o", color=colours[one.series], markersize=4.2, alpha=0.75)
    if limits is not None:
        axes.set_xlim(*limits[0])
        axes.set_ylim(*limits[1])
    else:
        axes.margins(0.12)
    if panel.diagonal and points:
        ends = [*axes.get_xlim(), *axes.get_ylim()]
        axes.plot([min(ends), max(ends)], [min(ends), max(ends)], color=GREY, linewidth=0.9,
                  linestyle=(0, (4, 3)), zorder=0, scalex=False, scaley=False)  # fmt: skip
    if labelled := _labelled(panel):
        _label(axes, labelled)
    note = "  ".join(part for part in (panel.note, f"n = {len(points)}") if part)
    axes.annotate(note, (0.99, 0.02), xycoords="axes fraction", ha="right", va="bottom",
                  fontsize=7.5, color="#57606a")  # fmt: skip
    axes.set_title(wrapped(panel.title, 30, 2))  # what fits the narrowest panel, bold
    plain(axes, grid="y")


def _labelled(panel: Cloud) -> list[Point]:
    """The points that get their label: none where they are too many to tell apart."""
    found = [one for one in _finite(panel) if one.label]
    return found if len(found) <= LABELLED else []


def _label(axes: Axes, points: Sequence[Point]) -> None:
    """Labels in the order of y at the right of the points, pushed apart where they would touch."""
    low, high = axes.get_ylim()
    left, right = axes.get_xlim()
    axes.set_xlim(left, right + 0.45 * (right - left))
    ordered = sorted(points, key=lambda one: one.y)
    step = (high - low) / 15
    # The lowest stay above the corner where n stands.
    places = np.maximum([one.y for one in ordered], low + 1.9 * step)
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + step)
    over = places[-1] - (high - step / 2)
    if over > 0:
        places[-1] -= over
        for index in range(len(places) - 2, -1, -1):
            places[index] = min(places[index], places[index + 1] - step)
    at = right + 0.03 * (right - left)
    for one, place in zip(ordered, places, strict=True):
        axes.annotate(
            f"{short(one.label, 30)} ", (one.x, one.y), (at, place), fontsize=7, va="center",
            arrowprops={"arrowstyle": "-", "color": "#c4ccd4", "linewidth": 0.6},
        )  # fmt: skip


def _finite(panel: Cloud) -> list[Point]:
    return [one for one in panel.points if number(one.x) != "–" and number(one.y) != "–"]
