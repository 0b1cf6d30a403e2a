"""The design study for ratings: levels of a facet and repeats for an interval of a given width.

An item's mean over L levels and r repeats of each has the error variance s²/L + noise/(L·r).
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["RatingProposal", "rating_study"]

LEVELS = (1, 2, 3, 4, 6, 8, 12, 16, 24)
MOST = 200
_Z = 1.959964


@dataclass(frozen=True, kw_only=True)
class RatingProposal:
    """`levels` with `seeds` repeats each, for every item: the half width of an item's 95 % interval
    on the normalised scale, the ratings of the whole design and their price."""

    items: int
    levels: int
    seeds: int
    half_width: float
    ratings: int
    price: float


def rating_study(
    width: float, *, items: int, facet: float, noise: float, price: float = 1.0
) -> list[RatingProposal]:
    """For each number of levels the fewest repeats that get there, cheapest first; numbers of
    levels that never do are left out. `facet` and `noise` are variances."""
    found = []
    for levels in LEVELS:
        room = (width / _Z) ** 2 - facet / levels
        seeds = max(1, int(np.ceil(noise / levels / room - 1e-9))) if room > 0 else MOST + 1
        if seeds > MOST:
            continue
        half = _Z * float(np.sqrt(facet / levels + noise / (levels * seeds)))
        ratings = items * levels * seeds
        found.append(
            RatingProposal(
                items=items,
                levels=levels,
                seeds=seeds,
                half_width=half,
                ratings=ratings,
                price=price * ratings,
            )
        )
    return sorted(found, key=lambda one: one.price)
