"""Choices of a cell: what place does, what content does, and which pairs hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from harness.analysis.cells import Cell
from harness.stats.choices.orders import both_orders
from harness.stats.choices.position import (
    expected_from_position,
    pair_classes,
    position_by_origin,
    position_content,
)
from harness.stats.choices.questions import questions_from_records
from harness.stats.intervals import Bootstrap, Estimate

__all__ = ["ChoiceCell", "choice_cells"]


@dataclass(frozen=True)
class ChoiceCell:
    """A cell with all that is said of its pairs.

    `quantities` are those of `harness.stats.choices.position.position_content`; `by_origin`,
    `expected` and `pairs` are the tables of `position_by_origin`, `expected_from_position` and
    `pair_classes`. `adaptive` says that part of the pairs were chosen by earlier answers, which
    pulls win rates to one half: `expected` is then of the pairs drawn at random alone.
    """

    cell: Cell
    quantities: dict[str, Estimate]
    by_origin: pl.DataFrame
    expected: pl.DataFrame
    pairs: pl.DataFrame
    adaptive: bool

    @property
    def both_ways(self) -> bool:
        """Whether any pair was answered in both orders."""
        return self.pairs.height > 0


def choice_cells(
    cells: Sequence[Cell],
    *,
    bootstrap: Bootstrap,
    step: Callable[[], None] = lambda: None,
) -> list[ChoiceCell]:
    """Everything about each cell; `step` is called after each."""
    done = []
    for cell in cells:
        frame = cell.frame.with_columns(
            pl.col("origin_first").fill_null("unknown"),
            pl.col("origin_second").fill_null("unknown"),
        )
        pairs = pair_classes(both_orders(frame))[0]
        random = questions_from_records(frame)["random"]
        done.append(
            ChoiceCell(
                cell=cell,
                quantities=position_content(frame, bootstrap=bootstrap),
                by_origin=position_by_origin(frame, bootstrap=bootstrap)
                if pairs.height
                else pl.DataFrame(),
                expected=expected_from_position(frame.filter(random) if random.any() else frame),
                pairs=pairs,
                adaptive=bool(random.any()),
            )
        )
        step()
    return done
