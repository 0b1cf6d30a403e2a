"""A slope by dose beside those of random directions: its columns, its row, and its sentence."""

import math
from collections.abc import Mapping

from harness.report.parts.table import Column
from harness.report.parts.wording import shown
from harness.stats.effects.dose import AgainstRandom
from harness.stats.intervals import Estimate

__all__ = ["SLOPE_COLUMNS", "slope_row", "slope_words"]

SLOPE_COLUMNS = (
    Column("slope", "per unit of dose"),
    Column("p_random", "p against random", "p"),
    Column("band", "random, 95 % within ±", "number"),
    Column("directions", "random directions", "count"),
)


def slope_row(slope: Estimate, beside: AgainstRandom | None) -> dict[str, object]:
    """Values of `SLOPE_COLUMNS`; None beside a slope for which no random direction was asked."""
    return {
        "slope": slope,
        "p_random": None if beside is None else beside.p,
        "band": None if beside is None else beside.band,
        "directions": None if beside is None else beside.directions,
    }


def slope_words(row: Mapping[str, object], over: str) -> str:
    """The slope of a row with random directions beside it; `over` says what it is reckoned from."""
    slope, p = row["slope"], row["p_random"]
    assert isinstance(slope, Estimate) and isinstance(p, float)
    if not math.isfinite(slope.estimate):
        return f"no slope ({slope.note or 'not defined'})."
    said = f"{shown(slope)} per unit of dose {over}"
    if not math.isfinite(p):
        return f"{said}; only {row['directions']} random directions have a slope to set beside it."
    return (
        f"{said}; {row['directions']} random directions of the same norm stay within ± "
        f"{shown(row['band'], 'number')} in 95 of 100, p = {p:.2g}."
    )
