"""Bars: shares that sum to one, and how ratings spread over the declared levels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from harness.analysis.names import short
from harness.report.parts.narrow import narrow
from harness.report.parts.style import GREY, INK, Plot, plain, shade
from harness.report.parts.wording import number, wrapped
from harness.stats.intervals import Estimate

__all__ = ["Distribution", "distributions", "stacked"]


def stacked(
    rows: Mapping[str, Mapping[str, Estimate]],
    *,
    name: str,
    title: str,
    caption: str,
    colours: Mapping[str, str],
    counts: Mapping[str, int],
) -> Plot:
    """One bar a row, cut into shares: `rows` is row → part → share. `counts` stand at the right."""
    labels = list(rows)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for y, label in enumerate(labels):
            left = 0.0
            for part, colour in colours.items():
                share = max(0.0, rows[label][part].estimate)
                if share:
                    axes.barh(y, share, left=left, height=0.68, color=colour, linewidth=0)
                if share >= 0.08:
                    axes.text(
                        left + share / 2,
                        y,
                        number(share, "share"),
                        color=_on(colour),
                        ha="center",
                        va="center",
                        fontsize=7.5,
                    )
                left += share
            axes.text(1.012, y, f"n = {counts[label]:,}".replace(",", " "), va="center", fontsize=8)
        axes.set_yticks(range(len(labels)), [wrapped(label, 44) for label in labels])
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
        plain(axes)
        axes.grid(False)
        figure.legend(
            handles=[Patch(color=colour, label=part) for part, colour in colours.items()],
            loc="outside upper left",
            ncols=len(colours),
            handlelength=1.0,
            columnspacing=1.4,
        )

    return Plot(
        name=name,
        title=title,
        caption=caption,
        alt=_shares_in_words(title, rows),
        numbers=[
            {"row": label, "part": part, **_parts(share)}
            for label, parts in rows.items()
            for part, share in parts.items()
        ],
        size=(7.6, 1.15 + 0.32 * len(labels)),
        draw=draw,
    )


@dataclass(frozen=True)
class Distribution:
    """Shares of the declared levels in one cell. `shares` has one estimate a level."""

    title: str
    levels: tuple[str, ...]
    shares: tuple[Estimate, ...]
    answers: int


def distributions(
    panels: Sequence[Distribution],
    *,
    name: str,
    title: str,
    caption: str,
    colours: Mapping[str, str] | None = None,
) -> Plot:
    """One panel a cell: a bar for each declared level, with its interval. `colours` gives a panel,
    by its title, the colour that it has in the page's other figures."""
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)

    def draw(figure: Figure) -> None:
        for index, panel in enumerate(panels):
            axes = figure.add_subplot(rows, columns, index + 1)
            colour = (colours or {}).get(panel.title, shade(0))
            left = index % columns == 0 or narrow(figure)
            _distribution(axes, panel, colour, left=left)

    return Plot(
        name=name,
        title=title,
        caption=caption,
        alt=f"{title}: " + "; ".join(_levels_in_words(panel) for panel in panels),
        numbers=[
            {"panel": panel.title, "level": level, **_parts(share)}
            for panel in panels
            for level, share in zip(panel.levels, panel.shares, strict=True)
        ],
        size=(2.75 * columns + 0.5 * (columns == 1), 2.05 * rows + 0.2),
        draw=draw,
    )


def _distribution(axes: Axes, panel: Distribution, colour: str, *, left: bool) -> None:
    many = len(panel.levels) > 14
    heights = [0.0 if share.n == 0 else share.estimate for share in panel.shares]
    places = range(len(heights))
    axes.bar(places, heights, width=1.0 if many else 0.78, color=colour, linewidth=0)
    if not many:
        for x, share in zip(places, panel.shares, strict=True):
            if share.n:
                axes.vlines(x, share.low, share.high, color=INK, linewidth=1.0)
    uniform = 1 / len(heights)
    axes.axhline(uniform, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    step = max(1, len(heights) // 10)
    axes.set_xticks(
        list(places)[::step],
        [short(level, 14) for level in panel.levels[::step]],
        rotation=30 if max(map(len, panel.levels)) > 3 and len(heights) > 3 else 0,
        ha="right" if max(map(len, panel.levels)) > 3 and len(heights) > 3 else "center",
    )
    top = max([uniform, *heights, *(s.high for s in panel.shares if s.n)])
    axes.set_ylim(0, min(1.02, max(top * 1.1, 0.1)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
    axes.set_title(wrapped(panel.title, 36, 3), fontsize=8.5)
    axes.annotate(
        f"{panel.answers:,} answers".replace(",", " "),
        (1, 0.99),
        xycoords="axes fraction",
        ha="right",
        va="top",
        fontsize=7.5,
        color="#57606a",
    )
    if left:
        axes.set_ylabel("share of answers")
    plain(axes, grid="y")


def _on(colour: str) -> str:
    """White or dark text, whichever is read better on the colour."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "white"


def _parts(share: Estimate) -> dict[str, float | int]:
    return {"estimate": share.estimate, "low": share.low, "high": share.high, "n": share.n}


def _shares_in_words(title: str, rows: Mapping[str, Mapping[str, Estimate]]) -> str:
    said = [
        f"{label}: "
        + ", ".join(
            f"{part} {number(share.estimate, 'share')}"
            for part, share in parts.items()
            if share.estimate > 0
        )
        for label, parts in rows.items()
    ]
    return f"{title}. " + "; ".join(said)


def _levels_in_words(panel: Distribution) -> str:
    if len(panel.levels) > 14:
        return f"{panel.title}, {panel.answers} answers"
    return f"{panel.title}: " + ", ".join(
        f"{level} {number(share.estimate, 'share')}"
        for level, share in zip(panel.levels, panel.shares, strict=True)
    )
