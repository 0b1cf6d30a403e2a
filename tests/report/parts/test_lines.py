"""Laws of line panels: what is outside the scale is not written, and a scale has numbers."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from harness.report.parts.lines import Curve, LinePanel, lines


def drawn(panel: LinePanel) -> Figure:
    """The figure of one panel, drawn."""
    figure = Figure(figsize=(4, 3))
    lines([panel], name="x", title="Title", caption="").draw(figure)
    FigureCanvasAgg(figure).draw()
    return figure


def test_a_mark_outside_the_scale_is_not_written() -> None:
    """Its line is outside too: the name alone would stand over another panel."""
    curve = Curve("a", (0, 1), (1.0, 3.0))
    for limits, visible in (((0.0, 8.0), True), ((0.0, 4.0), False)):
        figure = drawn(LinePanel("p", [curve], "x", marks=[(7.4, "bound")], limits=limits))
        [text] = [one for one in figure.axes[0].texts if isinstance(one, Annotation)]
        assert text.get_text() == "bound" and text._check_xy() == visible


def test_a_logarithmic_scale_has_two_numbers() -> None:
    """Also where the values are within one decade, and where they are over many."""
    for y in ((1.02, 3.6), (1.0, 1e26), (0.5, 40.0)):
        axes = drawn(LinePanel("p", [Curve("a", (0, 1), y)], "x", log=True)).axes[0]
        low, high = axes.get_ylim()
        shown = [at for at in axes.get_yticks() if low <= at <= high]
        assert len(shown) >= 2, (y, shown)
