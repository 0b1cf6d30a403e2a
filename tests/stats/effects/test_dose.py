"""Slopes over doses, and what a random direction does."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from harness.stats.effects.dose import (
    against_random,
    dose_slope,
    item_slopes,
    smallest_slope,
    weighted_sum,
)
from harness.stats.intervals import Estimate

DOSES = (-0.6, -0.3, 0.0, 0.3, 0.6)


def test_a_slope_is_that_of_the_line_and_a_missing_dose_leaves_its_item_out() -> None:
    """Items of any level on lines of known slopes have their mean slope; none is filled in."""
    rng = np.random.default_rng(0)
    slopes = rng.normal(2, 0.3, 30)
    values = rng.uniform(1, 5, 30)[:, None] + slopes[:, None] * np.array(DOSES)
    np.testing.assert_allclose(item_slopes(values, DOSES), slopes)
    values[0, 2] = np.nan
    found = dose_slope(values, DOSES)
    assert found.estimate == pytest.approx(slopes[1:].mean())
    assert (found.n, found.undefined) == (29, 1)
    assert found.low < 2.1 and found.high > 1.9


def test_a_direction_like_the_others_is_found_in_one_of_twenty() -> None:
    """Where the concept is one more random direction, p is uniform: .05 of 4 000 draws."""
    rng = np.random.default_rng(0)
    drawn = rng.normal(0, 3, (4000, 9))
    ps = [against_random(row[0], row[1:]).p for row in drawn]
    rate = float(np.mean(np.array(ps) <= 0.05))
    assert rate == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 4000))
    bands = [abs(row[0]) <= against_random(0.0, row[1:]).band for row in drawn]
    assert np.mean(bands) == pytest.approx(0.95, abs=0.011)


def test_too_few_random_directions_tell_nothing() -> None:
    """Two directions have no spread to speak of: no p and no band, rather than a wide one."""
    found = against_random(1.0, np.array([0.1, -0.1, np.nan]))
    assert math.isnan(found.p) and math.isnan(found.band) and found.directions == 2


def test_the_smallest_slope_is_found_with_power_eight_tenths() -> None:
    """Slopes drawn with the error that is reckoned with are found in .8 of 4 000 draws."""
    size = smallest_slope(
        repeats_sd=0.2, effect_sd=0.1, items=40, repeats=2, doses=DOSES, directions=8
    )
    error = math.sqrt((0.04 / (2 * 0.9) + (0.1 / 0.6) ** 2) / 40)
    rng = np.random.default_rng(0)
    drawn = rng.normal(0, error, (4000, 9))
    power = np.mean([against_random(row[0] + size, row[1:]).p <= 0.05 for row in drawn])
    assert power == pytest.approx(0.8, abs=3 * math.sqrt(0.16 / 4000))


def test_any_number_of_directions_has_a_smallest_slope() -> None:
    """From three on, where SciPy's own function ends for some: more of them find less."""
    sizes = [
        smallest_slope(
            repeats_sd=0.2, effect_sd=0.1, items=40, repeats=2, doses=DOSES, directions=n
        )
        for n in (*range(3, 70), 200)
    ]
    assert all(one > other > 0 for one, other in pairwise(sizes))


def test_a_weighted_sum_of_normal_parts_has_their_interval() -> None:
    """Symmetric intervals add in squares, whatever the signs of the weights."""
    z = float(stats.norm.ppf(0.975))
    parts = [Estimate(estimate=one, low=one - z * s, high=one + z * s, n=9)
             for one, s in ((1.0, 0.3), (2.0, 0.4))]  # fmt: skip
    found = weighted_sum(parts, (-2.0, 1.0))
    assert found.estimate == pytest.approx(0.0)
    half = z * math.hypot(2 * 0.3, 0.4)
    assert (found.low, found.high) == (pytest.approx(-half), pytest.approx(half))
