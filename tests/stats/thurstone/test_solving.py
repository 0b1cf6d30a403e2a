"""The matrices of the fit: inverse and solver, against numpy's; the covariance of a near look."""

import numpy as np
import pytest

from harness.pairs.graphs import regular_pairs
from harness.stats.thurstone import comparisons, precision
from harness.stats.thurstone.comparisons import Comparisons, aggregate
from harness.stats.thurstone.ep import Sweeps
from harness.stats.thurstone.evidence import converge
from harness.stats.thurstone.fit import Options, fit
from harness.stats.thurstone.likelihood import Likelihood
from harness.stats.thurstone.links import LINKS
from harness.stats.thurstone.precision import Design
from harness.stats.thurstone.variance import dense_covariance, inverse


def planted(items: int, degree: int, seed: int = 0) -> Comparisons:
    rng = np.random.default_rng(seed)
    first, second = np.array(regular_pairs(items, degree, rng)).T
    mu = rng.normal(0, 1.5, items)
    won = (rng.normal(0, 2**0.5, len(first)) < mu[first] - mu[second] - 0.3).astype(float)
    return aggregate([str(k) for k in range(items)], first, second, won, 1 - won)


@pytest.mark.parametrize("size", [1, 2, 95, 96, 97, 193, 400])
def test_inverse(size: int) -> None:
    """That of numpy to rounding, the matrix itself kept."""
    rng = np.random.default_rng(size)
    root = rng.normal(size=(size, size))
    matrix = root @ root.T + np.eye(size)
    kept = matrix.copy()
    found = inverse(matrix)
    np.testing.assert_allclose(found, np.linalg.inv(matrix), rtol=0, atol=1e-9)
    np.testing.assert_allclose(found, found.T, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(matrix, kept)


def test_inverse_of_a_singular_matrix() -> None:
    """The pseudo-inverse, where a block is not positive definite."""
    matrix = np.ones((200, 200))
    np.testing.assert_allclose(inverse(matrix), matrix / 200**2, atol=1e-12)


def test_one_column_is_solved_like_many() -> None:
    """One right side alone, or beside others, and by the dense covariance: one solution."""
    data = planted(300, 10)
    design = Design(data, position=True, scale=1.0)
    rng = np.random.default_rng(0)
    matrix = design.precision(rng.uniform(0.1, 1, len(data.first)), np.full(design.size, 0.3))
    right = rng.normal(size=(design.size, 3))
    many = matrix.solve(right, tolerance=1e-12)
    alone = np.stack([matrix.solve(column, tolerance=1e-12) for column in right.T], axis=1)
    np.testing.assert_allclose(alone, many, atol=1e-9)
    np.testing.assert_allclose(dense_covariance(matrix) @ right, many, atol=1e-9)


def test_a_consistent_singular_system_is_solved() -> None:
    """Without a ridge the level is free: what is left by rounding is not blown up into it."""
    data = planted(60, 6)
    design = Design(data, position=False, scale=1.0)
    matrix = design.precision(np.ones(len(data.first)), np.zeros(design.size))
    right = matrix.dot(np.random.default_rng(0).normal(size=design.size))
    found = matrix.solve(right, tolerance=0.0, iterations=2000)
    np.testing.assert_allclose(matrix.dot(found), right, atol=1e-9)
    assert np.abs(found).max() < 100


@pytest.mark.parametrize(("items", "degree"), [(120, 10), (300, 24)])
def test_a_coarse_start_ends_where_a_fine_one_does(items: int, degree: int) -> None:
    """Local variances first, and covariances scaled instead of inverted, change means by less than
    a hundredth of their deviation, deviations by less than .3 %, and τ by less than .3 %."""
    data, link = planted(items, degree), LINKS["probit"]
    design = Design(data, position=True, scale=link.scale)
    found = []
    for coarse, tolerance in ((True, 3e-3), (False, 1e-5)):
        start = np.zeros(design.size)
        sweeps = Sweeps(
            Likelihood(data, link), design, start=start, tau2=1.0, effect_ridge=0.04, dense=True
        )
        found.append(converge(sweeps, estimate_tau=True, coarse=coarse, tolerance=tolerance))
    near, fine = found
    assert near.converged and fine.converged
    assert near.covariance is not None and fine.covariance is not None
    se = np.sqrt(np.diagonal(fine.covariance))
    assert np.abs(near.mean - fine.mean).max() < 0.01 * se.max()
    assert np.abs(np.sqrt(np.diagonal(near.covariance)) / se - 1).max() < 3e-3
    assert abs(near.tau / fine.tau - 1) < 3e-3
    exact = np.linalg.inv(near.precision.dense())
    np.testing.assert_allclose(near.covariance, exact, atol=2e-3 * np.abs(exact).max())


def test_maximum_likelihood_of_large_counts_converges() -> None:
    """Counts of hundreds a pair, where the last digits of the likelihood hide its slope."""
    data = planted(30, 8)
    many = aggregate(
        data.items, data.first, data.second, 400 + 300 * data.wins, 400 + 300 * data.losses
    )
    assert fit(many, Options(prior_sd=None)).method == "ml"


@pytest.mark.parametrize("groups", [1, 2])
def test_sums_over_many_rows_are_counts(monkeypatch: pytest.MonkeyPatch, groups: int) -> None:
    """Above `MANY_ROWS` a value a row is summed by the item as numpy counts it."""
    rng = np.random.default_rng(groups)
    first, gap = rng.integers(0, 12, 400), rng.integers(1, 12, 400)
    ones, group = np.ones(400), rng.integers(0, groups, 400)
    data = aggregate(
        [str(k) for k in range(12)],
        first,
        (first + gap) % 12,
        ones,
        0 * ones,
        group=group,
        groups=["a", "b"][:groups],
    )
    design = Design(data, position=True, scale=1.0)
    rows = rng.normal(size=len(data.first))
    few = design.transpose(rows)
    for at, ends in zip((data.first, data.second), design.ends(rows), strict=True):
        np.testing.assert_allclose(ends, np.bincount(at, rows, 12))
    monkeypatch.setattr(precision, "MANY_ROWS", 0)
    for at, ends in zip((data.first, data.second), design.ends(rows), strict=True):
        np.testing.assert_allclose(ends, np.bincount(at, rows, 12), atol=1e-12)
    np.testing.assert_allclose(design.transpose(rows), few, atol=1e-12)


@pytest.mark.parametrize("limit", [25, 2**62])
def test_rows_are_summed_by_pair(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Answers to one pair in any order are one row; also where there are so many items that no
    number holds a pair beside its place."""
    rng = np.random.default_rng(0)
    first, gap = rng.integers(0, 5, 300), rng.integers(1, 5, 300)
    second, wins = (first + gap) % 5, rng.integers(0, 3, 300).astype(float)
    by_key = comparisons.in_order
    monkeypatch.setattr(comparisons, "in_order", lambda key, _: by_key(key, limit))
    data = aggregate([str(k) for k in range(5)], first, second, wins, 1 + 0 * wins)
    pairs = sorted(set(zip(first.tolist(), second.tolist(), strict=True)))
    assert list(zip(data.first.tolist(), data.second.tolist(), strict=True)) == pairs
    for row, (one, other) in enumerate(pairs):
        at = (first == one) & (second == other)
        assert data.wins[row] == wins[at].sum()
        assert data.losses[row] == at.sum()
