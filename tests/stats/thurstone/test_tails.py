"""Items that lie farther from the rest than one normal allows for."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.coverage import Condition, simulate
from harness.stats.thurstone.fit import Options, fit

FAR = Condition(outliers=10, spread=0.5, degree=28)


def covered(condition: Condition, seed: int, options: Options) -> tuple[float, float]:
    """Shares of the ten far items and of the others inside their intervals; asserts that the
    mixture was taken."""
    rng = np.random.default_rng(seed)
    truth, _, data = simulate(condition, rng)
    found = fit(data, options)
    assert found.tails is not None and found.tails.sd == pytest.approx(found.tau)
    inside = np.abs(found.utilities - truth) < 1.96 * np.sqrt(found.posterior.variances(rng))
    return float(inside[-10:].mean()), float(inside[:-10].mean())


@pytest.mark.parametrize("limit", [800, 10])
@pytest.mark.parametrize(
    "condition", [FAR, replace(FAR, groups=2, means=0.0, known=True, between=0.5)]
)
def test_items_far_out_are_covered(condition: Condition, limit: int) -> None:
    """Ten of a hundred items at +4 among narrow others: about 95 % of them, and of the others, are
    inside, where one normal has none of them; with groups' means too, and without the inverse."""
    shares = [covered(condition, seed, Options(dense_limit=limit)) for seed in range(4)]
    far, others = np.mean(shares, axis=0)
    assert far > 0.8
    assert others > 0.9


@pytest.mark.parametrize("condition", [Condition(), Condition(effect=-2.0)])
def test_normal_utilities_have_one_normal(condition: Condition) -> None:
    """There is no evidence for a second."""
    for seed in range(4):
        assert fit(simulate(condition, np.random.default_rng(seed))[2]).tails is None


def test_a_prior_that_is_given_is_kept() -> None:
    """With --prior-sd the prior is the normal that was asked for."""
    found = fit(simulate(FAR, np.random.default_rng(0))[2], Options(prior_sd=1.5))
    assert found.tails is None
    assert found.tau == pytest.approx(1.5)
