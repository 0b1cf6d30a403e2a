"""What the comparison graph says of the fit."""

import numpy as np
import pytest

from harness.pairs.graphs import regular_pairs
from harness.stats.thurstone.comparisons import Comparisons, aggregate
from harness.stats.thurstone.graph import bottleneck


def of(pairs: list[tuple[int, int]]) -> Comparisons:
    first, second = np.array(pairs).T
    ones = np.ones(len(pairs))
    return aggregate([str(k) for k in range(100)], first, second, ones, 0 * ones)


@pytest.mark.parametrize("degree", [3, 5, 10, 28])
def test_random_graphs_have_no_bottleneck(degree: int) -> None:
    """However thin, a random graph hangs together evenly."""
    assert bottleneck(of(regular_pairs(100, degree, np.random.default_rng(degree)))) is None


@pytest.mark.parametrize("groups", [2, 3, 5])
def test_groups_with_few_bridges_are_seen(groups: int) -> None:
    """A twentieth of the pairs between groups."""
    rng = np.random.default_rng(groups)
    pairs: list[tuple[int, int]] = []
    while len(pairs) < 500:
        between = rng.random() < 0.05
        a, b = rng.integers(0, 100, 2).tolist()
        while a == b or (a % groups != b % groups) != between:
            a, b = rng.integers(0, 100, 2).tolist()
        pairs.append((a, b))
    found = bottleneck(of(pairs))
    assert found is not None and 0 < found < 0.1


def test_a_chain_of_neighbours_is_seen() -> None:
    """Only near neighbours compared."""
    pairs = [(a, b) for a in range(100) for b in range(a + 1, min(a + 6, 100))]
    assert bottleneck(of(pairs)) is not None


def test_a_lone_item_does_not_hide_a_chain() -> None:
    """An item without answers, and two that met only each other, leave the rest's connectivity
    as it is; two large parts without a path have none."""
    pairs = [(a, b) for a in range(90) for b in range(a + 1, min(a + 6, 90))]
    alone = bottleneck(of(pairs))
    assert alone is not None
    assert bottleneck(of([*pairs, (95, 96)])) == pytest.approx(alone, rel=1e-2)
    assert bottleneck(of([(a, b) for a, b in pairs if (a < 45) == (b < 45)])) is None
