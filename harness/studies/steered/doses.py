"""Ratings by dose of each direction, in each place and cell, and what random ones do beside."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.stats.effects.dose import (
    AgainstRandom,
    against_random,
    item_slopes,
)
from harness.stats.intervals import FloatArray

__all__ = [
    "LEVELS",
    "NOTHING",
    "PLACES",
    "Dosed",
    "DosedRatings",
    "held_against",
    "is_random",
    "responses",
]

NOTHING = "nothing"
"""Where an unsteered cell is steered."""
PLACES = ("measurement", "completion", "both")
LEVELS = ("completed under", "measured under", "steered at", "direction", "dose")


@dataclass(frozen=True)
class DosedRatings:
    """Item means at each dose (items × doses) of one direction in one place and cell."""

    template: str
    persona: str
    context: str
    where: str
    direction: str
    values: FloatArray

    @property
    def bare(self) -> bool:
        """Without persona and context."""
        return self.persona == self.context == "none"


@dataclass(frozen=True)
class Dosed:
    """All responses, over common items and doses. `template` is each one's own."""

    items: tuple[str, ...]
    doses: tuple[float, ...]
    responses: Sequence[DosedRatings]

    @property
    def concept(self) -> list[DosedRatings]:
        """Those of the concept."""
        return [one for one in self.responses if not is_random(one.direction)]

    def randoms(self, where: str, template: str) -> list[DosedRatings]:
        """Those of random directions in one place, without persona and context."""
        return [
            one
            for one in self.responses
            if is_random(one.direction) and (one.where, one.template) == (where, template)
        ]


def is_random(direction: str) -> bool:
    """Whether it is a random direction, by its label."""
    return direction.startswith("random ")


_Key = tuple[str, str, str, str, str, float]


def responses(frame: pl.DataFrame) -> Dosed:
    """Item means by cell, gathered over doses, from records with their levels as columns.

    UsageError where no direction stands beside unsteered ratings.
    """
    names = ("template", *LEVELS)
    means = (
        frame.filter((pl.col("kind") == "rating") & (pl.col("outcome") == "answered"))
        .group_by(*names, "item")
        .agg(pl.col("value").mean())
    )
    items = tuple(sorted(means["item"].unique()))
    doses = tuple(sorted(means["dose"].unique()))
    place = {item: row for row, item in enumerate(items)}
    found: dict[_Key, FloatArray] = {}
    for key, part in means.partition_by(*names, as_dict=True).items():
        column = np.full(len(items), np.nan)
        column[[place[item] for item in part["item"]]] = part["value"].to_numpy()
        found[key] = column
    responses = []
    for key in sorted({key[:5] for key in found if key[3] != NOTHING}):
        base = found.get((*key[:3], NOTHING, "none", 0.0))
        if base is None:
            continue
        columns = [
            base if dose == 0 else found.get((*key, dose), np.full(len(items), np.nan))
            for dose in doses
        ]
        responses.append(DosedRatings(*key, np.column_stack(columns)))
    if not any(not is_random(one.direction) for one in responses):
        raise UsageError("steering-stated: no direction's ratings stand beside unsteered ones")
    return Dosed(items, doses, responses)


def held_against(one: DosedRatings, found: Dosed) -> AgainstRandom:
    """A direction's mean slope against those of the random directions in its place."""
    slopes = [
        float(np.nanmean(item_slopes(other.values, found.doses)))
        for other in found.randoms(one.where, one.template)
    ]
    own = float(np.nanmean(item_slopes(one.values, found.doses)))
    return against_random(own, np.array(slopes))
