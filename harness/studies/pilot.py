"""Spreads of ratings from a pilot or an earlier run, from which a plan reckons what it can find."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.records.logs import read_records
from harness.records.pooling import IDENTITY
from harness.stats.effects.power import Spread, effect_spread, spread_of
from harness.stats.intervals import FloatArray
from harness.stats.ratings.matrix import matched_matrices, rating_matrix

__all__ = ["ASSUMED", "Piloted", "read_pilot", "spread_from"]

ASSUMED = Spread(items=0.25, repeats=0.15, effect=0.12)
"""Standard deviations on the normalised scale, where no earlier run says better: between items,
between repeats of one, and of a condition's effect over items. Assumptions, not measurements:
wide ones, so that a plan promises too little rather than too much."""

_LEAST = 4
"""Items below which a cell says nothing of its spread."""


class Piloted(msgspec.Struct, frozen=True, kw_only=True):
    """Spreads, and in `words` where each comes from."""

    spread: Spread
    words: str


def read_pilot(logs: Sequence[Path]) -> Piloted:
    """Spreads of the ratings in logs; UsageError where there are none."""
    return spread_from(read_records(logs).frame)


def spread_from(frame: pl.DataFrame) -> Piloted:
    """Spreads on the normalised scale over the cells of a record table, by root mean squares.

    An effect's spread is over pairs of cells of one rater and template that share their items;
    where there is no such pair, or no item has two ratings, that spread is the assumed one, and
    `words` says so. UsageError where no cell has four rated items.
    """
    cells = _cells(frame)
    found = [spread_of(rating_matrix(cell, column="normalised").values, effect=0.0)
             for cell in cells]  # fmt: skip
    known = [one for one in found if math.isfinite(one.items)]
    if not known:
        raise UsageError(
            f"no ratings of {_LEAST} items or more in the pilot; it says nothing of spreads"
        )
    repeats = _mean_square([one.repeats for one in known])
    effects = [effect_spread(one, other) for one, other in _pairs(cells)]
    effect = _mean_square(effects)
    taken = {"items": _mean_square([one.items for one in known]), "repeats": repeats}
    taken["effect"] = effect
    assumed = [name for name, value in taken.items() if not math.isfinite(value)]
    spread = Spread(
        **{name: getattr(ASSUMED, name) if name in assumed else taken[name] for name in taken}
    )
    words = f"from {len(known)} cells of the pilot"
    if assumed:
        words += f", but {' and '.join(assumed)} assumed (it has "
        words += "one rating an item)" if "repeats" in assumed else "one condition a rater)"
    return Piloted(spread=spread, words=words)


def _cells(frame: pl.DataFrame) -> list[pl.DataFrame]:
    ratings = frame.filter(pl.col("kind") == "rating", pl.col("normalised").is_not_null())
    keys = [name for name in IDENTITY if name in ratings.columns]
    parts = ratings.partition_by(keys) if ratings.height else []
    return [part for part in parts if part["item"].n_unique() >= _LEAST]


def _pairs(cells: Sequence[pl.DataFrame]) -> list[tuple[FloatArray, FloatArray]]:
    """Ratings of two cells of one rater and template on their common items."""
    pairs = []
    for one, other in itertools.combinations(cells, 2):
        names = ("rater", "template", "timing")
        if one.select(names).row(0) != other.select(names).row(0):
            continue
        items, (left, right) = matched_matrices([one, other], column="normalised")
        if len(items) >= _LEAST:
            pairs.append((left, right))
    return pairs


def _mean_square(values: Sequence[float]) -> float:
    finite = np.array([value for value in values if math.isfinite(value)])
    return float(np.sqrt(np.mean(finite**2))) if len(finite) else math.nan
