"""A figure for a narrow screen: its panels below each other, its labels over more lines."""

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec, SubplotSpec
from matplotlib.legend import Legend
from matplotlib.ticker import FixedLocator

__all__ = ["NARROW", "narrow", "stacked_panels"]

NARROW = 3.8
"""Width in inches: 365 pixels, what a telephone of 400 leaves beside its margins."""

_LABEL = 20
"""Characters of a line of a label at the left: about a third of the width."""

_LEGEND_POINTS = 5.2
"""Width of a character of a legend, in points; its handle takes as much as seven."""


def narrow(figure: Figure) -> bool:
    """Whether the figure is drawn for a narrow screen."""
    return bool(figure.get_figwidth() < NARROW + 0.5)


def stacked_panels(figure: Figure) -> None:
    """Put the panels of a drawn figure below each other, in the order in which they were made.

    Each keeps the height that it has, or grows by the lines of its labels.
    """
    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None]
    if not panels:
        return
    now = figure.get_figheight()
    heights = [_share(axes) * now * _wrapped_labels(axes, now) for axes in panels]
    if _beside(panels):
        for axes in panels:
            axes.tick_params(axis="y", labelleft=True)
            axes.tick_params(axis="x", labelbottom=True)
        grid = GridSpec(len(panels), 1, figure=figure, height_ratios=heights)
        for at, axes in enumerate(panels):
            axes.set_subplotspec(grid[at])
    rows = sum(_legend(figure, one) for one in list(figure.legends))
    figure.set_size_inches(NARROW, sum(heights) + 0.19 * rows)


def _beside(panels: list[Axes]) -> bool:
    return any(_spec(axes).get_gridspec().ncols > 1 for axes in panels)


def _spec(axes: Axes) -> SubplotSpec:
    spec = axes.get_subplotspec()
    assert spec is not None
    return spec


def _share(axes: Axes) -> float:
    """The share of the figure's height that the panel spans."""
    spec = _spec(axes)
    return float((spec.rowspan.stop - spec.rowspan.start) / spec.get_gridspec().nrows)


def _wrapped_labels(axes: Axes, height: float) -> float:
    """Wrap the labels at the left; by how much the panel must grow for their lines.

    `height` is that of the figure, in inches.
    """
    if not isinstance(axes.yaxis.get_major_locator(), FixedLocator):
        return 1.0
    before = [label.get_text() for label in axes.get_yticklabels()]
    after = [_wrapped(label) for label in before]
    if after == before:
        return 1.0
    axes.set_yticks(axes.get_yticks(), after)
    lines = [max((label.count("\n") + 1 for label in some), default=1) for some in (before, after)]
    # Inches that the lines need, with room between labels and for the axis and its title.
    room = (0.16 * lines[1] + 0.08) * len(after) + 0.9
    return max(1.0, room / (_share(axes) * height))


def _wrapped(label: str) -> str:
    if all(len(line) <= _LABEL for line in label.split("\n")):
        return label
    return "\n".join(textwrap.wrap(label.replace("\n", " "), _LABEL, break_on_hyphens=False)[:4])


def _legend(figure: Figure, legend: Legend) -> int:
    """Make the legend anew with as many columns as fit; its rows beyond the first."""
    names = [text.get_text() for text in legend.get_texts()]
    if not names:
        return 0
    widest = (max(map(len, names)) + 7) * _LEGEND_POINTS
    columns = max(1, min(len(names), int((NARROW - 0.2) * 72 / widest)))
    handles = [handle for handle in legend.legend_handles if handle is not None]
    legend.remove()
    figure.legend(handles, names, loc="outside upper left", ncols=columns)
    return -(-len(names) // columns) - 1
