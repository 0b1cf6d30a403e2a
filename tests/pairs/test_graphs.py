from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.pairs.graphs import all_pairs, connected, present, random_pairs, regular_pairs


@settings(deadline=None, max_examples=60)
@given(n=st.integers(4, 60), degree=st.integers(2, 7), seed=st.integers(0, 10**6))
def test_regular_graph_has_equal_degrees_and_is_simple(n: int, degree: int, seed: int) -> None:
    """Every item stands in `degree` pairs, one fewer for one item where n·degree is odd."""
    pairs = regular_pairs(n, degree, np.random.default_rng(seed))
    assert len(set(pairs)) == len(pairs)
    assert all(a < b for a, b in pairs)
    assert connected(n, pairs)
    counts = Counter(end for pair in pairs for end in pair)
    expected = min(degree, n - 1)
    short = [item for item in range(n) if counts[item] != expected]
    assert len(short) == (n * expected) % 2
    assert all(counts[item] == expected - 1 for item in short)


@settings(deadline=None, max_examples=60)
@given(n=st.integers(2, 40), seed=st.integers(0, 10**6), data=st.data())
def test_balanced_orders_put_each_item_first_as_often_as_second(
    n: int, seed: int, data: st.DataObject
) -> None:
    """|times first − times second| ≤ 1 for every item, whatever the pairs."""
    rng = np.random.default_rng(seed)
    count = data.draw(st.integers(0, n * (n - 1) // 2))
    pairs = random_pairs(n, count, rng)
    shown = present(pairs, "balanced", rng)
    assert [tuple(sorted(pair)) for [pair] in shown] == pairs
    first = Counter(pair[0] for [pair] in shown)
    second = Counter(pair[1] for [pair] in shown)
    assert all(abs(first[item] - second[item]) <= 1 for item in range(n))


def test_random_pairs_are_uniform_over_all_pairs() -> None:
    """Each of the pairs is drawn equally often (χ² within 5 standard deviations)."""
    rng = np.random.default_rng(3)
    counts = Counter(pair for _ in range(4000) for pair in random_pairs(7, 5, rng))
    assert set(counts) == set(all_pairs(7))
    expected = 4000 * 5 / 21
    chi2 = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi2 < 20 + 5 * np.sqrt(40)


def test_both_orders_of_a_pair_lie_together() -> None:
    """`both` gives each pair in both orders, side by side."""
    assert present([(0, 1)], "both", np.random.default_rng(0)) == [[(0, 1), (1, 0)]]
    assert present([(1, 0)], "first", np.random.default_rng(0)) == [[(1, 0)]]


def test_more_pairs_than_there_are_is_refused() -> None:
    """Asking for more pairs than exist raises and names both numbers."""
    with pytest.raises(ValueError, match="7 pairs of 4 items; there are 6"):
        random_pairs(4, 7, np.random.default_rng(0))
