"""A judge's rate corrected for its errors covers the truth; κ is the published one."""

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from harness.stats.judges.corrected import ErrorRates, corrected_rate
from harness.stats.judges.kappa import cohen_kappa

RUNS = 1000
"""Fixed beforehand; the standard error of a coverage of .95 is .007."""


@pytest.mark.parametrize("errors", [(0.05, 0.1), (0.1, 0.3), (0.3, 0.1), (0.3, 0.3), (0.2, 0.2)])
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("sizes", [(200, 60), (400, 200)])
def test_corrected_rates_cover(
    rate: float, errors: tuple[float, float], sizes: tuple[int, int]
) -> None:
    """95 % intervals hold the planted rate in .93 to .97 (± 2 SE) of 1 000 runs, seeds 0 to 999."""
    (positive, negative), (texts, checked) = errors, sizes
    covered = 0
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        true = rng.binomial(texts, rate)
        said = rng.binomial(true, 1 - negative) + rng.binomial(texts - true, positive)
        known = ErrorRates(
            found=int(rng.binomial(checked, 1 - negative)), positives=checked,
            passed=int(rng.binomial(checked, 1 - positive)), negatives=checked,
        )  # fmt: skip
        found = corrected_rate(float(said), float(texts), known)
        covered += found.low <= rate <= found.high
    error = math.sqrt(0.95 * 0.05 / RUNS)
    assert 0.93 - 2 * error <= covered / RUNS <= 0.97 + 2 * error


def test_the_estimate_is_rogan_and_gladens() -> None:
    """(q + sp − 1) / (se + sp − 1), within 0 and 1; a perfect judge changes nothing."""
    known = ErrorRates(found=90, positives=100, passed=80, negatives=100)
    assert corrected_rate(41, 100, known).estimate == pytest.approx((0.41 + 0.8 - 1) / 0.7)
    assert corrected_rate(5, 100, known).estimate == 0.0
    assert "before the bounds" in corrected_rate(5, 100, known).note
    sure = ErrorRates(found=1000, positives=1000, passed=1000, negatives=1000)
    assert corrected_rate(41, 100, sure).estimate == pytest.approx(0.41)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (ErrorRates(found=0, positives=0, passed=9, negatives=9), "not checked on both"),
        (ErrorRates(found=5, positives=10, passed=5, negatives=10), "next to nothing"),
        (ErrorRates(found=1, positives=10, passed=1, negatives=10), "next to nothing"),
    ],
)
def test_a_judge_that_cannot_tell_corrects_nothing(known: ErrorRates, said: str) -> None:
    """Nor does one who was not checked on both kinds."""
    found = corrected_rate(41, 100, known)
    assert math.isnan(found.estimate) and said in found.note


def test_kappa_is_the_peers() -> None:
    """Estimates are scikit-learn's; the standard error is Fleiss, Cohen and Everitt's example's."""
    rng = np.random.default_rng(3)
    for classes in (2, 3, 5):
        first = rng.integers(0, classes, 80)
        second = np.where(rng.random(80) < 0.6, first, rng.integers(0, classes, 80))
        found = cohen_kappa([str(x) for x in first], [str(x) for x in second])
        assert found.estimate == pytest.approx(cohen_kappa_score(first, second))
    assert math.isnan(cohen_kappa(["a"] * 5, ["a"] * 5).estimate)


def test_kappas_interval_covers() -> None:
    """95 % intervals hold the planted κ in .93 to .97 (± 2 SE) of 1 000 runs of 200 texts."""
    joint = np.array([[0.35, 0.10], [0.08, 0.47]])
    chance = float(joint.sum(axis=1) @ joint.sum(axis=0))
    planted = (float(np.trace(joint)) - chance) / (1 - chance)
    covered = 0
    for seed in range(RUNS):
        cells = np.random.default_rng(seed).choice(4, size=200, p=joint.ravel())
        found = cohen_kappa([str(c // 2) for c in cells], [str(c % 2) for c in cells])
        covered += found.low <= planted <= found.high
    error = math.sqrt(0.95 * 0.05 / RUNS)
    assert 0.93 - 2 * error <= covered / RUNS <= 0.97 + 2 * error
