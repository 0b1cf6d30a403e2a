"""Choices that say where nothing is better: the input of the fit with a zero.

Utilities have no zero of their own, and four kinds of answers give one:

* `optout`: an item against the opt-out (no task, the conversation ends), as against any item;
* `neither`: a choice between two items that offers an outside option beside them;
* `yes_no`: would you take this task? The item against its being left, without a position;
* an item of the data, by name.

`indifferent` answers give none, but belong to the same model: a threshold on the difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.stats.thurstone.comparisons import IntArray

__all__ = ["OPTOUT", "ZEROS", "ZeroAnswers", "zero_answers"]

OPTOUT = "optout"
ZEROS = (OPTOUT, "neither", "yes_no")
"""Zeros with a utility of their own, which is no item's."""


@dataclass(frozen=True, eq=False)
class ZeroAnswers:
    """One entry an answer. `first`, `second` (m,) index `items`, or, from len(items) on, `zeros`.
    `said` (m,) is 1 for the first, −1 for the second, 0 for the third answer. `third` (m,) is the
    index of the zero that stood beside both (answers with ``neither``), −1 without; `threshold`
    (m,) whether being indifferent was an answer; `placed` (m,) is 1 where one stood first. `groups`
    are one an item, "" where unknown."""

    items: tuple[str, ...]
    zeros: tuple[str, ...]
    groups: tuple[str, ...]
    first: IntArray
    second: IntArray
    said: IntArray
    third: IntArray
    threshold: npt.NDArray[np.bool_]
    placed: IntArray


def zero_answers(
    items: Sequence[str],
    groups: Sequence[str],
    *,
    first: Sequence[str],
    second: Sequence[str],
    said: Sequence[int],
    third: Sequence[str],
) -> ZeroAnswers:
    """From names: an item's, or a zero's (`ZEROS`) as `second` of a ``yes_no`` and as either of an
    ``optout``. `third` is the third answer that was offered: ``neither``, ``indifferent`` or ""."""
    used = {*first, *second, *third}
    zeros = tuple(name for name in ZEROS if name in used and name not in items)
    index = {name: k for k, name in enumerate((*items, *zeros))}
    f = np.array([index[name] for name in first], np.int64)
    s = np.array([index[name] for name in second], np.int64)
    beside = [index["neither"] if name == "neither" else -1 for name in third]
    taken = np.array([name == "yes_no" for name in second], bool)
    return ZeroAnswers(
        items=tuple(items),
        zeros=zeros,
        groups=tuple(groups),
        first=f,
        second=s,
        said=np.array(said, np.int64),
        third=np.array(beside, np.int64),
        threshold=np.array([name == "indifferent" for name in third], bool),
        placed=np.where(taken, 0, 1).astype(np.int64),
    )
