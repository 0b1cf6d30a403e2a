"""Laws of figures of lines."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from harness.report.parts.lines import Curve, LinePanel, lines


@pytest.mark.parametrize("log", [False, True])
def test_a_named_value_lies_inside_its_panel(log: bool) -> None:
    """Where limits are left open they hold the marks too, and a short scale has its numbers."""
    panel = LinePanel(
        "σ", [Curve("a", [0, 1], [3.5, 1.2])], x="λ", marks=((7.39, "bound"),), log=log
    )
    figure = Figure()
    FigureCanvasAgg(figure)
    lines([panel], name="x", title="t", caption="c").draw(figure)
    [axes] = figure.axes
    low, high = axes.get_ylim()
    assert low < 1.2 and high > 7.39
    assert sum(low < tick < high for tick in axes.get_yticks()) >= 2
