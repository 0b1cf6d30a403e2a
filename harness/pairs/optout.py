"""Questions that set items against the opt-out: which items, in both orders."""

from collections.abc import Sequence

import numpy as np

from harness.items.optout import OPTOUT
from harness.pairs.presentations import Shown

__all__ = ["optout_pairs"]


def optout_pairs(
    items: Sequence[str], questions: int, rng: np.random.Generator, *, since: int = 0
) -> list[list[Shown]]:
    """About `questions` questions, two an item (both orders), items and the opt-out's wordings in
    turn.

    `since` is how many of these pairs there were before: they go on in the same turn, which `rng`
    draws (so that it must be the same each time).
    """
    order = rng.permutation(len(items)).tolist()
    found = []
    for k in range(since, since + questions // 2):
        item = items[order[k % len(items)]]
        again = k // len(items)
        out = OPTOUT[(k + again) % len(OPTOUT)].id
        seen = again // len(OPTOUT)
        found.append([(item, out, seen), (out, item, seen)])
    return found
