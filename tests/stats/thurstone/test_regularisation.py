"""Penalties on per-item σ: their gradients, their limits, and what is held out."""

from typing import Literal

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import ndtr

from harness.pairs.graphs import all_pairs, regular_pairs
from harness.stats.thurstone.comparisons import Comparisons, aggregate
from harness.stats.thurstone.fit import Options, fit
from harness.stats.thurstone.heldout import split
from harness.stats.thurstone.links import LINKS
from harness.stats.thurstone.precision import Design
from harness.stats.thurstone.regularisation import COIN, Regularised, regularisation
from harness.stats.thurstone.sigma import SigmaObjective, fit_sigma


def drawn(items: int, degree: int | None, seed: int = 0, spread: float = 2.0) -> Comparisons:
    """Both orders of each pair; σ = 1 throughout."""
    rng = np.random.default_rng(seed)
    pairs = all_pairs(items) if degree is None else regular_pairs(items, degree, rng)
    one, two = np.array(pairs).T
    first, second = np.concatenate([one, two]), np.concatenate([two, one])
    mu = rng.normal(0, spread, items)
    wins = rng.random(len(first)) < ndtr((mu[first] - mu[second]) / np.sqrt(2))
    return aggregate([f"i{n}" for n in range(items)], first, second, wins, ~wins)


@pytest.mark.parametrize("on", ["log", "sigma"])
@pytest.mark.parametrize("centred", [True, False])
def test_gradient(on: Literal["log", "sigma"], centred: bool) -> None:
    """The gradient of both penalties is that of finite differences."""
    data = drawn(8, None)
    options = Options(penalty=0.7, penalty_on=on, sigma_centred=centred)
    design = Design(data, position=True, scale=LINKS["probit"].scale)
    objective = SigmaObjective(data, options, design, np.full(design.size, 0.1))
    x = 0.3 * np.random.default_rng(1).standard_normal(design.size + design.n)
    error = check_grad(lambda y: objective(y)[0], lambda y: objective(y)[1], x)
    assert error < 1e-4 * np.linalg.norm(objective(x)[1])


@pytest.mark.parametrize("on", ["log", "sigma"])
def test_a_large_penalty_leaves_no_noise_of_its_own(on: Literal["log", "sigma"]) -> None:
    """With Σ log σ = 0 both penalties draw every σ to 1."""
    data = drawn(12, None)
    options = Options(penalty=1e6, penalty_on=on, prior_groups="none")
    found = fit_sigma(data, options, base=fit(data, Options(prior_groups="none")))
    assert found.sigma == pytest.approx(np.ones(12), abs=1e-3)
    assert np.isfinite(found.posterior.variances(np.random.default_rng(0))).all()


@pytest.fixture(scope="module")
def sparse() -> list[Regularised]:
    return regularisation(drawn(60, 5), rng=np.random.default_rng(0), penalties=(0.0, 1.0, 100.0))


def test_no_bounded_fit_has_a_noise_above_its_bound(sparse: list[Regularised]) -> None:
    """Bounded fits end at 7.39, so 14 and 45 are none of theirs; free ones pass it."""
    bounded = [row.max_sigma for row in sparse if row.bounded]
    assert max(bounded) == pytest.approx(np.exp(2))
    assert max(row.max_sigma for row in sparse if not row.bounded) > 14
    assert next(row.at_bound for row in sparse if row.bounded and row.penalty == 0.0) > 0


def test_fitted_noise_does_worse_than_none_where_data_are_thin(sparse: list[Regularised]) -> None:
    """With σ = 1 planted, no penalty fits training pairs best and pairs held out worst."""
    free = next(row for row in sparse if row.penalty == 0.0 and not row.bounded)
    assert free.train < sparse[0].train
    assert free.test.estimate > sparse[0].test.estimate
    assert sparse[0].test.estimate < COIN
    assert len(sparse) == 1 + 2 * 2 * 3


def test_only_random_pairs_are_held_out() -> None:
    """Scores rest on the eligible pairs: with others turned round they stay what they were."""
    data = drawn(20, None)
    eligible = (data.first < 10) & (data.second < 10)
    rows = split(data, rng=np.random.default_rng(0), fraction=0.2, eligible=eligible)
    found = regularisation(
        data, rng=np.random.default_rng(0), penalties=(1.0, 10.0), eligible=eligible
    )
    assert eligible[rows].all()
    assert found[0].test.n == len(data.rows(rows).pair_index()[0])
    with pytest.raises(ValueError, match="too few pairs"):
        regularisation(aggregate(["a", "b"], [0], [1], [1], [0]), rng=np.random.default_rng(0))
