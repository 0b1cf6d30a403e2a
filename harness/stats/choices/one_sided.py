"""Whether the order in which items were shown is known, and whether it decided the answers."""

from dataclasses import replace

import polars as pl

from harness.errors import UsageError
from harness.stats.choices.questions import PositionBy
from harness.stats.thurstone.fit import Fit, Options

__all__ = ["first_choice_rate", "order_notes", "ordered", "position_as_known"]

_ONE_SIDED = 0.95
"""A first-choice rate as far from ½ as this leaves one answer in twenty to say what is liked.

A respondent of utilities' sd 1.5 reaches it at a position effect of 4 σ; a table whose first column
holds the winners has 1.
"""


def ordered(questions: pl.DataFrame) -> bool:
    """Whether every question says which item was shown first; True where nothing is said of it."""
    return "ordered" not in questions.columns or bool(questions["ordered"].all())


def position_as_known(questions: pl.DataFrame, options: Options, by: PositionBy) -> Options:
    """`options` without a position effect where the order shown is not known.

    UsageError where position effects by group are asked for all the same.
    """
    if ordered(questions):
        return options
    if by != "none":
        raise UsageError(
            f"--position-by {by} and a table of winner,loser, which does not say what was shown "
            "first; expected --position-by none"
        )
    return replace(options, position=False)


def first_choice_rate(questions: pl.DataFrame) -> float | None:
    """Share of answers for the item shown first, ties half; None where the order is not known."""
    answered = questions.filter(pl.col("outcome") == "answered")
    total = float(answered["count"].sum())
    if total <= 0 or not ordered(questions):
        return None
    return float((answered["p"] * answered["count"]).sum()) / total


def order_notes(questions: pl.DataFrame, fitted: Fit) -> list[str]:
    """One line each: the order is not known, one side was chosen throughout, answers were ties."""
    notes = []
    rate = first_choice_rate(questions)
    if not ordered(questions):
        notes.append("the table does not say which item was shown first: no position effect")
    elif rate is not None and fitted.options.position and not 1 - _ONE_SIDED < rate < _ONE_SIDED:
        side = "first" if rate > 0.5 else "second"
        notes.append(
            f"the item shown {side} was chosen in {100 * max(rate, 1 - rate):.4g} % of the "
            f"comparisons: if {side} holds the winners, and not a place, use --no-position; "
            "if it is a place, these answers say little about the items"
        )
    even = (pl.col("outcome") == "answered") & (pl.col("p") == 0.5) & ~pl.col("soft")
    ties = float(questions.filter(even)["count"].sum())
    if ties:
        notes.append(f"{ties:,.10g} ties count as half a win for each item")
    return notes
