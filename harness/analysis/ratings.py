"""Ratings of a cell: how they spread, what they average, and whether they repeat."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from harness.analysis.cells import Cell, Levels, declared_levels
from harness.stats.intervals import Bootstrap, Estimate, clustered_rate, estimate_of
from harness.stats.ratings.distribution import level_share
from harness.stats.ratings.matrix import rating_matrix
from harness.stats.ratings.means import mean_by, mean_estimate
from harness.stats.ratings.reliability import reliability

__all__ = ["RatingCell", "rating_cells"]


@dataclass(frozen=True)
class RatingCell:
    """A cell with all that is said of it.

    `quantities` are those of `harness.stats.ratings.reliability`; `shares` has one estimate a
    declared level; `by_origin` maps an origin to its mean on the template's scale and normalised.
    """

    cell: Cell
    levels: Levels | None
    quantities: dict[str, Estimate]
    normalised: Estimate
    shares: tuple[Estimate, ...]
    by_origin: dict[str, tuple[Estimate, Estimate]]

    @property
    def answers(self) -> int:
        """Answered questions."""
        return self.cell.frame.filter(pl.col("outcome") == "answered").height


def rating_cells(
    cells: Sequence[Cell], *, bootstrap: Bootstrap, step: Callable[[], None] = lambda: None
) -> list[RatingCell]:
    """Everything about each cell; `step` is called after each."""
    done = []
    for cell in cells:
        levels = declared_levels(cell)
        done.append(
            RatingCell(
                cell=cell,
                levels=levels,
                quantities=reliability(
                    cell.frame, bootstrap=bootstrap, levels=levels.values if levels else None
                ),
                normalised=mean_estimate(cell.frame, bootstrap=bootstrap, column="normalised"),
                shares=_shares(cell, levels),
                by_origin=_by_origin(cell, bootstrap),
            )
        )
        step()
    return done


def _shares(cell: Cell, levels: Levels | None) -> tuple[Estimate, ...]:
    """Share of each declared level among answers, or its mean probability."""
    if levels is None:
        return ()
    if cell.key["readout"] == "logprobs":
        return _soft_shares(cell.frame, levels)
    values = rating_matrix(cell.frame).values
    return tuple(level_share(values, value) for value in levels.values)


def _soft_shares(frame: pl.DataFrame, levels: Levels) -> tuple[Estimate, ...]:
    answered = frame.filter(
        (pl.col("outcome") == "answered") & pl.col("probabilities").is_not_null()
    ).sort("item")
    rows = [json.loads(text) for text in answered["probabilities"]]
    table = np.array([[row.get(label, 0.0) for label in levels.labels] for row in rows])
    if not len(table):
        return tuple(clustered_rate(np.zeros(0), np.zeros(0)) for _ in levels.labels)
    items = answered["item"].rank("dense").to_numpy().astype(int) - 1
    counts = np.bincount(items).astype(float)
    return tuple(
        clustered_rate(np.bincount(items, column).astype(float), counts) for column in table.T
    )


def _by_origin(cell: Cell, bootstrap: Bootstrap) -> dict[str, tuple[Estimate, Estimate]]:
    frame = cell.frame.with_columns(pl.col("origin").fill_null("unknown"))
    both = [
        mean_by(frame, ["origin"], bootstrap=bootstrap, column=column)
        for column in ("value", "normalised")
    ]
    means = [{row["origin"]: estimate_of(row) for row in table.iter_rows(named=True)}
             for table in both]  # fmt: skip
    return {origin: (means[0][origin], means[1][origin]) for origin in sorted(means[0])}
