"""Which items a campaign sets against the opt-out: those near it, which tell most of where it lies.

An answer about an item far above or below is known beforehand. Once there are answers, the
opt-out's utility c is where they are likeliest given the utilities of the last fit, and items are
taken from the nearest `NEAR` of all, those asked least first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.items.optout import OPTOUT, OPTOUT_ORIGIN
from harness.pairs.presentations import Shown
from harness.records.record import Record
from harness.stats.thurstone.comparisons import FloatArray, IntArray
from harness.stats.thurstone.links import Probit

__all__ = ["Against", "zero_of"]

NEAR = 0.4
"""Share of the items: fewer would rest the zero on a handful, more would ask what is known."""


@dataclass(eq=False)
class Against:
    """Keeps what was asked, over `items`; `seed` draws their turn while nothing is known."""

    items: Sequence[str]
    seed: int
    pairs: int = 0
    _asked: dict[str, int] = field(default_factory=dict)

    def next(
        self, count: int, utilities: FloatArray | None, effect: float, records: Sequence[Record]
    ) -> list[list[Shown]]:
        """`count` pairs of an item and the opt-out, each in both orders; `utilities` (n,) and the
        position `effect` are of the last fit (None before), `records` all so far."""
        turn = np.random.default_rng((self.seed, 17)).permutation(len(self.items))
        zero = None if utilities is None else self._zero(utilities, effect, records)
        near = np.arange(len(self.items))
        if zero is not None and utilities is not None:
            away = np.abs(np.round(utilities - zero, 6))
            near = np.argsort(away, kind="stable")[: max(1, round(NEAR * len(away)))]
        found = []
        for _ in range(count):
            asked = [self._asked.get(self.items[int(k)], 0) for k in near]
            at = int(near[min(range(len(near)), key=lambda j: (asked[j], turn[near[j]]))])
            found.append(self._pair(self.items[at]))
        self.pairs += count
        return found

    def _pair(self, item: str) -> list[Shown]:
        before = self._asked.get(item, 0)
        self._asked[item] = before + 1
        own = self.items.index(item)
        out = OPTOUT[(own + before) % len(OPTOUT)].id
        seen = before // len(OPTOUT)
        return [(item, out, seen), (out, item, seen)]

    def _zero(
        self, utilities: FloatArray, effect: float, records: Sequence[Record]
    ) -> float | None:
        index = {item: k for k, item in enumerate(self.items)}
        rows = []
        for one in records:
            if one.zero != "optout" or one.outcome != "answered":
                continue
            first = one.origin_second == OPTOUT_ORIGIN
            item = one.item_first if first else one.item_second
            won = (one.choice == "first") == first
            rows.append((index[str(item)], 1 if won else -1, 1 if first else -1))
        if not rows:
            return None
        at, said, place = np.array(rows, np.int64).T
        return zero_of(utilities[at], said, place, effect)


def zero_of(utilities: FloatArray, said: IntArray, place: IntArray, effect: float) -> float:
    """The opt-out's utility given those of the items asked about, (m,); `said` is 1 where the item
    was chosen, `place` where it stood first, else −1. A wide normal about their mean keeps it
    finite."""
    centre, zero = float(utilities.mean()), float(utilities.mean())
    for _ in range(50):
        eta = said * (utilities - zero + place * effect) / np.sqrt(2)
        _, slope, curvature = Probit().terms(eta)
        gradient = -float(said @ slope) / np.sqrt(2) - (zero - centre) / 9
        step = gradient / (float(curvature.sum()) / 2 + 1 / 9)
        zero += float(np.clip(step, -1, 1))
        if abs(step) < 1e-8:
            break
    return zero
