"""Attitude and coherence of open answers by dose, and the slope over the doses that count."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.stats.effects.dose import slope_weights, weighted_sum
from harness.stats.intervals import Estimate, clustered_rate, undefined

__all__ = ["NONE", "OWN", "RANGES", "DosedScores", "Kind", "dosed"]

OWN = "own"
"""The layer that a vector names itself."""
NONE = "none"
Kind = Literal["attitude", "coherence"]
RANGES: Mapping[Kind, tuple[float, float]] = {"attitude": (-1.0, 1.0), "coherence": (0.0, 1.0)}


@dataclass(frozen=True)
class DosedScores:
    """One direction at one layer: by dose, attitude of coherent answers and coherence of all."""

    direction: str
    layer: str
    doses: tuple[float, ...]
    attitude: tuple[Estimate, ...]
    coherence: tuple[Estimate, ...]
    counts: tuple[tuple[int, int], ...]
    gate: float

    @property
    def random(self) -> bool:
        """Whether it is a random direction."""
        return self.direction.startswith("random ")

    @property
    def counted(self) -> list[int]:
        """Places of the doses whose answers are coherent enough."""
        return [
            place
            for place, (one, other) in enumerate(zip(self.coherence, self.attitude, strict=True))
            if one.estimate >= self.gate and np.isfinite(other.estimate)
        ]

    @property
    def slope(self) -> Estimate:
        """Attitude per unit of dose over the doses that count."""
        places = self.counted
        if len(places) < 2:
            return undefined("answers are coherent at fewer than two doses")
        weights = slope_weights([self.doses[place] for place in places])
        return weighted_sum([self.attitude[place] for place in places], weights.tolist())


def _scored(cell: pl.DataFrame, kind: Kind) -> Estimate:
    """Mean of scores in a range, with Wilson's interval at the scores' own spread over seeds:
    answers to two questions that were drawn with one seed may be alike."""
    low, high = RANGES[kind]
    by_seed = (
        cell.filter(pl.col(kind).is_not_null())
        .group_by("seed")
        .agg(((pl.col(kind) - low) / (high - low)).sum().alias("sum"), pl.len().alias("count"))
        .sort("seed")
    )
    if not by_seed.height:
        return undefined("no answers")
    found = clustered_rate(
        by_seed["sum"].to_numpy().astype(np.float64),
        by_seed["count"].to_numpy().astype(np.float64),
    )
    back = [low + (high - low) * one for one in (found.estimate, found.low, found.high)]
    return msgspec.structs.replace(
        found, estimate=back[0], low=back[1], high=back[2], n=int(by_seed["count"].sum())
    )


def dosed(table: pl.DataFrame, gate: float) -> list[DosedScores]:
    """Scores by dose of each direction at each layer. UsageError without unsteered answers."""
    base = table.filter(pl.col("direction") == NONE)
    if not base.height:
        raise UsageError("steering-open-ended: no unsteered answers in these logs")
    found = []
    steered = table.filter(pl.col("direction") != NONE)
    for (direction, layer), part in sorted(
        steered.partition_by("direction", "layer", as_dict=True).items(), key=str
    ):
        cells = {0.0: base} | {
            float(str(dose)): cell
            for (dose,), cell in part.partition_by("dose", as_dict=True).items()
        }
        doses = tuple(sorted(cells))
        found.append(
            DosedScores(
                str(direction),
                str(layer),
                doses,
                tuple(_scored(cells[dose], "attitude") for dose in doses),
                tuple(_scored(cells[dose], "coherence") for dose in doses),
                tuple(
                    (cells[dose].height, cells[dose]["attitude"].drop_nulls().len())
                    for dose in doses
                ),
                gate,
            )
        )
    return found
