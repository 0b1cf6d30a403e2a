"""Prior means of parts of the items."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from benchmarks.coverage import Condition, simulate
from harness.stats.thurstone.comparisons import Comparisons, aggregate
from harness.stats.thurstone.fit import Fit, Options, fit
from harness.stats.thurstone.parts import Parts, parts_of
from harness.stats.thurstone.precision import Design
from harness.stats.thurstone.ranking import expected_rho, spearman


def inside(fitted: Fit, truth: np.ndarray) -> float:
    se = np.sqrt(fitted.posterior.variances(np.random.default_rng(0)))
    return float((np.abs(fitted.utilities - truth) < 1.96 * se).mean())


def small() -> Comparisons:
    rng = np.random.default_rng(3)
    first = rng.integers(0, 12, 60)
    second = (first + rng.integers(1, 12, 60)) % 12
    wins = rng.integers(0, 2, 60).astype(float)
    data = aggregate([str(k) for k in range(12)], first, second, wins, 1 - wins)
    return replace(data, parts=tuple("abc"[k % 3] for k in range(12)))


def test_integrating_the_means_out_is_the_prior_of_the_sum() -> None:
    """The prior precision of μ = u + Zγ is the inverse of τ²I + v ZZᵀ, in all its uses."""
    data = small()
    found = parts_of(data, "origin")
    assert found is not None
    parts = found.with_variances(np.array([2.0]))
    design = Design(data, position=True, scale=1.0)
    ridge = np.r_[np.full(12, 1 / 0.7), 0.04]
    precision = design.precision(np.zeros(len(data.first)), ridge, parts)
    prior = 0.7 * np.eye(12) + 2.0 * parts.columns @ parts.columns.T
    dense = precision.dense()
    np.testing.assert_allclose(np.linalg.inv(dense[:12, :12]), prior, atol=1e-10)
    np.testing.assert_allclose(precision.dot(np.eye(13)), dense, atol=1e-12)
    np.testing.assert_allclose(precision.diagonal, np.diagonal(dense), atol=1e-12)
    drawn = parts.sample(ridge[:12], np.random.default_rng(0), 40_000)
    np.testing.assert_allclose(np.cov(drawn), dense[:12, :12], atol=0.06)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("groups", [2, 5])
def test_intervals_cover_where_few_pairs_join_groups(groups: int, known: bool) -> None:
    """A twentieth of the pairs between groups, whose names are given or not: one normal for all
    covers .11 and .48, and promises a rank correlation that it does not reach."""
    condition = Condition(groups=groups, known=known, spread=1.0)
    covered, true, promised = [], [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        truth, _, data = simulate(condition, rng)
        fitted = fit(data)
        covered.append(inside(fitted, truth))
        true.append(spearman(fitted.utilities, truth))
        promised.append(expected_rho(fitted.utilities, fitted.posterior.draws(64, rng)))
    assert np.mean(covered) > (0.88 if known else 0.8)
    assert np.mean(true) > 0.8
    assert np.mean(promised) < np.mean(true) + 0.03


def test_a_chain_of_neighbours_is_sure_of_less() -> None:
    """Where only near neighbours met, the graph's slow waves have a prior of their own; one normal
    covers .32."""
    condition = Condition(near=True)
    covered = []
    for seed in range(10):
        truth, _, data = simulate(condition, np.random.default_rng(seed))
        covered.append(inside(fit(data), truth))
    assert np.mean(covered) > 0.7


def test_names_of_equal_groups_change_little() -> None:
    """Names that say nothing about utilities leave them, and their errors, nearly as they were."""
    _, _, data = simulate(Condition(), np.random.default_rng(0))
    named = replace(data, parts=tuple(f"{k % 5}" for k in range(data.n)))
    one, other = fit(data), fit(named)
    assert not one.group_sd
    assert other.group_sd["origin"] < 0.8
    assert np.corrcoef(one.utilities, other.utilities)[0, 1] > 0.99
    rng = np.random.default_rng(0)
    ratio = other.posterior.variances(rng) / one.posterior.variances(rng)
    assert 0.9 < np.sqrt(ratio.mean()) < 1.1


def test_one_normal_is_a_choice() -> None:
    """prior_groups none is the fit without names."""
    _, _, data = simulate(Condition(groups=5, known=True), np.random.default_rng(0))
    alone = fit(replace(data, parts=()), Options(prior_groups="none"))
    named = fit(data, Options(prior_groups="none"))
    np.testing.assert_array_equal(alone.utilities, named.utilities)
    assert set(fit(data).group_sd) == {"origin", "graph"}
    assert set(fit(data, Options(prior_groups="origin")).group_sd) == {"origin"}


def test_many_items_have_the_same_means_without_the_dense_inverse() -> None:
    """Solving for the parts agrees with inverting; the error of the draws is no common one."""
    condition = Condition(items=300, groups=5, known=True, spread=1.0)
    _, _, data = simulate(condition, np.random.default_rng(0))
    dense = fit(data, Options(prior_groups="origin"))
    local = fit(data, Options(prior_groups="origin", dense_limit=10))
    np.testing.assert_allclose(local.utilities, dense.utilities, atol=0.08)
    rng = np.random.default_rng(0)
    ratio = np.sqrt(local.posterior.variances(rng) / dense.posterior.variances(rng))
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert local.group_sd["origin"] == pytest.approx(dense.group_sd["origin"], rel=0.1)


def test_soft_counts_know_parts_too() -> None:
    """Probabilities of few bridges: the groups' gap is not drawn to nothing."""
    rng = np.random.default_rng(0)
    truth, _, data = simulate(Condition(groups=2, known=True, spread=1.0), rng)
    p = ndtr((truth[data.first] - truth[data.second] - 0.3) / np.sqrt(2))
    soft = replace(data, wins=p, losses=1 - p, soft=True)
    with_parts, one = fit(soft), fit(soft, Options(prior_groups="none"))
    gap = np.arange(100) % 2 == np.argmax(np.bincount(np.arange(100) % 2, truth))
    true = truth[gap].mean() - truth[~gap].mean()
    found = [f.utilities[gap].mean() - f.utilities[~gap].mean() for f in (with_parts, one)]
    assert abs(found[0] - true) < 0.25 < abs(found[1] - true) + 0.25
    assert isinstance(with_parts.posterior.gaussian.common.parts, Parts)  # type: ignore[union-attr]
