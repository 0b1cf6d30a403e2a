"""Everything about all cells of what was read, analysed once for whatever shows it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from harness.analysis.cells import Cell, cells, count_cells
from harness.analysis.choices import ChoiceCell, choice_cells
from harness.analysis.ratings import RatingCell, rating_cells
from harness.analysis.utilities import UtilityCell, utility_cells
from harness.stats.intervals import Bootstrap

__all__ = ["Analysed", "analysed", "steps"]


@dataclass(frozen=True)
class Analysed:
    """Cells of ratings and of choices; `fits` are of the latter that have enough comparisons,
    `notes` has a line for each of the others."""

    ratings: Sequence[RatingCell]
    choices: Sequence[ChoiceCell]
    fits: Sequence[UtilityCell]
    notes: Sequence[str]

    @property
    def rated(self) -> list[Cell]:
        """The cells of ratings."""
        return [one.cell for one in self.ratings]

    @property
    def chosen(self) -> list[Cell]:
        """The cells of choices."""
        return [one.cell for one in self.choices]


def analysed(
    frame: pl.DataFrame,
    *,
    bootstrap: Bootstrap,
    traces: Mapping[str, pl.DataFrame] | None = None,
    step: Callable[[], None] = lambda: None,
) -> Analysed:
    """Analyse a record table; `traces` are campaigns' by log, `step` is called `steps` times."""
    chosen = cells(frame, "choice")
    ratings = rating_cells(cells(frame, "rating"), bootstrap=bootstrap, step=step)
    choices = choice_cells(chosen, bootstrap=bootstrap, step=step)
    fits, notes = utility_cells(chosen, bootstrap=bootstrap, traces=traces or {}, step=step)
    return Analysed(ratings, choices, fits, notes)


def steps(frame: pl.DataFrame) -> int:
    """How often `analysed` calls its `step`."""
    return count_cells(frame, "rating") + 2 * count_cells(frame, "choice")
