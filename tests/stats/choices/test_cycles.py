"""Circular triads against planted preferences."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from harness.records.record import Record, frame
from harness.stats.choices.cycles import circular, cycles, triads
from harness.stats.intervals import FloatArray

ITEMS = tuple(f"i{number}" for number in range(9))


def answers(wins: FloatArray, *, repeats: int = 2, orders: int = 2, seed: int = 0) -> pl.DataFrame:
    """Each pair of items chosen between `repeats` times an order; `wins` is P(row beats column)."""
    rng = np.random.default_rng(seed)
    rows = []
    for a, b in combinations(range(len(wins)), 2):
        for first, second in ((a, b), (b, a))[:orders]:
            for repeat in range(repeats):
                won = rng.random() < wins[first, second]
                rows.append(
                    Record(
                        kind="choice", template="simple_preference", template_hash="h",
                        prompt_hash="p", timing="post", response="plain", readout="sample",
                        labels="A,B", rater="r", completer="r", outcome="answered",
                        item_first=ITEMS[first], item_second=ITEMS[second], repeat=repeat, log="l",
                        choice="first" if won else "second",
                    )
                )  # fmt: skip
    return frame(rows)


def by_utility(values: FloatArray) -> FloatArray:
    found: FloatArray = ndtr((values[:, None] - values[None, :]) / np.sqrt(2))
    return found


def test_a_ring_of_preferences_is_seen_and_no_utility_explains_it() -> None:
    """Three groups, each of which beats the next: no order of items gives that, noise neither."""
    group = np.arange(9) % 3
    wins = np.full((9, 9), 0.5)
    for a, b in combinations(range(9), 2):
        if group[a] != group[b]:
            ahead = (group[b] - group[a]) % 3 == 1
            wins[a, b], wins[b, a] = (0.95, 0.05) if ahead else (0.05, 0.95)
    found = cycles(answers(wins))
    assert found["cycles"].low > found["cycles_expected"].estimate
    assert found["cycles_excess"].low > 0
    assert found["cycles_excess"].estimate > 0.05


def test_a_firm_order_has_no_cycle() -> None:
    """Where the better item always wins nothing goes round; the interval still says that few
    triads were seen."""
    found = cycles(answers(by_utility(np.arange(9) * 20.0)))
    assert found["cycles"].estimate == 0 and 0 < found["cycles"].high < 0.3
    assert found["cycles_excess"].high < 0.3


def test_noise_alone_gives_the_planted_cycles_and_no_excess() -> None:
    """Over 40 simulations the mean share is the planted one, its interval holds it, and one
    utility an item explains all of it: seeds 0–39."""
    utilities = np.random.default_rng(7).normal(0, 1, 9)
    wins = by_utility(utilities)
    _, rows = triads(list(combinations(ITEMS, 2)))
    planted = float(circular(wins, rows).mean())
    found = [cycles(answers(wins, repeats=1, seed=seed)) for seed in range(40)]
    rates = np.array([one["cycles"].estimate for one in found])
    assert abs(rates.mean() - planted) < 2.5 * rates.std(ddof=1) / np.sqrt(40)
    inside = [one["cycles"].low <= planted <= one["cycles"].high for one in found]
    assert np.mean(inside) >= 0.9
    excess = np.array([one["cycles_excess"].estimate for one in found])
    assert abs(excess.mean()) < 0.02
    assert np.mean([one["cycles_excess"].low > 0.05 for one in found]) <= 0.05


def test_pairs_in_one_order_say_nothing_of_cycles() -> None:
    """Place would pass for preference; what is missing is said."""
    found = cycles(answers(by_utility(np.arange(9.0)), orders=1))
    assert np.isnan(found["cycles"].estimate)
    assert "both orders" in found["cycles"].note


@pytest.mark.parametrize("count", [3, 6])
def test_triads_are_all_triples_of_a_whole_tournament(count: int) -> None:
    """Each three items once."""
    pairs = list(combinations(ITEMS[:count], 2))
    _, rows = triads(pairs)
    assert len({tuple(row) for row in rows.tolist()}) == count * (count - 1) * (count - 2) // 6
    assert not len(triads(pairs[1:] if count == 3 else pairs[:2])[1])
