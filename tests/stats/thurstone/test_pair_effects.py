"""What answers to one pair have in common acts inside the fit."""

import numpy as np
import pytest
from scipy.special import ndtr

from harness.pairs.graphs import present, regular_pairs
from harness.stats.thurstone.comparisons import Comparisons, aggregate
from harness.stats.thurstone.fit import Fit, Options, fit
from harness.stats.thurstone.pair_effects import PairEffects, Shares
from harness.stats.thurstone.precision import Design
from harness.stats.thurstone.variance import moments_dense


def both_orders(groups: int) -> Comparisons:
    """Seven pairs of four items, some in both orders and several groups."""
    first = [0, 1, 2, 3, 0, 2, 3, 1, 0]
    second = [1, 0, 3, 2, 2, 0, 1, 3, 1]
    group = np.arange(9) % groups
    return aggregate(
        "abcd", first, second, np.ones(9), np.ones(9), group=group, groups=["g"] * groups
    )


@pytest.mark.parametrize("groups", [1, 3])
def test_eliminating_is_integrating(groups: int) -> None:
    """Weights, shifts, means and variances equal those of the model with every effect written
    out."""
    data = both_orders(groups)
    design = Design(data, position=True, scale=0.8)
    effects = PairEffects(data, design, Shares(0.3, 0.2), 1.0)
    rng = np.random.default_rng(0)
    m, size = len(data.first), design.size
    weights, shifts = rng.uniform(0.1, 2, m), rng.normal(size=m)
    keys, pair = data.pair_index()
    rows = np.array([design.linear(unit) for unit in np.eye(size)]).T
    sign = np.where(data.first < data.second, 1.0, -1.0)
    wide = np.hstack([rows, sign[:, None] * np.eye(len(keys))[pair], np.eye(m)])
    ridge = np.full(size, 0.5)
    prior = np.r_[ridge, np.full(len(keys), 1 / effects.s2), np.full(m, 1 / effects.v2)]
    full = np.linalg.inv(wide.T @ (weights[:, None] * wide) + np.diag(prior))
    mean = full @ wide.T @ shifts
    rest = effects.eliminate(weights, shifts)
    precision = design.precision(rest.weights, ridge).dense()
    precision[design.n :, design.n :] += rest.corner
    covariance = np.linalg.inv(precision)
    np.testing.assert_allclose(covariance, full[:size, :size], atol=1e-10)
    here = covariance @ design.transpose(rest.shifts)
    np.testing.assert_allclose(here, mean[:size], atol=1e-10)
    found = effects.rows(design.linear(here), moments_dense(design, covariance))
    np.testing.assert_allclose(found.mean, wide @ mean, atol=1e-10)
    np.testing.assert_allclose(found.variance, ((wide @ full) * wide).sum(axis=1), atol=1e-10)


def asked(
    seed: int, *, degree: int = 4, repeats: int = 5, alike: bool = True, misfit: float = 0.0
) -> tuple[np.ndarray, Comparisons]:
    """100 items, sd 1.5, β −.3; a pair's answers all alike, or drawn anew."""
    rng = np.random.default_rng(seed)
    mu = rng.normal(0, 1.5, 100)
    mu -= mu.mean()
    shown = present(regular_pairs(100, degree, rng), "balanced", rng)
    first, second = np.array([one[0] for one in shown]).T
    own = misfit * rng.normal(size=len(first))
    p = ndtr((mu[first] - mu[second] + own - 0.3) / 2**0.5)
    wins = repeats * (rng.random(len(p)) < p) if alike else rng.binomial(repeats, p)
    data = aggregate([str(k) for k in range(100)], first, second, wins, repeats - wins)
    return mu / np.sqrt(1 + misfit**2 / 2), data


def inside(fitted: Fit, truth: np.ndarray) -> np.ndarray:
    se = np.sqrt(fitted.posterior.variances(np.random.default_rng(0)))
    return np.abs(fitted.utilities - truth) < 1.96 * se


def test_identical_repeats_tell_nothing_new() -> None:
    """Five identical answers are one answer: same utilities, same prior, and it is said."""
    for seed in range(3):
        _, five = asked(seed)
        _, one = asked(seed, repeats=1)
        here, there = fit(five), fit(one)
        np.testing.assert_allclose(here.utilities, there.utilities, atol=0.05)
        assert here.tau == pytest.approx(there.tau, rel=0.02)
        assert here.tau < 4
        assert any("counts once" in note for note in here.notes)


def test_intervals_cover_with_repeats() -> None:
    """Identical repeats, and a preference of the pair's own: items covered as they should be."""
    for given in ({}, {"alike": False, "misfit": 1.0, "degree": 8}):
        covered = []
        for seed in range(5):
            truth, data = asked(seed, **given)
            covered.append(inside(fit(data), truth).mean())
        assert 0.92 < np.mean(covered) < 0.98


def test_a_newcomer_widens_nobody() -> None:
    """Eight items with 1 000 battles a pair, and a ninth with one: the eight keep their intervals,
    and the ninth knows at least as much as the prior."""
    rng = np.random.default_rng(0)
    mu = np.linspace(-1, 1, 9)
    first, second = np.triu_indices(8, 1)
    wins = rng.binomial(1000, ndtr((mu[first] - mu[second]) / 2**0.5))
    eight = fit(aggregate("abcdefgh", first, second, wins, 1000 - wins))
    nine = fit(
        aggregate(
            "abcdefghi", np.r_[first, 0], np.r_[second, 8], np.r_[wins, 1], np.r_[1000 - wins, 0]
        )
    )
    contrasts = np.eye(9)[:8] - np.eye(9)[0]
    _, before = eight.posterior.linear(contrasts[:, :8])
    _, after = nine.posterior.linear(contrasts)
    np.testing.assert_allclose(after[1:], before[1:], rtol=0.35)
    assert nine.tau is not None
    _, newcomer = nine.posterior.linear((np.eye(9)[8] - np.r_[np.full(8, 1 / 8), 0])[None])
    assert newcomer[0] < 1.5 * nine.tau


def test_one_answer_a_pair_has_nothing_in_common() -> None:
    """Without repeats the effects are not in the model."""
    _, data = asked(0, repeats=1)
    plain = fit(data, Options(pair_effects=False))
    assert fit(data).shares == Shares()
    np.testing.assert_array_equal(fit(data).utilities, plain.utilities)
