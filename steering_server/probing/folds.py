"""Which items are held out together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.errors import UsageError
from steering_server.probing.ridge import Indices

__all__ = ["Design", "Folds", "item_folds", "origin_folds"]

Design = Literal["items", "origins"]

_INNER = 5
"""Inner folds. More would take longer and choose the same penalty: the grid is coarse."""


@dataclass(frozen=True, eq=False)
class Folds:
    """`of` [items] is the fold that each item is held out in, `inner` [folds] the groups, within
    the items that are left, by which the penalty is chosen (numbers among those items)."""

    design: Design
    of: Indices
    inner: tuple[tuple[Indices, ...], ...]

    @property
    def count(self) -> int:
        """Number of folds."""
        return len(self.inner)

    def train(self, fold: int) -> Indices:
        """Items that are not in `fold`."""
        return np.flatnonzero(self.of != fold)

    def test(self, fold: int) -> Indices:
        """Items in `fold`."""
        return np.flatnonzero(self.of == fold)


def item_folds(origins: Sequence[str], count: int, rng: np.random.Generator) -> Folds:
    """Items in `count` folds that each have their share of every origin. UsageError where an item
    would be predicted from too few others."""
    if len(origins) < 4 * count:
        raise UsageError(
            f"{len(origins)} items with a target; {count} folds need at least {4 * count}"
        )
    of = _stratified(origins, count, rng)
    inner = tuple(_groups(origins, np.flatnonzero(of != fold), rng) for fold in range(count))
    return Folds("items", of, inner)


def origin_folds(origins: Sequence[str], rng: np.random.Generator) -> Folds | None:
    """Each origin held out as a whole; None where there is one origin alone, or one with fewer
    than three items, within which nothing correlates."""
    names = sorted(set(origins))
    of = np.array([names.index(origin) for origin in origins])
    if len(names) < 2 or np.bincount(of).min() < 3:
        return None
    inner = []
    for fold in range(len(names)):
        train = np.flatnonzero(of != fold)
        if len(names) > 3:
            # As the items will be held out: what carries over to an origin that was not seen.
            inner.append(tuple(np.flatnonzero(of[train] == one) for one in np.unique(of[train])))
        else:
            inner.append(_groups(origins, train, rng))
    return Folds("origins", of, tuple(inner))


def _stratified(origins: Sequence[str], count: int, rng: np.random.Generator) -> Indices:
    """A fold for each item; within an origin, and over all, fold sizes differ by at most one."""
    order = rng.permutation(len(origins))
    order = order[np.argsort(np.array(origins)[order], kind="stable")]
    of = np.empty(len(origins), dtype=np.int64)
    of[order] = np.arange(len(origins)) % count
    return of


def _groups(
    origins: Sequence[str], train: Indices, rng: np.random.Generator
) -> tuple[Indices, ...]:
    of = _stratified([origins[index] for index in train], min(_INNER, len(train)), rng)
    return tuple(np.flatnonzero(of == group) for group in range(of.max() + 1))
