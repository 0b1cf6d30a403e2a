"""Which level of a facet (wording, context) each pair is asked under: balanced by construction.

Every item meets every level as often as any other, give or take one or two, in first and in second
place apart; and levels of two facets meet each other likewise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from harness.pairs.presentations import Shown

__all__ = ["Balance", "Levels", "spread_items"]

_PASSES = 3
"""After the first: each pair is taken out once more and put where it fits best."""

Levels = tuple[int, int]
"""Index of the wording and of the context."""


@dataclass(eq=False)
class Balance:
    """Keeps count over all calls, so that a campaign's batches are balanced together.

    `sizes` are the numbers of wordings and contexts (1 where a facet has none).
    """

    sizes: tuple[int, int]
    _counts: dict[tuple[str, int], npt.NDArray[np.int64]] = field(default_factory=dict)

    def assign(
        self, pairs: Sequence[Sequence[Shown]], rng: np.random.Generator
    ) -> list[list[Levels]]:
        """Levels of each presentation; those of one pair (its two orders) share them."""
        found: list[Levels] = [(0, 0)] * len(pairs)
        for turn in range(1 + _PASSES):
            moved = False
            for k in rng.permutation(len(pairs)).tolist():
                if turn:
                    self._add(pairs[k], found[k], -1)
                best = self._best(pairs[k], rng)
                moved = moved or best != found[k]
                found[k] = best
                self._add(pairs[k], best, 1)
            if not moved:
                break
        return [[levels] * len(pair) for levels, pair in zip(found, pairs, strict=True)]

    def _best(self, pair: Sequence[Shown], rng: np.random.Generator) -> Levels:
        cost = np.zeros(self.sizes)
        for first, second, _ in pair:
            for place, item in enumerate((first, second)):
                # Wordings and contexts each for themselves first, in the place and in both; then
                # how they meet.
                here, there = self._count(item, place), self._count(item, 1 - place)
                count = here + 0.7 * there
                cost += count.sum(axis=1, keepdims=True) + count.sum(axis=0, keepdims=True)
                cost += 0.1 * here
        low = np.flatnonzero(cost.ravel() <= cost.min() + 1e-9)
        at = int(low[rng.integers(len(low))])
        return at // self.sizes[1], at % self.sizes[1]

    def _count(self, item: str, place: int) -> npt.NDArray[np.int64]:
        key = (item, place)
        if key not in self._counts:
            self._counts[key] = np.zeros(self.sizes, np.int64)
        return self._counts[key]

    def _add(self, pair: Sequence[Shown], levels: Levels, by: int) -> None:
        for first, second, _ in pair:
            self._count(first, 0)[levels] += by
            self._count(second, 1)[levels] += by


def spread_items(
    items: Sequence[str], sizes: tuple[int, int], rng: np.random.Generator
) -> list[Levels]:
    """Levels at which each item's repeats begin: all about equally often."""
    cells = sizes[0] * sizes[1]
    order = rng.permutation(len(items))
    found: list[Levels] = [(0, 0)] * len(items)
    for rank, at in enumerate(order.tolist()):
        cell = rank % cells
        found[at] = cell // sizes[1], cell % sizes[1]
    return found
