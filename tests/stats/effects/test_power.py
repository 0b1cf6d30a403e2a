"""What a design finds, reckoned beforehand, against what its test finds."""

import math

import numpy as np
import pytest

from harness.stats.effects.diagonal import self_vs_cross
from harness.stats.effects.effects import asymmetry
from harness.stats.effects.equivalence import equivalence
from harness.stats.effects.power import (
    Spread,
    effect_spread,
    smallest_asymmetry,
    smallest_bound,
    smallest_correlation,
    smallest_diagonal,
    smallest_effect,
)
from harness.stats.intervals import Bootstrap

TRUE = Spread(items=0.2, repeats=0.15, effect=0.1)
RUNS = 400
"""Seeds 0 to 399: a share of .8 has a standard error of .02."""


def test_the_published_power_of_a_t_test() -> None:
    """Cohen (1988, table 2.4.1): 34 pairs find a standardised difference of .5 with power .8."""
    alone = Spread(items=0.0, repeats=0.0, effect=1.0)
    assert smallest_effect(alone, items=34, repeats=1) == pytest.approx(0.495, abs=0.005)


def test_several_tests_need_more_and_averages_less() -> None:
    """Holm's first step asks for more, repeats that are averaged for less."""
    one = smallest_effect(TRUE, items=40, repeats=2)
    assert smallest_effect(TRUE, items=40, repeats=2, tests=33) > 1.3 * one
    assert smallest_effect(TRUE, items=40, repeats=2, averaged=3) == pytest.approx(
        smallest_effect(TRUE, items=40, repeats=6)
    )


def test_a_correlation_of_the_published_size() -> None:
    """Cohen (1988, table 3.4.1): 84 units find r = .3 with power .8."""
    assert smallest_correlation(84) == pytest.approx(0.3, abs=0.005)
    assert smallest_correlation(84, strata=5) > smallest_correlation(84)
    assert math.isnan(smallest_correlation(5, strata=5))


def test_the_diagonal_is_found_as_often_as_said() -> None:
    """Planted at what is reckoned, self less cross of four models is found in .8 of runs."""
    d = smallest_diagonal(TRUE, items=40, repeats=2, models=4)
    noise = math.sqrt(TRUE.effect**2 / 2 + TRUE.repeats**2 / 2)
    found = 0
    for seed in range(RUNS):
        cells = np.random.default_rng(seed).normal(0, noise, (40, 4, 4)) + d * np.eye(4)
        found += self_vs_cross(cells, bootstrap=Bootstrap(resamples=0)).by_item.p < 0.05
    assert found / RUNS == pytest.approx(0.8, abs=0.06)


def test_three_models_find_nothing() -> None:
    """Six assignments have no p below 1/6: no effect is large enough, and none is promised."""
    assert math.isnan(smallest_diagonal(TRUE, items=40, repeats=2, models=3))


def test_a_bound_is_reached_as_often_as_said() -> None:
    """Where nothing differs, the bound reckoned is shown in .8 of runs."""
    bound = smallest_bound(TRUE, items=40, repeats=2)
    noise = math.sqrt(TRUE.effect**2 + TRUE.repeats**2)
    shown = sum(
        equivalence(np.random.default_rng(seed).normal(0, noise, 40), bound=bound).within
        for seed in range(RUNS)
    )
    assert shown / RUNS == pytest.approx(0.8, abs=0.06)


def test_the_spread_of_an_effect_is_without_that_of_repeats() -> None:
    """Planted .1 over items beside repeats of .15 is found again; NaN are left out."""
    rng = np.random.default_rng(0)
    one = rng.normal(0, 0.15, (4000, 3))
    other = rng.normal(0, 0.15, (4000, 3)) + rng.normal(0.3, 0.1, (4000, 1))
    one[:500, 2] = math.nan
    assert effect_spread(one, other) == pytest.approx(0.1, abs=0.01)


def test_an_asymmetry_is_found_as_often_as_said() -> None:
    """Planted at what is reckoned, Δ⁺ + Δ⁻ is found in .8 of runs; one effect alone is smaller."""
    size = smallest_asymmetry(TRUE, items=40, repeats=2)
    assert size > 1.3 * smallest_effect(TRUE, items=40, repeats=2)
    found = 0
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        base = rng.normal(0, TRUE.items, 40)
        means = (
            base + 0.3 + size / 2 + rng.normal(0, TRUE.effect, 40),
            base - 0.3 + size / 2 + rng.normal(0, TRUE.effect, 40),
            base,
        )
        plus, minus, none = (rng.normal(m[:, None], TRUE.repeats, (40, 2)) for m in means)
        found += asymmetry(plus, minus, none).p < 0.05
    assert found / RUNS == pytest.approx(0.8, abs=0.06)
