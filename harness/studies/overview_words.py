"""The five things that a folder of logs shows first, in words."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import polars as pl

from harness.analysis.choices import ChoiceCell
from harness.analysis.names import short
from harness.analysis.ratings import RatingCell
from harness.analysis.utilities import UtilityCell
from harness.report.parts.wording import Form, number, shown
from harness.stats.intervals import Estimate

__all__ = ["overview_sentences"]

_MOST = 5

T = TypeVar("T")


def overview_sentences(
    frame: pl.DataFrame,
    ratings: Sequence[RatingCell],
    choices: Sequence[ChoiceCell],
    fits: Sequence[UtilityCell],
) -> list[str]:
    """What was answered; whose repeats agree most and least; what place does; what is liked."""
    answered = float((frame["outcome"] == "answered").mean() or 0.0)  # type: ignore[arg-type]
    lost = frame.filter(pl.col("outcome") != "answered")["outcome"].value_counts(sort=True)
    most = f", most others {lost['outcome'][0]}" if lost.height else ""
    said = [
        f"{number(answered, 'share')} of {number(frame.height, 'count')} questions were "
        f"answered{most}."
    ]
    said += _ends(
        ratings,
        lambda one: one.quantities["icc"],
        lambda one: one.cell.name,
        "Repeats of a rating agree most (ICC(1,1)) in",
        "least in",
    )
    said += _ends(
        choices,
        lambda one: one.quantities["first_choice_rate"],
        lambda one: one.cell.name,
        "The item shown first is chosen most often in",
        "least in",
        "share",
    )
    turned = _ranked(choices, lambda one: one.quantities["flip_rate"])
    if turned:
        one = turned[0]
        said.append(
            f"Swapping the order turns most pairs in {one.cell.name}: flip rate "
            f"{shown(one.quantities['flip_rate'], 'share')} of {one.pairs.height} pairs."
        )
    said += [_liked(one) for one in sorted(fits, key=lambda one: -one.items.height)[:1]]
    return said[:_MOST]


def _ranked(found: Iterable[T], value: Callable[[T], Estimate]) -> list[T]:
    """Those whose value is defined, the largest first."""
    known = [one for one in found if math.isfinite(value(one).estimate)]
    return sorted(known, key=lambda one: -value(one).estimate)


def _ends(
    found: Sequence[T],
    value: Callable[[T], Estimate],
    name: Callable[[T], str],
    most: str,
    least: str,
    form: Form = "number",
) -> list[str]:
    ranked = _ranked(found, value)
    if not ranked:
        return []
    text = f"{most} {name(ranked[0])}: {shown(value(ranked[0]), form)}"
    if len(ranked) > 1:
        text += f"; {least} {name(ranked[-1])}: {shown(value(ranked[-1]), form)}"
    return [f"{text} ({len(ranked)} cells)." if len(ranked) > 1 else f"{text}."]


def _liked(one: UtilityCell) -> str:
    items = one.items
    first, last = (items.row(at, named=True) for at in (0, -1))
    return (
        f"{one.cell.name}, of {items.height} items: most preferred {short(first['item'])} "
        f"(utility {number(first['utility'])}), least {short(last['item'])} "
        f"({number(last['utility'])})."
    )
