"""p and interval of one statistic: they never contradict each other, and hold where data are
awkward."""

import itertools
import math

import numpy as np
import pytest

from harness.stats import intervals
from harness.stats.effects.diagonal import self_vs_cross
from harness.stats.effects.effects import higher_than_neutral, paired_delta
from harness.stats.effects.permutation import mean_test, slope_test
from harness.stats.effects.refusal import refusal_preference
from harness.stats.intervals import Bootstrap

NONE = Bootstrap(resamples=0)


def agrees(found: intervals.Tested, null: float = 0.0) -> bool:
    """An interval, where there is one, excludes the null exactly where p is .05 or less; where
    there is none, p is above .05."""
    if math.isnan(found.low):
        return not found.p <= 0.05
    return (found.p <= 0.05) == (not found.low <= null <= found.high)


@pytest.mark.parametrize("seed", range(60))
def test_p_and_interval_agree(seed: int) -> None:
    """Over sizes, shifts, ties and skews, every test of an effect speaks with one voice."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 40))
    shift = rng.choice([0.0, 0.4, 1.0])
    values = rng.exponential(size=n) - 1 + shift
    if seed % 3 == 0:
        values = np.round(values)
    assert agrees(mean_test(values))
    neutral = np.zeros((n, 2))
    condition = rng.integers(-1, 2, (n, 2)) + float(seed % 2)
    assert agrees(paired_delta(condition, neutral))
    sign = higher_than_neutral(condition, neutral)["sign"]
    assert isinstance(sign, intervals.Tested) and agrees(sign)
    refused = np.arange(n) < max(1, n // 5)
    preference = rng.normal(size=n) - shift * refused * 2
    found = refusal_preference(
        refused,
        preference,
        bootstrap=NONE,
        permutations=199,
        origins=[f"o{k % 2}" for k in range(n)],
    )
    assert agrees(found.point_biserial)
    assert agrees(found.within_origin)
    assert agrees(found.lower, 0.5)
    k = int(rng.integers(3, 6))
    cells = rng.normal(size=(20, k, k)) + shift * np.eye(k)
    assert agrees(self_vs_cross(cells, bootstrap=NONE).by_item)


def test_sign_flips_by_brute_force() -> None:
    """p is the share of all 2ⁿ flips as extreme; the limits are where it passes 1 − confidence."""
    values = np.array([0.3, 1.2, -0.4, 2.0, 0.9, 1.1, -0.1, 0.8])
    found = mean_test(values)

    def p_of(theta: float) -> float:
        moved = values - theta
        means = [abs(np.mean(np.array(e) * moved)) for e in itertools.product((1, -1), repeat=8)]
        return float(np.mean(np.array(means) >= abs(moved.mean()) - 1e-12))

    assert found.p == pytest.approx(p_of(0.0))
    for limit, inward in ((found.low, 1), (found.high, -1)):
        assert p_of(limit + inward * 1e-6) > 0.05
        assert p_of(limit - inward * 1e-6) <= 0.05


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_few_units_have_no_interval(n: int) -> None:
    """Where no flip can be rare enough there is no interval, and the note says so."""
    found = mean_test(np.ones(n))
    assert found.estimate == 1 and math.isnan(found.low) and "too few" in found.note
    assert found.p == pytest.approx(min(1, 2 / 2**n))
    assert math.isfinite(mean_test(np.arange(6.0)).low)


def test_skewed_differences_of_mean_zero() -> None:
    """200 exponential differences less their mean: p < .05 in at most 10 % of 100 tables, where a
    test of ranks beside the mean claims most."""
    claimed = 0
    for seed in range(100):
        values = np.random.default_rng(seed).exponential(size=200) - 1
        claimed += mean_test(values).p < 0.05
    assert claimed <= 10


def test_spreads_that_differ() -> None:
    """Few refused items, three times as spread, of one mean: each claim in at most 12 % of 100."""
    claims = np.zeros(3)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        refused = np.arange(60) < 8
        preference = rng.normal(size=60) * np.where(refused, 3.0, 1.0)
        found = refusal_preference(refused, preference, bootstrap=NONE, permutations=199)
        claims += [one.p < 0.05 for one in (found.point_biserial, found.within_origin, found.lower)]
    assert (claims <= 12).all()


def test_binary_slope_is_welch() -> None:
    """In one stratum the statistic is Welch's t: its error is that of the difference of means."""
    rng = np.random.default_rng(0)
    x = np.repeat([1.0, 0.0], [12, 30])
    y = rng.normal(size=42) * (1 + 2 * x) + x
    found = slope_test(x, y, np.zeros(42, dtype=int), permutations=499)
    assert found.estimate == pytest.approx(np.corrcoef(x, y)[0, 1])
    shuffled = slope_test(x, y + 5, np.zeros(42, dtype=int), permutations=499)
    assert (shuffled.low, shuffled.p) == pytest.approx((found.low, found.p))


def test_likings_are_no_self_effect() -> None:
    """Raters who take to some completers, themselves no more: the self is claimed in at most
    10 % of 100 tables; three models have no interval."""
    claimed = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        cells = 0.3 * rng.normal(size=(1, 4, 4)) + rng.normal(size=(60, 4, 4))
        found = self_vs_cross(cells, bootstrap=NONE).by_item
        claimed += not found.low <= 0 <= found.high
    assert claimed <= 10
    three = self_vs_cross(np.random.default_rng(0).normal(size=(50, 3, 3)), bootstrap=NONE).by_item
    assert math.isnan(three.low) and "too few" in three.note


def test_notes_say_where_p_errs() -> None:
    """Skewed means of few units, and small groups of larger spread; not where neither holds."""
    rng = np.random.default_rng(0)
    assert "skewed" in mean_test(rng.lognormal(0, 1.5, 40)).note
    assert mean_test(rng.normal(size=40)).note == ""
    assert mean_test(rng.lognormal(0, 1.5, 400)).note == ""
    refused = np.arange(60) < 4
    calm = rng.normal(size=60)
    wild = np.where(refused, 5 * np.array([-1, 1, -0.5, 0.8] + [0.0] * 56), calm)
    bootstrap = Bootstrap(seed=0, resamples=100)
    found = refusal_preference(refused, wild, bootstrap=bootstrap)
    assert "spread" in found.point_biserial.note and "spread" in found.lower.note
    calm_found = refusal_preference(np.arange(60) < 30, calm, bootstrap=bootstrap)
    assert calm_found.point_biserial.note == calm_found.lower.note == ""


@pytest.mark.parametrize(
    ("n", "said"),
    [(12, "4096 sign flips"), (13, "8192 sign flips"), (14, "8192 sign flips, drawn"),
     (400, "8192 sign flips, drawn")],
)  # fmt: skip
def test_no_more_flips_than_a_p_needs(n: int, said: str) -> None:
    """All flips of few units and no more than 8 192 of many: a thirteenth unit does not cost
    seconds."""
    values = np.random.default_rng(n).normal(size=n)
    assert mean_test(values).test == said
