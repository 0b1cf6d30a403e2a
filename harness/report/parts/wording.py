"""Numbers and names as a reader sees them."""

import math
import re
import textwrap
from typing import Literal

from harness.analysis.names import short
from harness.stats.intervals import Estimate

__all__ = ["POSITION", "Form", "number", "shown", "words", "wrapped"]

_PIECE = re.compile(r"[^_/@,.:-]*[_/@,.:-]+|[^_/@,.:-]+")
"""A part of a word up to its next mark."""

Form = Literal["text", "count", "number", "share", "plain", "p", "excerpt"]

POSITION = (
    "β is the position effect on the probit scale, in units of σ; above 0 the item shown first is "
    "favoured, below 0 the second."
)


def number(value: float | None, form: Form = "number") -> str:
    """Two decimals, a share in per cent, `plain` as short as it goes, `p` to two digits that say
    something; "–" where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    if form == "plain":
        return f"{value:g}".replace("-", "−")
    if form == "p":
        return "<0.001" if value < 0.001 else f"{value:.2g}"
    if form == "count":
        return f"{value:,.0f}".replace(",", " ")
    if form == "share":
        text = f"{100 * value:.1f}"
        return f"{text}%".replace("-", "−")
    return f"{value:.2f}".replace("-", "−") if round(value, 2) else "0.00"


def shown(value: object, form: Form = "text") -> str:
    """A cell of a table: an estimate with its interval, a number, text, or the start of one."""
    if form == "excerpt":
        text = short(str(value or ""), len(str(value or "")))
        return text if len(text) <= 160 else f"{text[:159]}…"
    if isinstance(value, Estimate):
        text = number(value.estimate, form)
        if not math.isfinite(value.low) or text == "–":
            return text
        return f"{text} [{number(value.low, form)}, {number(value.high, form)}]"
    if isinstance(value, bool) or value is None:
        return {None: "–", True: "yes", False: "no"}[value]
    if isinstance(value, int | float):
        plain: Form = "count" if isinstance(value, int) else "number"
        return number(value, plain if form == "text" else form)
    return str(value)


def wrapped(text: str, width: int = 38, lines: int = 2) -> str:
    """The text over at most so many lines of `width` characters, for a label in a figure.

    A word that is longer is broken after a mark of its own (`_`, `/`, `@`, …) where it has one.
    """
    line = short(text, width * lines - lines)
    marked = _at_marks(line, width)
    if len(marked) <= lines:
        return "\n".join(marked)
    parts = textwrap.wrap(line, width, break_on_hyphens=False)
    if len(parts) > lines:
        parts = [*parts[: lines - 1], short(" ".join(parts[lines - 1 :]), width)]
    return "\n".join(parts)


def _at_marks(line: str, width: int) -> list[str]:
    """Lines of whole words, and of the parts of those that are too long."""
    parts: list[str] = []
    for word in line.split():
        pieces = [word] if len(word) <= width else _PIECE.findall(word)
        for number, piece in enumerate(pieces):
            joint = " " if number == 0 and parts else ""
            if parts and len(parts[-1]) + len(joint) + len(piece) <= width:
                parts[-1] += joint + piece
            else:
                parts += [piece[at : at + width] for at in range(0, len(piece), width)]
    return parts


def words(name: str) -> str:
    """A column's name as words."""
    return name.replace("_", " ")
