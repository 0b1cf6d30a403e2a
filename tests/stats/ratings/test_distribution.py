"""KL from uniform over declared levels, modal and level shares, outcome rates."""

import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.stats.intervals import Bootstrap
from harness.stats.outcomes import outcome_rates, outcome_table
from harness.stats.ratings.distribution import kl_uniform, level_counts, level_share, modal_share
from harness.stats.ratings.reliability import reliability

RatingTable = Callable[..., pl.DataFrame]
BOOT = Bootstrap(resamples=100)
LEVELS = (1, 2, 3, 4, 5)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 12).flatmap(
        lambda k: st.lists(
            st.lists(st.integers(0, k - 1), min_size=2, max_size=2), min_size=1, max_size=30
        ).map(lambda rows: (k, rows))
    )
)
def test_never_above_ln_k(case: tuple[int, list[list[int]]]) -> None:
    """Fault 2: whatever the ratings, KL lies in [0, ln K] and its ratio in [0, 1]."""
    k, rows = case
    counts = level_counts(np.array(rows, dtype=float), range(k))
    found = kl_uniform(counts, bootstrap=Bootstrap(resamples=20))
    assert -1e-12 <= found.nats.estimate <= math.log(k) + 1e-9
    assert -1e-12 <= found.normalised.estimate <= 1 + 1e-9
    if len(rows) > 1:
        assert 0 <= found.nats.low <= found.nats.high <= math.log(k)


def test_levels_are_the_declared_ones(rating_table: RatingTable) -> None:
    """Fault 2: one level of five used gives ln 5, not 0 as over the observed range."""
    counts = level_counts(np.full((40, 4), 4.0), LEVELS)
    found = kl_uniform(counts, bootstrap=BOOT)
    assert found.nats.estimate == pytest.approx(math.log(5))
    assert found.normalised.estimate == pytest.approx(1)
    assert found.bias == pytest.approx(4 / (2 * 160))


def test_an_off_scale_rating_is_refused_not_binned(rating_table: RatingTable) -> None:
    """Fault 2: a rating of 850 on 1–5 raises with its value; it never makes a level."""
    with pytest.raises(UsageError, match="rating 850 is none of the declared levels 1, 2, 3, 4, 5"):
        level_counts(np.array([[3.0, 850.0]]), LEVELS)
    with pytest.raises(UsageError, match="rating 850"):
        reliability(rating_table([[3, 850]]), bootstrap=BOOT, levels=LEVELS)


def test_a_banned_level_is_off_scale() -> None:
    """Fault 3: with levels 1, 2, 3, 5 a 4 is refused."""
    with pytest.raises(UsageError, match="rating 4 is none"):
        level_counts(np.array([[4.0]]), (1, 2, 3, 5))


@pytest.mark.parametrize("levels", [(1,), (1, 1, 2), ()])
def test_levels_must_differ(levels: tuple[float, ...]) -> None:
    """Fewer than two levels, or two alike, are an error."""
    with pytest.raises(UsageError, match="two or more, all different"):
        level_counts(np.array([[1.0]]), levels)


@pytest.mark.parametrize("p", [(0.2,) * 5, (0.6, 0.1, 0.1, 0.1, 0.1), (0, 0.05, 0.05, 0.8, 0.1)])
def test_interval_covers_the_planted_divergence(p: tuple[float, ...]) -> None:
    """The interval covers the true KL in ≥ 90 % of 200 samples, clustered by item or not."""
    rng = np.random.default_rng(0)
    true = sum(x * math.log(5 * x) for x in p if x)
    covered = 0
    for _ in range(200):
        own = rng.dirichlet(np.maximum(3 * np.array(p), 1e-9), size=120)
        counts = np.array([rng.multinomial(4, row) for row in own]).astype(float)
        nats = kl_uniform(counts, bootstrap=Bootstrap(resamples=200)).nats
        covered += nats.low - 1e-9 <= true <= nats.high
    assert covered / 200 >= 0.90


def test_bias_of_a_uniform_respondent() -> None:
    """Independent uniform answers show about (K − 1)/2N, the bias reported."""
    rng = np.random.default_rng(1)
    boot = Bootstrap(resamples=0)
    found = [kl_uniform(rng.multinomial(1, [0.2] * 5, size=100).astype(float), bootstrap=boot)
             for _ in range(400)]  # fmt: skip
    assert np.mean([one.nats.estimate for one in found]) == pytest.approx(found[0].bias, rel=0.15)


def test_modal_and_floor_share() -> None:
    """Shares count ratings, NaN left out; of tied modes the lowest is named."""
    x = np.array([[1, 2, 2], [2, 3, np.nan], [3, 3, 5]], dtype=float)
    mode, share = modal_share(x)
    assert mode == 2
    assert share.estimate == pytest.approx(3 / 8)
    assert level_share(x, 1).estimate == pytest.approx(1 / 8)


def test_outcome_rates_sum_to_one(rating_table: RatingTable) -> None:
    """All records enter, of ratings and of choices; n counts items or unordered pairs."""
    table = rating_table([[1, np.nan, 3], [np.nan, np.nan, 2]])
    rates = outcome_rates(table)
    assert sum(rate.estimate for rate in rates.values()) == pytest.approx(1)
    assert rates["refused"].estimate == pytest.approx(0.5)
    assert rates["refused"].n == 2
    choices = pl.DataFrame(
        {
            "item_first": ["a", "b", "a"],
            "item_second": ["b", "a", "c"],
            "outcome": ["answered", "refused", "invalid"],
        }
    )
    assert outcome_rates(choices)["answered"].n == 2
    listed = outcome_table(table, ["origin"])
    assert listed["records"].to_list() == [3] * 10


def test_planted_outcome_rates_are_covered() -> None:
    """Rates that differ by item are covered by clustered intervals in ≥ 92 % of 200 samples."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        own = rng.beta(1, 4, size=60)
        drawn = rng.random((60, 4)) < own[:, None]
        table = pl.DataFrame(
            {
                "item": np.repeat(np.arange(60), 4).astype(str),
                "outcome": np.where(drawn.ravel(), "refused", "answered"),
            }
        )
        rate = outcome_rates(table)["refused"]
        covered += rate.low <= 0.2 <= rate.high
    assert covered / 200 >= 0.92
