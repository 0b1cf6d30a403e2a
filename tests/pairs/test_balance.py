"""Levels over pairs: every item meets every level about equally often, in each place."""

from collections import Counter

import numpy as np
import pytest

from harness.pairs.balance import Balance, spread_items
from harness.pairs.graphs import present, regular_pairs


def shown(items: int, degree: int, orders: str, seed: int = 0) -> list[list[tuple[str, str, int]]]:
    rng = np.random.default_rng(seed)
    pairs = present(regular_pairs(items, degree, rng), orders, rng)  # type: ignore[arg-type]
    return [[(str(a), str(b), 0) for a, b in pair] for pair in pairs]


@pytest.mark.parametrize("orders", ["both", "balanced"])
@pytest.mark.parametrize("sizes", [(4, 1), (1, 3), (4, 3), (8, 1)])
def test_balanced_within_item(orders: str, sizes: tuple[int, int]) -> None:
    """No item meets one level of a facet more than two times oftener than another, nor in one
    place more than three times."""
    pairs = shown(30, 12, orders)
    found = Balance(sizes).assign(pairs, np.random.default_rng(1))
    for facet, size in enumerate(sizes):
        count: Counter[tuple[str, int, int]] = Counter()
        for pair, levels in zip(pairs, found, strict=True):
            for (first, second, _), level in zip(pair, levels, strict=True):
                count[first, 0, level[facet]] += 1
                count[second, 1, level[facet]] += 1
        for item in map(str, range(30)):
            by_place = [[count[item, place, k] for k in range(size)] for place in (0, 1)]
            assert all(max(one) - min(one) <= 3 for one in by_place)
            both = np.array(by_place).sum(axis=0) / (2 if orders == "both" else 1)
            assert both.max() - both.min() <= 2


def test_levels_about_equal() -> None:
    """All levels are used about equally often, and combinations of two facets too."""
    pairs = shown(40, 10, "balanced")
    found = Balance((4, 3)).assign(pairs, np.random.default_rng(1))
    count = Counter(levels for pair in found for levels in pair)
    assert len(count) == 12
    assert max(count.values()) < 1.5 * min(count.values())


def test_batches_together() -> None:
    """Batches given one after another are balanced together, as one is."""
    pairs, balance = shown(20, 8, "balanced"), Balance((4, 1))
    rng = np.random.default_rng(0)
    found = [one for k in range(0, 80, 10) for one in balance.assign(pairs[k : k + 10], rng)]
    count: Counter[tuple[str, int]] = Counter()
    for pair, levels in zip(pairs, found, strict=True):
        for item in pair[0][:2]:
            count[item, levels[0][0]] += 1
    spread = [[count[str(i), k] for k in range(4)] for i in range(20)]
    assert max(max(one) - min(one) for one in spread) <= 3


def test_orders_share_a_level() -> None:
    """Both orders of a pair are asked under the same wording and context."""
    found = Balance((4, 3)).assign(shown(12, 4, "both"), np.random.default_rng(0))
    assert all(len(set(levels)) == 1 and len(levels) == 2 for levels in found)


def test_spread_items() -> None:
    """Items begin at every level about equally often."""
    starts = spread_items([str(k) for k in range(25)], (4, 3), np.random.default_rng(0))
    count = Counter(starts)
    assert len(count) == 12 and max(count.values()) - min(count.values()) <= 1
