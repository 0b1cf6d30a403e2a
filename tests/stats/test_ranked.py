"""Changes beside random directions: means, orders, ranks."""

import numpy as np
import pytest

from harness.stats.effects.ranked import mean_change, orders_apart, rank_p


def test_the_position_effect_is_split_off() -> None:
    """Logits content ± position, from both orders, give both back."""
    content, position = np.array([0.3, -1.0]), np.array([2.0, 1.5])
    found = orders_apart(content + position, content - position)
    assert np.allclose(found, (content, position))


def test_p_is_uniform_where_all_are_exchangeable() -> None:
    """Of one among 39 others drawn alike, p ≤ .05 in 2 of 40 ranks; R = 2 000, seeds 0 …: within
    3 standard errors (.0049)."""
    under = [
        rank_p(own, others) <= 0.05
        for seed in range(2000)
        for own, *others in [np.random.default_rng(seed).standard_normal(40)]
    ]
    assert np.mean(under) == pytest.approx(0.05, abs=3 * 0.0049)


def test_p_counts_either_way_and_ties() -> None:
    """Two-sided; a direction that moves exactly as much counts against the vector."""
    assert rank_p(-1.0, [0.5, 0.2, -0.3]) == pytest.approx(1 / 4)
    assert rank_p(1.0, [-1.0, 0.2, 3.0]) == pytest.approx(3 / 4)


def test_the_interval_of_a_change_holds_it() -> None:
    """Against the first direction, in 95 % of R = 400 simulated tables of 40 units (3 SE: .033)."""
    held = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        base = rng.standard_normal((40, 1))
        values = base + np.array([0.0, 0.2]) + 0.5 * rng.standard_normal((40, 2)) * [0, 1]
        mean, low, high = mean_change(values)
        assert mean[0] == low[0] == high[0] == 0
        held.append(low[1] <= 0.2 <= high[1])
    assert np.mean(held) == pytest.approx(0.95, abs=0.033)
    assert np.isnan(mean_change(np.ones((1, 2)))[1]).all()
