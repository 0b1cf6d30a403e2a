"""Correlations of utilities, and of refusal with preference."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.stats.effects.correlation import (
    disattenuate,
    disattenuated,
    pearson,
    reliability_flat,
    reliability_posterior,
    spearman,
    weighted_pearson,
)
from harness.stats.effects.refusal import refusal_preference
from harness.stats.intervals import Bootstrap, FloatArray

BOOT = Bootstrap(resamples=300)


def noisy_pair(
    rng: np.random.Generator, *, rho: float, items: int = 250
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Estimates of two utilities of sd 1.5 and correlation rho, with their variances."""
    x = 1.5 * rng.normal(size=items)
    y = rho * x + math.sqrt(1 - rho * rho) * 1.5 * rng.normal(size=items)
    var_x, var_y = rng.uniform(0.2, 2.5, size=(2, items))
    return (
        x + np.sqrt(var_x) * rng.normal(size=items),
        y + np.sqrt(var_y) * rng.normal(size=items),
        var_x,
        var_y,
    )


def test_pearson_and_spearman_equal_scipy() -> None:
    """Estimates equal scipy's on the items with both values; the rest is counted."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 40))
    x[3], y[7] = np.nan, np.nan
    both = np.isfinite(x + y)
    assert pearson(x, y).estimate == pytest.approx(stats.pearsonr(x[both], y[both]).statistic)
    assert spearman(x, y).estimate == pytest.approx(stats.spearmanr(x[both], y[both]).statistic)
    assert (pearson(x, y).n, pearson(x, y).undefined) == (38, 2)


def test_constant_has_no_correlation() -> None:
    """A constant gives NaN, not 0."""
    x = np.arange(5.0)
    for found in (pearson(x, np.ones(5)), spearman(x, np.ones(5))):
        assert math.isnan(found.estimate)


def test_weighted_equals_numpy() -> None:
    """The weighted r is that of numpy's weighted covariance."""
    x, y, var_x, var_y = noisy_pair(np.random.default_rng(1), rho=0.6)
    cov = np.cov(x, y, aweights=1 / (var_x + var_y))
    found = weighted_pearson(x, y, var_x, var_y, bootstrap=BOOT)
    assert found.estimate == pytest.approx(cov[0, 1] / math.sqrt(cov[0, 0] * cov[1, 1]))


def test_disattenuated_covers_what_weighting_misses() -> None:
    """The planted r is covered in ≥ 90 %; weighting alone stays below it by .1 on average."""
    rng = np.random.default_rng(2)
    covered, weighted = 0, []
    for _ in range(100):
        x, y, var_x, var_y = noisy_pair(rng, rho=0.7)
        found = disattenuated(x, y, var_x, var_y, shrunken=False, bootstrap=BOOT)
        covered += found.low <= 0.7 <= found.high
        weighted.append(weighted_pearson(x, y, var_x, var_y, bootstrap=Bootstrap(resamples=0)))
    assert covered >= 90
    assert np.mean([one.estimate for one in weighted]) < 0.6


@pytest.mark.parametrize("shrunken", [False, True])
def test_disattenuated_within_origins_is_that_of_the_items(shrunken: bool) -> None:
    """Each origin's mean that is taken out takes a degree of freedom with it: of 60 items in ten
    origins the mean over runs is the planted .8, which it would pass by .06."""
    rng = np.random.default_rng(5)
    variance, shrink = np.full(60, 1.0), 2.25 / 3.25 if shrunken else 1.0
    found = []
    for _ in range(150):
        common = rng.normal(size=60)
        x, y = (
            1.5 * (math.sqrt(0.8) * common + math.sqrt(0.2) * rng.normal(size=60))
            + rng.normal(size=60)
            for _ in range(2)
        )
        x, y = ((one.reshape(10, 6) - one.reshape(10, 6).mean(axis=1)[:, None]) for one in (x, y))
        one = disattenuated(
            shrink * x.ravel(), shrink * y.ravel(), shrink * variance, shrink * variance,
            shrunken=shrunken, bootstrap=Bootstrap(resamples=0), means=10,
        )  # fmt: skip
        found.append(one.estimate)
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)


def test_both_reliabilities_find_the_planted_one() -> None:
    """Posterior means under the true prior and raw estimates give one reliability."""
    rng = np.random.default_rng(3)
    truth, variance = 1.5 * rng.normal(size=4000), np.full(4000, 1.0)
    raw = truth + rng.normal(size=4000)
    shrink = 2.25 / 3.25
    expected = np.corrcoef(raw, truth)[0, 1] ** 2
    assert reliability_flat(raw, variance) == pytest.approx(expected, abs=0.02)
    posterior = reliability_posterior(shrink * raw, shrink * variance)
    assert posterior == pytest.approx(expected, abs=0.02)
    x, y = raw, truth + rng.normal(size=4000)
    for scale, shrunken in ((1.0, False), (shrink, True)):
        v = scale * variance
        found = disattenuated(scale * x, scale * y, v, v, shrunken=shrunken, bootstrap=BOOT)
        assert found.estimate == pytest.approx(1, abs=0.03)


def test_no_reliable_variance_no_correction() -> None:
    """Where noise explains all variance the corrected r is NaN, never infinite."""
    x, y = np.random.default_rng(4).normal(size=(2, 50))
    found = disattenuated(x, y, np.full(50, 9.0), np.full(50, 9.0), shrunken=False, bootstrap=BOOT)
    assert math.isnan(found.estimate)
    assert math.isnan(disattenuate(found, reliability_x=0.0, reliability_y=0.5).estimate)
    assert disattenuate(
        pearson(x, x), reliability_x=0.25, reliability_y=1
    ).estimate == pytest.approx(2)


def test_refusal_equals_scipy() -> None:
    """r and its p in one spread are near scipy's; `lower` is U over its maximum, p near its."""
    rng = np.random.default_rng(5)
    refused = rng.random(120) < 0.3
    utility = rng.normal(size=120) - 0.8 * refused
    found = refusal_preference(refused, utility, bootstrap=BOOT)
    oracle = stats.pointbiserialr(refused, utility)
    assert found.point_biserial.estimate == pytest.approx(oracle.statistic)
    assert found.point_biserial.p == pytest.approx(oracle.pvalue, abs=0.002)
    test = stats.mannwhitneyu(utility[refused], utility[~refused])
    share = 1 - test.statistic / (refused.sum() * (~refused).sum())
    assert found.lower.estimate == pytest.approx(share)
    assert found.lower.p == pytest.approx(test.pvalue, abs=0.005)
    assert found.lower.low < share < found.lower.high
    assert found.quartiles["n"].to_list() == [30] * 4
    assert found.quartiles["rate"].mean() == pytest.approx(refused.mean())


def test_origin_means_alone_are_seen_through() -> None:
    """Refusals in the disliked origin alone: a large r, and nothing within origin."""
    rng = np.random.default_rng(6)
    claims = 0
    for _ in range(40):
        bad = np.arange(200) < 60
        refused = bad & (rng.random(200) < 0.6)
        utility = rng.normal(size=200) - 2.0 * bad
        found = refusal_preference(
            refused, utility, origins=bad.astype(str).tolist(), bootstrap=BOOT, permutations=200
        )
        assert found.point_biserial.estimate < -0.3
        claims += found.within_origin.p < 0.05
    assert claims <= 7


def test_a_relation_within_origin_is_found() -> None:
    """Refused items that lie lower within their own origin are found there."""
    rng = np.random.default_rng(7)
    origins = np.repeat(["a", "b", "c"], 60)
    refused = rng.random(180) < 0.4
    utility = rng.normal(size=180) - 1.0 * refused
    found = refusal_preference(refused, utility, origins=origins.tolist(), bootstrap=BOOT)
    assert found.within_origin.high < 0
    assert found.within_origin.p < 0.001


@pytest.mark.parametrize("refused", [np.zeros(10, dtype=bool), np.ones(10, dtype=bool)])
def test_no_refusal_or_nothing_else_is_undefined(refused: FloatArray) -> None:
    """Without both kinds of items there is nothing to relate."""
    found = refusal_preference(refused, np.arange(10.0), bootstrap=BOOT)
    for value in (found.point_biserial, found.lower, found.within_origin):
        assert math.isnan(value.estimate)
        assert value.note
