"""Pairwise choices as arrays: the input of every fit.

One row holds all comparisons of one *ordered* pair (who was shown first matters) in one position
group. Counts are real, so that soft counts (probabilities) work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Comparisons", "FloatArray", "IntArray", "aggregate", "in_order", "sums"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def sums(index: npt.NDArray[Any], values: npt.NDArray[Any], size: int) -> FloatArray:
    """(size,) the sum of `values` at each `index` 0…size − 1."""
    return np.asarray(np.bincount(index, values, size), float)


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Aggregated comparisons among n items, m rows sorted by (first, second, group).

    `first`, `second`: (m,) item indices as shown. `wins`, `losses`: (m,) real counts of the first
    being chosen and not chosen. `group`: (m,) index into `groups`, the names of the position
    effects. `soft`: some counts are probabilities of single questions rather than counts of
    answers, so that the binomial variance is not theirs. `outcomes`: how many questions ended how,
    the unanswered ones too. `parts`: a name an item of the group (say, the origin) that it is of,
    "" where that is not known, or nothing at all.
    """

    items: tuple[str, ...]
    first: IntArray
    second: IntArray
    wins: FloatArray
    losses: FloatArray
    group: IntArray
    groups: tuple[str, ...] = ("all",)
    soft: bool = False
    outcomes: dict[str, float] = field(default_factory=dict)
    parts: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.items)

    @property
    def total(self) -> float:
        """Number of comparisons, counts summed."""
        return float(self.wins.sum() + self.losses.sum())

    def per_item(self) -> FloatArray:
        """(n,) comparisons each item stood in."""
        count = self.wins + self.losses
        return sums(self.first, count, self.n) + sums(self.second, count, self.n)

    def pair_index(self) -> tuple[IntArray, IntArray]:
        """Keys low·n + high of the unordered pairs, (pairs,), and each row's index into them."""
        low, high = np.minimum(self.first, self.second), np.maximum(self.first, self.second)
        keys, index = np.unique(low * self.n + high, return_inverse=True)
        return keys.astype(np.int64), index.astype(np.int64)

    def rows(self, keep: npt.NDArray[np.bool_]) -> "Comparisons":
        """The rows where `keep` (m,) holds; items and groups stay."""
        return Comparisons(
            self.items,
            self.first[keep],
            self.second[keep],
            self.wins[keep],
            self.losses[keep],
            self.group[keep],
            self.groups,
            self.soft,
            self.outcomes,
            self.parts,
        )

    def without_items(self, items: Sequence[str]) -> "Comparisons":
        """Comparisons among the other items; the items named leave the fit altogether."""
        drop = set(items)
        keep = np.array([item not in drop for item in self.items], dtype=bool)
        new_index = np.cumsum(keep) - 1
        rows = self.rows(keep[self.first] & keep[self.second])
        left = aggregate(
            [item for item in self.items if item not in drop],
            new_index[rows.first],
            new_index[rows.second],
            rows.wins,
            rows.losses,
            group=rows.group,
            groups=self.groups,
            soft=self.soft,
            outcomes=self.outcomes,
        )
        parts = [part for part, kept in zip(self.parts, keep, strict=False) if kept]
        return replace(left, parts=tuple(parts))


def aggregate(
    items: Sequence[str],
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    wins: npt.ArrayLike,
    losses: npt.ArrayLike,
    *,
    group: npt.ArrayLike | None = None,
    groups: Sequence[str] = ("all",),
    soft: bool = False,
    outcomes: dict[str, float] | None = None,
) -> Comparisons:
    """Sum the counts of equal (first, second, group) and sort.

    `first`, `second`, `wins`, `losses`, `group`: one entry a comparison, indices into `items` and
    `groups`. ValueError for an item compared with itself or a count that is negative or not
    finite.
    """
    f, s = np.asarray(first, np.int64).ravel(), np.asarray(second, np.int64).ravel()
    w, lost = np.asarray(wins, float).ravel(), np.asarray(losses, float).ravel()
    g = np.zeros(len(f), np.int64) if group is None else np.asarray(group, np.int64).ravel()
    _check(items, f, s, w, lost)
    n, k = max(len(items), 1), len(groups)
    key = (f * n + s) * k + g
    if len(key) and (np.diff(key) > 0).all():
        return Comparisons(
            tuple(items), f, s, w, lost, g, tuple(groups), soft, dict(outcomes or {})
        )
    order, key = in_order(key, n * n * k)
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else order
    unique = key[starts]
    return Comparisons(
        tuple(items),
        unique // k // n,
        unique // k % n,
        _sum_runs(w[order], starts),
        _sum_runs(lost[order], starts),
        unique % k,
        tuple(groups),
        soft,
        dict(outcomes or {}),
    )


def in_order(key: IntArray, limit: int) -> tuple[IntArray, IntArray]:
    """The stable order of keys below `limit`, and the keys in it."""
    bits = len(key).bit_length()
    if limit.bit_length() + bits > 63:
        order = np.argsort(key, kind="stable")
        return order, key[order]
    # Numbers are sorted several times as fast as places: each key takes its place along.
    both = np.sort((key << bits) | np.arange(len(key)))
    return both & ((1 << bits) - 1), both >> bits


def _sum_runs(values: FloatArray, starts: npt.NDArray[Any]) -> FloatArray:
    return np.add.reduceat(values, starts) if len(starts) else values


def _check(
    items: Sequence[str], first: IntArray, second: IntArray, wins: FloatArray, losses: FloatArray
) -> None:
    same = np.flatnonzero(first == second)
    if len(same):
        raise ValueError(f"item {items[first[same[0]]]!r} is compared with itself")
    for counts in (wins, losses):
        bad = np.flatnonzero(~(np.isfinite(counts) & (counts >= 0)))
        if len(bad):
            raise ValueError(f"count {counts[bad[0]]}; expected a finite number, 0 or more")
