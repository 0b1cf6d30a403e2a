"""How every figure looks, and a figure once drawn."""

import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from harness.errors import UsageError
from harness.report.parts.hover import Mark, marks
from harness.report.parts.narrow import NARROW, stacked_panels

__all__ = [
    "COLOURS",
    "GREY",
    "INK",
    "OUTCOME_COLOURS",
    "Plot",
    "marker",
    "palette",
    "plain",
    "shade",
]

INK = "#24292f"
GREY = "#8b949e"
_LINE = "#d8dee4"

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#5B5B5B")
"""Okabe and Ito's colours, told apart by the colour-blind; the yellow is left out for contrast."""

OUTCOME_COLOURS = {
    "answered": "#0072B2",
    "refused": "#D55E00",
    "disclaimed": "#E69F00",
    "invalid": "#A7B0BA",
    "failed": "#24292f",
}

_RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": _LINE,
    "grid.linewidth": 0.7,
    "text.color": INK,
    # An item's id may hold a dollar sign: text is never read as mathematics.
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "white",
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.06,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "penchant",
}


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A figure: how it is drawn, what it says in words, and its numbers.

    `name` is a file name without ending, `size` in inches. `draw` gets an empty figure under the
    common style; it is called when a file is first asked for. `alt` describes the figure to
    whoever cannot see it. `numbers` are what is drawn, one row a mark.
    """

    name: str
    title: str
    alt: str
    caption: str
    numbers: Sequence[Mapping[str, Any]]
    size: tuple[float, float]
    draw: Callable[[Figure], None] = field(repr=False)

    @property
    def svg(self) -> bytes:
        """The figure as SVG."""
        return self._wide[0]

    @property
    def png(self) -> bytes:
        """The figure as PNG."""
        return self._wide[1]

    @property
    def marks(self) -> list[Mark]:
        """Where its marks lie and what they say."""
        return self._wide[2]

    @property
    def narrow_svg(self) -> bytes | None:
        """The figure for a narrow screen, its panels below each other; None where it fits."""
        return self._narrow[0]

    @property
    def narrow_marks(self) -> list[Mark]:
        """The marks of the figure for a narrow screen."""
        return self._narrow[1]

    def save(self, path: str | Path) -> Path:
        """Write the figure as the ending says, `.png` or `.svg`; UsageError for any other."""
        target = Path(path)
        data = {".png": self.png, ".svg": self.svg}.get(target.suffix)
        if data is None:
            raise UsageError(f"cannot write {str(path)!r}; expected a name ending in .png, .svg")
        target.write_bytes(data)
        return target

    def _repr_png_(self) -> bytes:
        return self.png

    @cached_property
    def _wide(self) -> tuple[bytes, bytes, list[Mark]]:
        """Both files, outside pyplot's global state; the same figure gives the same bytes."""
        png = io.BytesIO()
        with _styled():
            figure = _figure(self.size)
            self.draw(figure)
            _lay_out(figure)
            svg = _svg(figure)
            found = marks(figure, self.numbers)
            figure.savefig(png, format="png", dpi=160, metadata={"Software": None})
        return svg, png.getvalue(), found

    @cached_property
    def _narrow(self) -> tuple[bytes | None, list[Mark]]:
        if self.size[0] <= NARROW + 0.3:
            return None, self.marks
        with _styled():
            figure = _figure((NARROW, self.size[1]))
            self.draw(figure)
            stacked_panels(figure)
            _lay_out(figure)
            return _svg(figure), marks(figure, self.numbers)


@contextmanager
def _styled() -> Iterator[None]:
    with matplotlib.rc_context(_RC), warnings.catch_warnings():
        # Ids in a script that the font lacks are drawn as boxes; the tables have them in full.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def _figure(size: tuple[float, float]) -> Figure:
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _lay_out(figure: Figure) -> None:
    """Find the layout once: with an engine left, every file written would be drawn twice."""
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.execute(figure)
    figure.set_layout_engine(None)


def _svg(figure: Figure) -> bytes:
    svg = io.BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return svg.getvalue()


def plain(axes: Axes, *, grid: str = "x") -> None:
    """Light grid along one axis, no tick marks on the other."""
    axes.grid(axis="x" if grid == "x" else "y")
    axes.tick_params(axis="y" if grid == "x" else "x", length=0)


def marker(index: int) -> str:
    """The marker of the index-th thing: another one each time the colours come round."""
    return "osD^v"[index // len(COLOURS) % 5]


def palette(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, the same in every figure of a page that is given the same names."""
    return {name: shade(index) for index, name in enumerate(sorted(set(names)))}


def shade(index: int) -> str:
    """The colour of the index-th thing; after eight they come round again."""
    return COLOURS[index % len(COLOURS)]
