"""What the comparison graph says of the fit."""

import numpy as np
import pytest

from harness.pairs.graphs import regular_pairs
from harness.stats.thurstone.comparisons import Comparisons, aggregate
from harness.stats.thurstone.graph import bottleneck, bridges
from harness.stats.thurstone.ranking import tied_together


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


def halves(bridges: int, items: int = 40, degree: int = 8) -> Comparisons:
    """Two halves, each with a random graph, and so many pairs between them."""
    rng = np.random.default_rng(bridges)
    one = np.array(regular_pairs(items // 2, degree, rng))
    across = np.stack([rng.permutation(items // 2)[:bridges] for _ in range(2)], axis=1)
    pairs = np.concatenate([one, one + items // 2, across + np.array([0, items // 2])])
    won = rng.integers(0, 2, len(pairs)).astype(float)
    return aggregate([str(k) for k in range(items)], *pairs.T, won, 1 - won)


@pytest.mark.parametrize("items", [40, 200])
@pytest.mark.parametrize("few", [1, 2, 3, 4, 6])
def test_bridges_are_counted(few: int, items: int) -> None:
    """The pairs between two halves are counted, and with fewer than four no rank correlation is
    expected of the whole, whatever prior the halves have."""
    data = halves(few, items)
    assert bridges(data) == few
    assert tied_together(data, own_means=True) == (few >= 4 and (bottleneck(data) or 1) >= 0.01)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("items", "degree"), [(80, 12), (300, 14), (700, 30)])
def test_a_random_graph_has_no_bottleneck(items: int, degree: int, seed: int) -> None:
    """Nor bridges; and one of the same density in two halves has both."""
    rng = np.random.default_rng(seed)
    pairs = np.array(regular_pairs(items, degree, rng))
    data = aggregate(
        [str(k) for k in range(items)], *pairs.T, np.ones(len(pairs)), np.zeros(len(pairs))
    )
    assert bottleneck(data) is None and bridges(data) is None
    assert bottleneck(halves(seed + 1, items, degree)) is not None
