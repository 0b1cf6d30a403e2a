"""Cross-seed correlation, discrimination and the informative correlation."""

import math

import numpy as np
import pytest

from harness.stats.intervals import Bootstrap, FloatArray
from harness.stats.ratings.agreement import cross_seed_r, discrimination

BOOT = Bootstrap(resamples=200)


def clustered(rng: np.random.Generator, *, items: int, at_mode: float, signal: bool) -> FloatArray:
    """Four repeats with a share at the mode 4, else 3 or 5; `signal` makes repeats agree."""
    off = rng.random((items, 1 if signal else 4)) >= at_mode
    value = np.where(rng.random(off.shape) < 0.5, 3.0, 5.0)
    x = np.where(off, value, 4.0)
    return np.repeat(x, 4, axis=1) if signal else x


def test_mean_over_pairs_of_numpys_r() -> None:
    """The mean over the pairs of repeats of Pearson's r on the items valid in both."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 1)) + rng.normal(size=(50, 3))
    x[:7, 0], x[5:12, 1] = np.nan, np.nan
    expected = []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        both = np.isfinite(x[:, a]) & np.isfinite(x[:, b])
        expected.append(np.corrcoef(x[both, a], x[both, b])[0, 1])
    found = cross_seed_r(x, bootstrap=BOOT)
    assert found.estimate == pytest.approx(np.mean(expected))
    assert (found.cells, found.undefined) == (3, 0)


def test_constant_repeats_are_counted_not_zeroed() -> None:
    """A repeat that never varies leaves its pairs out and counts them; all constant gives NaN."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 1)) + 0.1 * rng.normal(size=(30, 3))
    x[:, 2] = 4.0
    found = cross_seed_r(x, bootstrap=BOOT)
    assert found.estimate > 0.9
    assert (found.cells, found.undefined) == (1, 2)
    nothing = cross_seed_r(np.full((30, 3), 4.0), bootstrap=BOOT)
    assert math.isnan(nothing.estimate)
    assert (nothing.cells, nothing.undefined) == (0, 3)
    assert nothing.note


@pytest.mark.parametrize("shape", [(0, 0), (5, 1), (2, 4), (0, 3)])
def test_too_little_is_undefined(shape: tuple[int, int]) -> None:
    """No items, one repeat or two items: NaN, no exception."""
    x = np.arange(float(shape[0] * shape[1])).reshape(shape)
    assert math.isnan(cross_seed_r(x, bootstrap=BOOT).estimate)
    assert math.isnan(discrimination(x, bootstrap=BOOT).informative_r.estimate)


def test_interval_covers_the_planted_correlation() -> None:
    """The bootstrap interval covers the planted r in 91 to 98 % of 200 tables."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        x = math.sqrt(0.5) * (rng.normal(size=(100, 1)) + rng.normal(size=(100, 3)))
        found = cross_seed_r(x, bootstrap=Bootstrap(resamples=300))
        covered += found.low <= 0.5 <= found.high
    assert 0.91 <= covered / 200 <= 0.98


def test_no_signal_value_at_91_percent_modal() -> None:
    """Without any signal informative r is near −.78 at 91 % modal, and so is its reference."""
    x = clustered(np.random.default_rng(3), items=20_000, at_mode=0.91, signal=False)
    x = np.where(x == 5.0, 3.0, x)  # one level beside the mode
    found = discrimination(x, bootstrap=Bootstrap(resamples=0), permutations=10)
    assert found.mode == 4
    assert found.rate.estimate == pytest.approx(0.09, abs=0.005)
    assert found.informative_r.estimate < -0.75
    assert found.no_signal.estimate == pytest.approx(found.informative_r.estimate, abs=0.03)


def test_no_signal_stays_where_repeats_agree() -> None:
    """With perfect agreement informative r is 1 while the no-signal value does not move."""
    rng = np.random.default_rng(4)
    noise = clustered(rng, items=5000, at_mode=0.8, signal=False)
    signal = clustered(rng, items=5000, at_mode=0.8, signal=True)
    first, second = (discrimination(x, bootstrap=BOOT, permutations=20) for x in (noise, signal))
    assert second.informative_r.estimate == pytest.approx(1)
    assert second.no_signal.estimate == pytest.approx(first.no_signal.estimate, abs=0.05)
    assert first.no_signal.low <= first.informative_r.estimate <= first.no_signal.high


def test_fast_permutation_equals_the_definition() -> None:
    """The no-signal value of one permutation equals the informative r of the permuted table."""
    rng = np.random.default_rng(5)
    x = np.round(rng.normal(size=(60, 3)) + 3)
    x[rng.random(x.shape) < 0.1] = np.nan
    found = discrimination(x, bootstrap=BOOT, permutations=1).no_signal.estimate
    mode = discrimination(x, bootstrap=BOOT).mode
    at_mode = np.where(np.isclose(x, mode), 0.0, x - mode)
    shuffled = BOOT.rng(60, 1).permuted(at_mode[None], axis=1)[0] + mode
    assert discrimination(shuffled, bootstrap=BOOT).informative_r.estimate == pytest.approx(found)
