"""Items that lie farther from the rest than one normal allows for."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.coverage import Condition, simulate
from harness.stats.thurstone.ep import Gaussian
from harness.stats.thurstone.fit import Options, fit
from harness.stats.thurstone.precision import Design
from harness.stats.thurstone.tails import tails_of

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


def test_what_a_mixture_gains_is_its_density() -> None:
    """The gain is that of SciPy's normal densities, item by item, at the mixture that is named; and
    an item at 200 deviations is not infinitely likely."""
    n, far = 40, 200.0
    mean = np.r_[np.random.default_rng(3).normal(0, 1, n - 1), far]
    variance = np.full(n, 0.5)
    design = Design(simulate(FAR, np.random.default_rng(0))[2], position=False, scale=1.0)
    rows = np.zeros(len(design.first))
    one = Gaussian(
        mean,
        design.precision(rows, np.ones(design.size)),
        rows,
        1.0,
        None,
        variance,
        np.zeros((n, 0)),
    )
    gain, found = tails_of(one, None, 1.0)
    v = 1 / (1 / variance - 1)
    m = v * mean / variance
    scales = np.exp(0.125 * np.arange(-16, 9))
    normal = max(norm.logpdf(m, 0, np.sqrt(v + s**2)).sum() for s in scales)
    parts = [
        np.log(weight) + norm.logpdf(m, 0, np.sqrt(v + (found.narrow * wider) ** 2))
        for weight, wider in ((1 - found.share, 1.0), (found.share, found.wider))
    ]
    assert gain == pytest.approx(np.logaddexp(*parts).sum() - normal, abs=1e-8)
    assert 100 < gain < np.inf


def test_a_mixture_leaves_the_scale_uncertain() -> None:
    """One-sided answers, of normal utilities that look like a mixture: β hangs on the scale. Its
    standardised errors have spread 1.1, where with the mixture taken for known they have 1.9."""
    errors = []
    for effect, seeds in ((-3.0, (1, 2, 23, 37, 55, 65, 70, 77)), (-2.0, (9, 17, 19, 30, 39, 52))):
        for seed in seeds:
            _, truth, data = simulate(Condition(effect=effect), np.random.default_rng(seed))
            found = fit(data)
            assert found.tails is not None
            errors.append((found.effects[0] - truth) / found.posterior.effect_se()[0])
    assert np.sqrt(np.mean(np.square(errors))) < 1.4
