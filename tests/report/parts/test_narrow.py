"""Laws of figures on a narrow screen, and of the values under the pointer."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from harness.report.parts.bars import Distribution, distributions, stacked
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.heatmap import Grid, heatmaps
from harness.report.parts.narrow import NARROW, stacked_panels
from harness.report.parts.scatter import Cloud, Point, scatters
from harness.report.parts.style import OUTCOME_COLOURS, Plot, palette
from harness.report.parts.utility_plots import caterpillar
from harness.report.parts.violins import Violin, violin_grid
from harness.stats.intervals import Estimate

RATERS = [f"openrouter/provider/model-{at}-instruct-2026" for at in range(3)]
TEMPLATES = ["anchored_precise_1_5", "likert_qualitative", "stated_1_5", "fruit_rating", "ban_four",
             "percentile_1_100", "bipolar"]  # fmt: skip
WORDS = {"title": "Title", "caption": "Caption"}


def value(estimate: float) -> Estimate:
    """An estimate with an interval."""
    return Estimate(estimate=estimate, low=estimate - 0.1, high=estimate + 0.1, n=44)


def plots() -> list[Plot]:
    """One figure of each kind, with long names."""
    rng = np.random.default_rng(0)
    share = value(0.2)
    items = pl.DataFrame(
        {"item": [f"stress_test_{at:03}" for at in range(30)], "origin": ["math", "bailbench"] * 15}
    ).with_columns(
        utility=pl.Series(np.linspace(2, -2, 30)), low=pl.lit(-3.0), high=pl.lit(3.0)
    )  # fmt: skip
    series = {("loves", "none"): [Violin("a", rng.normal(size=20), value(0.1))],
              ("hates", "none"): [Violin("a", rng.normal(size=20), value(0.3))]}  # fmt: skip
    return [
        dots(
            [Panel(t, [Dot(f"{t} {at}", value(0.1 * at + 0.01 * k), r) for at in range(5)
                       for k, r in enumerate(RATERS)]) for t in TEMPLATES[:3]],
            name="dots", **WORDS,
        ),
        stacked({f"{r} · {t}": dict.fromkeys(OUTCOME_COLOURS, share) for r in RATERS
                 for t in TEMPLATES},
                name="stacked", colours=OUTCOME_COLOURS,
                counts={f"{r} · {t}": 880 for r in RATERS for t in TEMPLATES}, **WORDS),
        distributions([Distribution(t, ("1", "2", "3", "4", "5"), (share,) * 5, 100)
                       for t in TEMPLATES], name="distributions", **WORDS),
        heatmaps([Grid("grid", RATERS, TEMPLATES, {(r, t): value(0.5) for r in RATERS
                                                   for t in TEMPLATES})],
                 name="heat", rows="rater", columns="template", **WORDS),
        scatters([Cloud(t, [Point(*rng.normal(size=2), r) for r in RATERS for _ in range(9)])
                  for t in TEMPLATES[:4]], name="scatter", x="x", y="y",
                 colours=palette(RATERS), **WORDS),
        caterpillar(items, name="caterpillar", title="Utilities"),
        violin_grid(series, name="violins", rows=("loves", "hates"), columns=("none",),
                    axis="rating", limits=(-3, 3), colours={}, **WORDS),
    ]  # fmt: skip


PLOTS = {plot.name: plot for plot in plots()}


def drawn(plot: Plot) -> Figure:
    """The figure on a narrow screen, laid out."""
    figure = Figure(figsize=(NARROW, plot.size[1]), layout="constrained")
    FigureCanvasAgg(figure)
    plot.draw(figure)
    stacked_panels(figure)
    figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize("name", PLOTS)
def test_nothing_is_cut_and_no_label_lies_on_another(name: str) -> None:
    """On a narrow screen every text is inside, panels are below each other, labels apart."""
    figure = drawn(PLOTS[name])
    assert figure.get_figwidth() == NARROW
    inside = figure.bbox
    texts = [text for one in figure.legends for text in one.get_texts()]
    for axes in figure.axes:
        labels = [one for one in axes.get_yticklabels() if one.get_text()]
        boxes = [one.get_window_extent() for one in labels]
        for one, two in combinations(boxes, 2):
            overlap = min(one.y1, two.y1) - max(one.y0, two.y0)
            assert overlap < 2, (name, axes.get_title(loc="left"))
        texts += [*labels, axes.title, axes._left_title, axes.xaxis.label]  # type: ignore[attr-defined]
    for text in texts:
        box = text.get_window_extent()
        if text.get_text():
            assert inside.x0 - 1 <= box.x0 and box.x1 <= inside.x1 + 1, (name, text.get_text())
    panels = [axes.get_tightbbox() for axes in figure.axes]
    for one, two in combinations(panels, 2):
        assert one is not None and two is not None
        assert one.y0 >= two.y1 - 1 or two.y0 >= one.y1 - 1, name


def test_a_figure_of_no_more_than_the_screen_has_no_other_form() -> None:
    """What fits is drawn once."""
    small = heatmaps([Grid("g", ["a"], ["b"], {("a", "b"): value(0.1)})], name="x", rows="r",
                     columns="c", **WORDS)  # fmt: skip
    assert small.size[0] < NARROW and small.narrow_svg is None


def test_marks_say_the_value_that_is_drawn_there() -> None:
    """Each dot has its row's words at its place; two dots of one value are told apart by row."""
    plot = dots([Panel("icc", [Dot("upper", value(0.5), "a"), Dot("lower", value(0.5), "a")])],
                name="x", **WORDS)  # fmt: skip
    for found in (plot.marks, plot.narrow_marks):
        assert [words for _, _, words in found] == [
            "upper, a: 0.50 [0.40, 0.60], n 44", "lower, a: 0.50 [0.40, 0.60], n 44"
        ]  # fmt: skip
        (x1, y1, _), (x2, y2, _) = found
        assert x1 == x2 and 0 < y1 < y2 < 1


def test_every_item_of_a_caterpillar_and_point_of_a_scatter_says_its_value() -> None:
    """As many marks as items and points, each once."""
    said = [words for _, _, words in PLOTS["caterpillar"].marks]
    assert sum("stress_test_000" in words for words in said) == 1 and len(said) == 30
    assert len(PLOTS["scatter"].marks) == len(PLOTS["scatter"].numbers)
