"""The prior's spread by evidence: where it is found, and what not knowing it adds."""

import numpy as np
import pytest
from scipy.special import ndtr

from harness.errors import UsageError
from harness.pairs.graphs import present, regular_pairs
from harness.stats.thurstone.comparisons import Comparisons, aggregate
from harness.stats.thurstone.evidence import GRID_ITEMS
from harness.stats.thurstone.fit import Options, fit


def planted(seed: int, n: int, degree: int, effect: float) -> tuple[np.ndarray, Comparisons]:
    """One answer a pair of a random regular graph; utilities of sd 1.5 and mean 0."""
    rng = np.random.default_rng(seed)
    mu = rng.normal(0, 1.5, n)
    mu -= mu.mean()
    shown = present(regular_pairs(n, degree, rng), "balanced", rng)
    first, second = np.array([one[0] for one in shown]).T
    y = rng.random(len(first)) < ndtr((mu[first] - mu[second] + effect) / 2**0.5)
    return mu, aggregate([str(k) for k in range(n)], first, second, y, ~y)


def test_a_one_sided_respondent_has_an_honest_position_effect() -> None:
    """β = −3, 100 items, 10 comparisons an item: standardised errors of β have spread 1, where
    with τ taken for known they have nearly 2."""
    errors = []
    for seed in range(24):
        _, data = planted(seed, 100, 10, -3.0)
        fitted = fit(data)
        errors.append((fitted.effects[0] + 3) / fitted.posterior.effect_se()[0])
    assert np.sqrt(np.mean(np.square(errors))) < 1.3


@pytest.mark.parametrize("n", [GRID_ITEMS, GRID_ITEMS + 2])
def test_what_a_known_prior_leaves_out(n: int) -> None:
    """With τ to be found β's error is larger than with τ given, on the grid and beyond it."""
    _, data = planted(0, n, 10, -2.0)
    found = fit(data)
    known = fit(data, Options(prior_sd=found.tau))
    ratio = found.posterior.effect_se()[0] / known.posterior.effect_se()[0]
    assert 1.1 < ratio < 2.5


def test_many_items_have_the_same_errors_without_the_dense_inverse() -> None:
    """What τ's uncertainty adds to β is the same by conjugate gradients as by the inverse."""
    _, data = planted(0, 200, 10, -2.0)
    dense, sparse = fit(data), fit(data, Options(dense_limit=10))
    se = [one.posterior.effect_se()[0] for one in (dense, sparse)]
    assert se[1] == pytest.approx(se[0], rel=0.1)


@pytest.mark.parametrize(("degree", "within"), [(2, 0.06), (5, 0.015)])
def test_many_thin_items_have_the_same_prior_without_the_dense_inverse(
    degree: int, within: float
) -> None:
    """Where the prior knows much of each item, the level is counted once and τ does not swing."""
    _, data = planted(0, 400, degree, -0.3)
    dense, sparse = fit(data), fit(data, Options(dense_limit=10))
    assert sparse.posterior.gaussian.converged
    assert sparse.tau == pytest.approx(dense.tau, rel=within)


@pytest.mark.parametrize("effect", [0.0, -3.0, -5.0])
@pytest.mark.parametrize("degree", [2, 5])
def test_it_converges_where_data_are_thin(effect: float, degree: int) -> None:
    """Thin and one-sided data: it converges, and another start gives the same answer."""
    for seed in range(3):
        _, data = planted(seed, 60, degree, effect)
        fitted = fit(data)
        assert fitted.posterior.gaussian.converged
        again = fit(data, start=fit(data, Options(prior_sd=5.0)))
        se = np.sqrt(fitted.posterior.variances(np.random.default_rng(0)))
        assert np.abs((again.utilities - fitted.utilities) / se).max() < 0.05
        assert np.abs(again.effects - fitted.effects)[0] < 0.05 * fitted.posterior.effect_se()[0]


@pytest.mark.parametrize("seed", range(3))
def test_it_converges_where_each_pair_was_asked_very_often(seed: int) -> None:
    """A chain of 40 items with 8 000 answers a neighbour, where parallel updates of the sites
    overshoot and, undamped, go to and fro for ever."""
    rng = np.random.default_rng(seed)
    mu, first = 3 * rng.normal(0, 1, 40), np.arange(39)
    wins = rng.binomial(8000, ndtr((mu[:-1] - mu[1:]) / 2**0.5))
    fitted = fit(aggregate([str(k) for k in range(40)], first, first + 1, wins, 8000 - wins))
    assert fitted.posterior.gaussian.converged
    assert not fitted.notes


def test_small_sets_are_covered() -> None:
    """Eight items: about 95 % of utilities inside their intervals."""
    inside = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        mu = rng.normal(0, 1.5, 8)
        mu -= mu.mean()
        first, second = rng.permuted(np.tile(np.arange(8), (40, 1)), axis=1)[:, :2].T
        y = rng.random(40) < ndtr((mu[first] - mu[second] - 0.3) / 2**0.5)
        fitted = fit(aggregate("abcdefgh", first, second, y, ~y))
        se = np.sqrt(fitted.posterior.variances(rng))
        inside.append(np.abs(fitted.utilities - mu) < 1.96 * se)
    assert 0.92 < np.mean(inside) < 0.985


@pytest.mark.parametrize("link", ["probit", "logit"])
def test_separation_by_position_is_an_error_without_a_prior(link: str) -> None:
    """All answers for the first, whatever the items: no finite maximum, and no interval of 1e7."""
    first, second = np.array([(a, b) for a in range(4) for b in range(4) if a != b]).T
    data = aggregate("abcd", first, second, np.ones(12), np.zeros(12))
    with pytest.raises(UsageError, match="position effect"):
        fit(data, Options(link=link, prior_sd=None))
