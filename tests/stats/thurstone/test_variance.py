"""Variances of linear predictors are those that the covariance of all parameters gives."""

from dataclasses import dataclass

import numpy as np
import pytest

from harness.stats.thurstone.comparisons import FloatArray, aggregate
from harness.stats.thurstone.ep import Variances
from harness.stats.thurstone.precision import Design
from harness.stats.thurstone.variance import Moments, inverse, moments_dense


@dataclass
class Case:
    """A small design, a covariance of its n + G parameters, and its rows written out."""

    design: Design
    covariance: FloatArray
    rows: FloatArray
    apart: FloatArray
    cells: FloatArray


def case(groups: int, seed: int = 0) -> Case:
    """Nine comparisons of four items in so many position groups; 0 is a fit without position."""
    rng = np.random.default_rng(seed)
    first = [0, 1, 2, 3, 0, 2, 3, 1, 0]
    second = [1, 0, 3, 2, 2, 0, 1, 3, 1]
    group = np.arange(9) % max(groups, 1)
    names = ["g"] * max(groups, 1)
    data = aggregate("abcd", first, second, np.ones(9), np.ones(9), group=group, groups=names)
    design = Design(data, position=groups > 0, scale=0.8)
    rows = np.array([design.linear(unit) for unit in np.eye(design.size)]).T
    root = rng.normal(size=(design.size, design.size))
    apart = np.array([np.eye(design.size)[f] - np.eye(design.size)[s]
                      for f, s in zip(design.first, design.second, strict=True)])  # fmt: skip
    return Case(design, root @ root.T, rows, apart, np.eye(design.size)[design.n :])


def of(rows: FloatArray, covariance: FloatArray) -> FloatArray:
    """(m,) diagonal of rows Σ rowsᵀ."""
    return np.einsum("ij,jk,ik->i", rows, covariance, rows)


@pytest.mark.parametrize("groups", [0, 1, 3])
def test_a_rows_variance_has_all_its_terms(groups: int) -> None:
    """Var(μ_first − μ_second + β) by its parts is that of the whole covariance: utilities, position
    effects and what they have in common."""
    one = case(groups)
    found = moments_dense(one.design, one.covariance).rows(one.design)
    np.testing.assert_allclose(found, of(one.rows, one.covariance))


@pytest.mark.parametrize("groups", [0, 1, 3])
def test_any_combination_has_its_variance(groups: int) -> None:
    """a·(μ_first − μ_second) + e·β for any coefficients, positive and negative."""
    one = case(groups)
    rng = np.random.default_rng(1)
    m = len(one.rows)
    apart, effects = rng.normal(size=m), rng.normal(size=(m, groups))
    combined = apart[:, None] * one.apart + effects @ one.cells
    found = moments_dense(one.design, one.covariance).along(apart, effects)
    np.testing.assert_allclose(found, of(combined, one.covariance))


@pytest.mark.parametrize("groups", [0, 1, 3])
def test_a_covariance_of_low_rank_is_added_in_every_part(groups: int) -> None:
    """Σ + L Lᵀ gives the same moments whether it is added before or after."""
    one = case(groups)
    low = np.random.default_rng(2).normal(size=(one.design.size, 2))
    added = moments_dense(one.design, one.covariance).plus(one.design, low)
    whole = moments_dense(one.design, one.covariance + low @ low.T)
    for name in ("apart", "cross", "effects"):
        np.testing.assert_allclose(getattr(added, name), getattr(whole, name), atol=1e-12)


def test_some_rows_are_those_rows() -> None:
    """`pick` keeps what belongs to a row with it."""
    one = case(3)
    whole = moments_dense(one.design, one.covariance)
    some = np.array([4, 1])
    rng = np.random.default_rng(3)
    apart, effects = rng.normal(size=len(one.rows)), rng.normal(size=(len(one.rows), 3))
    found = whole.pick(some).along(apart[some], effects[some])
    np.testing.assert_allclose(found, whole.along(apart, effects)[some])


def test_a_variance_is_never_negative() -> None:
    """Rounding below zero is zero."""
    none = Moments(np.array([-1e-18]), np.zeros((1, 0)), np.zeros((0, 0)))
    assert none.along(np.ones(1), np.zeros((1, 0))) == [0.0]


def test_the_inverse_is_the_inverse() -> None:
    """By Cholesky where the matrix is positive definite, by its pseudo-inverse where it is not."""
    one = case(1).covariance
    np.testing.assert_allclose(inverse(one) @ one, np.eye(len(one)), atol=1e-8)
    flat = np.array([[1.0, -1.0], [-1.0, 1.0]])
    np.testing.assert_allclose(inverse(flat), flat / 4, atol=1e-12)


@pytest.mark.parametrize("dense", [True, False])
def test_an_item_never_asked_of_has_the_priors_variance(dense: bool) -> None:
    """No more and no less: the level that no comparison sees is counted once."""
    data = aggregate("abcde", [0, 1, 2], [1, 2, 3], np.ones(3), np.zeros(3))
    design = Design(data, position=True, scale=0.8)
    weights = np.full(3, 0.5)
    precision = design.precision(weights, np.full(design.size, 0.25))
    items, _ = Variances(design, dense)(design, precision, weights)
    assert items[4] == pytest.approx(4)
