"""Intervals: agreement with scipy, and coverage."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.stats.intervals import (
    Bootstrap,
    Estimate,
    average_cells,
    clustered_rate,
    fisher_interval,
    mean_interval,
    wilson,
)


@pytest.mark.parametrize(("k", "n"), [(0, 7), (3, 10), (10, 10), (250, 1000)])
def test_wilson_equals_scipy(k: int, n: int) -> None:
    """One answer a cluster gives scipy's Wilson interval."""
    oracle = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k / n, n) == pytest.approx((oracle.low, oracle.high))
    successes = np.zeros(n)
    successes[:k] = 1
    rate = clustered_rate(successes, np.ones(n))
    assert (rate.low, rate.high) == pytest.approx((oracle.low, oracle.high))
    assert rate.n == n


def test_repeats_that_never_differ_count_once() -> None:
    """Ten identical answers an item are worth one: the interval is that of the items."""
    answers = (np.random.default_rng(0).random(60) < 0.3).astype(float)
    once = clustered_rate(answers, np.ones(60))
    ten = clustered_rate(10 * answers, np.full(60, 10.0))
    assert (ten.low, ten.high) == pytest.approx((once.low, once.high), abs=0.005)


def test_clustered_rate_covers() -> None:
    """Rates with a spread between items are covered in 92 to 98 % of 400 samples."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        hits = rng.binomial(4, rng.beta(0.5, 1.5, size=80)).astype(float)
        rate = clustered_rate(hits, np.full(80, 4.0))
        covered += rate.low <= 0.25 <= rate.high
    assert 0.92 <= covered / 400 <= 0.98


def test_bootstrap_of_a_mean_is_students() -> None:
    """BCa limits of a mean are close to Student's."""
    values = np.random.default_rng(2).normal(size=200)
    parts = np.column_stack([np.ones(200), values])
    found = Bootstrap(resamples=4000).estimate(parts, lambda sums: sums[:, 1] / sums[:, 0])
    exact = mean_interval(values)
    assert found.estimate == pytest.approx(exact.estimate)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.02)


def test_bootstrap_depends_on_its_seed_alone() -> None:
    """The same seed gives the same limits whatever was computed before; another seed others."""
    parts = np.column_stack([np.ones(50), np.random.default_rng(3).exponential(size=50)])

    def limits(seed: int) -> tuple[float, float]:
        found = Bootstrap(seed=seed, resamples=200).estimate(parts, lambda s: s[:, 1] / s[:, 0])
        return found.low, found.high

    first = limits(0)
    limits(1)
    Bootstrap(seed=0, resamples=200).estimate(parts[:20], lambda s: s[:, 1])
    assert limits(0) == first != limits(1)


def test_no_resamples_no_interval() -> None:
    """With resamples 0 the estimate stands alone."""
    parts = np.ones((5, 1))
    found = Bootstrap(resamples=0).estimate(parts, lambda sums: sums[:, 0])
    assert found.estimate == 5
    assert np.isnan(found.low)
    assert found.interval == ""


def test_average_counts_its_cells() -> None:
    """An average says how many cells it has, and how many could not enter."""
    cells = [
        Estimate(estimate=0.2, n=30),
        Estimate(estimate=float("nan"), n=10),
        Estimate(estimate=0.4, n=20),
    ]
    found = average_cells(cells)
    assert found.estimate == pytest.approx(0.3)
    assert (found.cells, found.undefined, found.n) == (2, 1, 20)


def test_fisher_interval_equals_scipy() -> None:
    """Fisher's interval equals scipy's for Pearson's r."""
    x, y = np.random.default_rng(4).normal(size=(2, 25))
    result = stats.pearsonr(x, y)
    oracle = result.confidence_interval()
    assert fisher_interval(result.statistic, 25) == pytest.approx((oracle.low, oracle.high))


@pytest.mark.parametrize("means", [1, 5])
def test_means_taken_out_cost_degrees_of_freedom(means: int) -> None:
    """Limits are those of Student's t with as many degrees of freedom fewer."""
    values = stats.norm.ppf((np.arange(30) + 0.5) / 30)
    parts = np.column_stack([np.ones(30), values])
    [found] = Bootstrap(resamples=20_000).estimates(
        parts, lambda sums: (sums[:, 1] / sums[:, 0])[:, None], means=means
    )
    left = 30 - means
    half = stats.t.ppf(0.975, left) * np.sqrt(np.sum(values**2) / left / 30)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.03)


@pytest.mark.parametrize(
    ("quantity", "ends"),
    [
        ("cross_seed_r", (-1, 1)),
        ("icc_1_1", (-1, 1)),
        ("flip_rate", (0, 1)),
        ("mean", None),
        ("cross_seed_r_without_refused", (-1, 1)),
        ("consistent_90", (0, 1)),
        ("refused", (0, 1)),
    ],
)
def test_means_over_cells_end_where_their_quantity_ends(
    quantity: str, ends: tuple[float, float] | None
) -> None:
    """Student's interval of .2 and .95 passes −1 and 1; a correlation's or a rate's does not."""
    cells = [Estimate(estimate=one, n=9) for one in (0.2, 0.95)]
    plain = average_cells(cells)
    found = average_cells(cells, quantity=quantity)
    assert plain.low < -1 and plain.high > 1
    assert (found.low, found.high) == (ends or (plain.low, plain.high))
    assert found.estimate == plain.estimate
    assert math.isnan(average_cells(cells[:1], quantity=quantity).high)
