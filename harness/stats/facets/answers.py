"""Choices under several wordings, contexts, …: the input of the joint fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.stats.thurstone.comparisons import Comparisons, IntArray, aggregate

__all__ = ["FacetAnswers", "facet_answers"]


@dataclass(frozen=True, eq=False)
class FacetAnswers:
    """Comparisons whose `group` is a combination of levels, one level a facet.

    `facets` are names (F of them), `levels` the names of each facet's levels, and `combos` (G, F)
    the level's index in each facet of every group of `data`.
    """

    data: Comparisons
    facets: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    combos: IntArray

    @property
    def level(self) -> IntArray:
        """(m, F) each row's level in each facet."""
        return self.combos[self.data.group]


def facet_answers(
    items: Sequence[str],
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    wins: npt.ArrayLike,
    losses: npt.ArrayLike,
    *,
    levels: Sequence[Sequence[str]],
    facets: Sequence[str],
) -> FacetAnswers:
    """Sum the counts of equal pairs as shown under equal levels.

    `first`, `second`: indices into `items`, one entry a comparison; `wins`, `losses`: the first
    chosen and not. `levels`: for each facet the name of every comparison's level. ValueError as
    `aggregate`.
    """
    names, codes = [], []
    for column in levels:
        found, code = np.unique(np.asarray(column, str), return_inverse=True)
        names.append(tuple(map(str, found)))
        codes.append(code.ravel())
    size = len(np.asarray(first).ravel())
    table = np.stack(codes, axis=1) if codes else np.zeros((size, 0), np.int64)
    combos, group = np.unique(table, axis=0, return_inverse=True)
    labels = [" × ".join(names[f][k] for f, k in enumerate(row)) or "all" for row in combos]
    data = aggregate(
        items, first, second, wins, losses, group=group.ravel(), groups=labels or ("all",)
    )
    return FacetAnswers(data, tuple(facets), tuple(names), combos.astype(np.int64))
