"""Figures of a Thurstonian fit."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from harness.analysis.names import short
from harness.report.parts.style import GREY, INK, Plot, plain, shade
from harness.report.parts.wording import POSITION, number, shown
from harness.stats.effects.refusal import RefusalPreference
from harness.stats.intervals import Estimate

__all__ = ["caterpillar", "origin_means", "refusal_panels", "trace_plot"]

_NAMED = 40
"""Items up to which each gets a line with its name; above, those at both ends."""
_ENDS = 12


def caterpillar(items: pl.DataFrame, *, name: str, title: str) -> Plot:
    """Every item's utility with its interval, in order of rank; coloured by origin.

    `items`: item, origin, utility, low, high, sorted best first. Above 40 items the names of the
    first and the last stand in panels of their own.
    """
    ranked = items.with_row_index("at", offset=1)
    colours = {
        origin: shade(index)
        for index, origin in enumerate(items["origin"].unique().sort().to_list())
    }
    named = items.height <= _NAMED

    def draw(figure: Figure) -> None:
        if named:
            _named(figure.add_subplot(), ranked, colours, 44)
            figure.axes[0].set_xlabel("utility (units of σ)")
        else:
            parts = figure.add_gridspec(2, 2, width_ratios=(1.25, 1))
            _curve(figure.add_subplot(parts[:, 0]), ranked, colours)
            ends = {"most preferred": ranked.head(_ENDS), "least preferred": ranked.tail(_ENDS)}
            for row, (what, rows) in enumerate(ends.items()):
                axes = figure.add_subplot(parts[row, 1])
                _named(axes, rows, colours, 26)
                axes.set_title(what)
            axes.set_xlabel("utility (units of σ)")
        handles = [
            Line2D([], [], color=colour, marker="o", linestyle="none", markersize=4,
                   label=short(origin, 24))
            for origin, colour in colours.items()
        ]  # fmt: skip
        figure.legend(handles=handles, loc="outside upper left", ncols=5, handletextpad=0.3,
                      columnspacing=1.2)  # fmt: skip

    return Plot(
        name=name,
        title=title,
        caption="Utility of each item with its 95 % interval, coloured by origin. Mean 0."
        + ("" if named else f" Left: all by rank; right: the {_ENDS} at each end, with ranks."),
        alt=_items_in_words(title, items),
        numbers=ranked.select(pl.col("at").alias("rank"), "item", "origin", "utility", "low",
                              "high").to_dicts(),
        size=(7.6, max(2.2, 0.9 + 0.165 * items.height) if named else 5.4),
        draw=draw,
    )  # fmt: skip


def _named(axes: Axes, rows: pl.DataFrame, colours: Mapping[str, str], width: int) -> None:
    """One line an item, its rank before its name."""
    axes.axvline(0, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    for origin, colour in colours.items():
        _intervals(axes, rows.filter(pl.col("origin") == origin), colour, across=True)
    first, last = int(rows["at"][0]), int(rows["at"][-1])
    names = [f"{at} · {short(item, width)}" for at, item in rows.select("at", "item").rows()]
    axes.set_yticks(range(first, last + 1), names, fontsize=7.5)
    axes.set_ylim(last + 0.7, first - 0.7)
    plain(axes)


def _curve(axes: Axes, rows: pl.DataFrame, colours: Mapping[str, str]) -> None:
    """All items by rank."""
    axes.axhline(0, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    for origin, colour in colours.items():
        _intervals(axes, rows.filter(pl.col("origin") == origin), colour, across=False)
    inner = [int(at) for at in MaxNLocator(5, integer=True).tick_values(1, rows.height)]
    axes.set_xticks([1, *(at for at in inner if 1 < at < 0.95 * rows.height), rows.height])
    axes.set_xlim(0, rows.height + 1)
    axes.set_xlabel("rank, 1 the most preferred")
    axes.set_ylabel("utility (units of σ)")
    plain(axes, grid="y")


def _intervals(axes: Axes, rows: pl.DataFrame, colour: str, *, across: bool) -> None:
    at, value = rows["at"].to_numpy(), rows["utility"].to_numpy()
    low, high = rows["low"].to_numpy(), rows["high"].to_numpy()
    thin = 1.4 if across else 0.8
    if across:
        axes.hlines(at, low, high, color=colour, linewidth=thin)
        axes.plot(value, at, "o", markersize=4, color=colour)
    else:
        axes.vlines(at, low, high, color=colour, linewidth=thin, alpha=0.45)
        axes.plot(at, value, "o", markersize=2.4, color=colour)


def origin_means(
    items: pl.DataFrame, means: Mapping[str, Estimate], *, name: str, title: str
) -> Plot:
    """Mean utility of each origin with its interval, over the items themselves."""
    order = sorted(means, key=lambda origin: -means[origin].estimate)
    said = "; ".join(f"{origin} {shown(means[origin], 'number')}" for origin in order)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.axvline(0, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        for y, origin in enumerate(order):
            inside = items.filter(pl.col("origin") == origin)["utility"].to_numpy()
            axes.plot(inside, np.full(len(inside), y + 0.16), "|", color=GREY, markersize=7)
            mean = means[origin]
            axes.hlines(y - 0.12, mean.low, mean.high, color=shade(0), linewidth=2)
            axes.plot(mean.estimate, y - 0.12, "o", color=shade(0), markersize=5)
        axes.set_yticks(range(len(order)), [f"{short(o, 30)} ({means[o].n})" for o in order])
        axes.set_ylim(len(order) - 0.45, -0.55)
        axes.set_xlabel("utility (units of σ)")
        plain(axes)

    return Plot(
        name=name,
        title=title,
        caption="Dot and line: mean utility of the origin's items with its 95 % interval, for "
        "these items. Grey strokes: the items. In brackets the number of items.",
        alt=f"{title}: {said}",
        numbers=[
            {"origin": origin, "mean": means[origin].estimate, "low": means[origin].low}
            | {"high": means[origin].high, "n": means[origin].n}
            for origin in order
        ],
        size=(7.0, 0.75 + 0.42 * len(order)),
        draw=draw,
    )


def refusal_panels(items: pl.DataFrame, found: RefusalPreference, *, name: str, title: str) -> Plot:
    """Utilities of refused and other items; the share refused by quartile of utility."""
    quartiles = found.quartiles
    means = dict(found.means.select("refused", "mean").iter_rows())
    counts = [items.filter(pl.col("refused") == one).height for one in (False, True)]
    said = "; ".join(
        f"quartile {row['quartile']}: {number(row['rate'], 'share')}"
        for row in quartiles.iter_rows(named=True)
    )

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        rng = np.random.default_rng(0)
        for y, refused in enumerate((False, True)):
            values = items.filter(pl.col("refused") == refused)["utility"].to_numpy()
            jitter = rng.uniform(-0.16, 0.16, len(values))
            left.plot(values, y + jitter, "o", markersize=3.2, alpha=0.55, color=shade(y),
                      markeredgewidth=0)  # fmt: skip
            if means[refused] is not None:
                left.vlines(means[refused], y - 0.3, y + 0.3, color=INK, linewidth=1.6)
        left.set_yticks([0, 1], [f"not refused\n(n = {counts[0]})", f"refused\n(n = {counts[1]})"])
        left.set_ylim(1.5, -0.5)
        left.set_xlabel("utility (units of σ)")
        left.set_title("utility; line: mean")
        plain(left)
        x, rate = quartiles["quartile"].to_numpy(), quartiles["rate"].to_numpy()
        right.bar(x, rate, width=0.62, color=shade(1))
        right.vlines(x, quartiles["low"].to_numpy(), quartiles["high"].to_numpy(), color=INK)
        right.set_xticks(x, ["lowest", "second", "third", "highest"][: len(x)])
        right.set_ylim(0, 1.02)
        right.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
        right.set_title("share refused, by quartile of utility")
        plain(right, grid="y")

    return Plot(
        name=name,
        title=title,
        caption="Left: items whose completion was refused (or at least half of whose questions "
        "were) against the others. Right: share of refused items by quartile of utility, with "
        "95 % Wilson intervals.",
        alt=f"{title}: {counts[1]} of {sum(counts)} items refused. {said}",
        numbers=quartiles.to_dicts(),
        size=(7.6, 2.7),
        draw=draw,
    )


def trace_plot(trace: pl.DataFrame, *, name: str, title: str) -> Plot:
    """How a campaign converged.

    `trace`: comparisons, expected_rho, within_rho, successive_rho, position_effect; one row an
    iteration.
    """
    lines = {
        "expected_rho": "expected ρ with the truth",
        "within_rho": "expected ρ within origins",
        "successive_rho": "ρ of successive fits",
    }
    x = trace["comparisons"].to_numpy()
    last = trace.row(-1, named=True)

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        for index, (column, label) in enumerate(lines.items()):
            if column in trace.columns:
                y = trace[column].cast(pl.Float64).to_numpy()
                left.plot(x, y, marker="o", markersize=3, color=shade(index), label=label)
        left.set_ylim(top=1.005)
        left.set_xlabel("comparisons")
        left.set_title("rank correlation")
        left.legend(loc="lower right")
        plain(left, grid="y")
        effect = trace["position_effect"].cast(pl.Float64).to_numpy()
        right.axhline(0, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        right.plot(x, effect, marker="o", markersize=3, color=shade(0))
        right.set_xlabel("comparisons")
        right.set_title("position effect β")
        plain(right, grid="y")

    return Plot(
        name=name,
        title=title,
        caption="After each batch. The stop goes by the expected ρ; the ρ of successive fits "
        f"reads high and is shown for comparison only. {POSITION}",
        alt=f"{title}: {trace.height} iterations, {last['comparisons']} comparisons, expected "
        f"ρ {number(last.get('expected_rho'))}",
        numbers=trace.to_dicts(),
        size=(7.6, 2.9),
        draw=draw,
    )


def _items_in_words(title: str, items: pl.DataFrame) -> str:
    def said(rows: pl.DataFrame) -> str:
        return ", ".join(
            f"{short(row['item'])} {number(row['utility'])}" for row in rows.iter_rows(named=True)
        )

    return (
        f"{title}: {items.height} items. Most preferred: {said(items.head(3))}. Least: "
        f"{said(items.tail(3))}"
    )
