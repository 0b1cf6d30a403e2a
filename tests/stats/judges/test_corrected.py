"""A judge's rate corrected for its errors covers the truth; κ is the published one."""

import itertools
import math

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import cohen_kappa_score

from benchmarks.judged_rates import covered
from harness.stats.judges.corrected import ErrorRates, corrected_rate, likelihood_ratio
from harness.stats.judges.kappa import cohen_kappa

RUNS = 1000
"""Fixed beforehand; the standard error of a coverage of .95 is .007."""


GRID = list(itertools.product((0.0, 0.1, 0.2, 0.3), repeat=2))


@pytest.mark.parametrize("errors", GRID, ids=str)
def test_corrected_rates_cover(errors: tuple[float, float]) -> None:
    """95 % intervals hold the planted rate in .93 to .97 (± 2 SE) of 1 000 runs, seeds 0 to 999."""
    for rate, sizes in ((0.02, (400, 200)), (0.1, (200, 60)), (0.3, (400, 200)), (0.6, (200, 60))):
        share, _ = covered(rate, errors, sizes, RUNS)
        error = math.sqrt(0.95 * 0.05 / RUNS)
        assert 0.93 - 2 * error <= share <= 0.97 + 2 * error, (rate, sizes)


@pytest.mark.parametrize("texts", [50, 220, 5000])
def test_none_of_many_ends_near_the_rule_of_three(texts: int) -> None:
    """Where a sure judge calls none (or all) yes, the interval is 3 to 3.7 texts long."""
    sure = ErrorRates(found=9999, positives=9999, passed=9999, negatives=9999)
    none, all_ = corrected_rate(0, texts, sure), corrected_rate(texts, texts, sure)
    assert (none.low, all_.high) == (0.0, 1.0)
    assert 3.0 <= none.high * texts <= 3.7
    assert none.high == pytest.approx(1 - all_.low)


KNOWN = [
    (41.0, 220.0, ErrorRates(found=54, positives=60, passed=51, negatives=60)),
    (0.0, 100.0, ErrorRates(found=60, positives=60, passed=60, negatives=60)),
    (3.0, 100.0, ErrorRates(found=40, positives=60, passed=60, negatives=60)),
    (2.0, 200.0, ErrorRates(found=60, positives=60, passed=48, negatives=60)),
    (195.0, 200.0, ErrorRates(found=48, positives=60, passed=60, negatives=60)),
    (100.0, 100.0, ErrorRates(found=30, positives=30, passed=20, negatives=30)),
    (0.5, 1.0, ErrorRates(found=1, positives=1, passed=1, negatives=1)),
]


@pytest.mark.parametrize("known", KNOWN, ids=str)
def test_the_interval_ends_where_the_ratio_says(known: tuple[float, float, ErrorRates]) -> None:
    """Inside rates are not excluded, beyond an end within (0, 1) they are; the estimate is in."""
    said, texts, errors = known
    found = corrected_rate(said, texts, errors)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    inside = np.linspace(found.low + 1e-4, found.high - 1e-4, 9)
    assert all(likelihood_ratio(rate, said, texts, errors) <= 3.8415 for rate in inside)
    for rate in (found.low - 1e-3, found.high + 1e-3):
        assert not 0 < rate < 1 or likelihood_ratio(rate, said, texts, errors) > 3.8414


@pytest.mark.parametrize("known", KNOWN[:1] + KNOWN[2:5], ids=str)
def test_the_ratio_is_that_of_a_search(known: tuple[float, float, ErrorRates]) -> None:
    """The likeliest sensitivity and specificity are those that a search of all finds."""
    said, texts, errors = known
    side = expit(np.linspace(-9, 9, 600))
    s1, s0 = side[:, None], side[None, :]
    checked = (
        errors.found * np.log(s1) + (errors.positives - errors.found) * np.log1p(-s1)
        + errors.passed * np.log(s0) + (errors.negatives - errors.passed) * np.log1p(-s0)
    )  # fmt: skip

    def most(rate: float) -> float:
        y = rate * s1 + (1 - rate) * (1 - s0)
        return float((checked + said * np.log(y) + (texts - said) * np.log1p(-y)).max())

    youden = errors.sensitivity + errors.specificity - 1
    best = most(min(1.0, max(0.0, (said / texts + errors.specificity - 1) / youden)))
    for rate in (0.0, 0.01, 0.1, 0.4, 0.97, 1.0):
        assert likelihood_ratio(rate, said, texts, errors) == pytest.approx(
            2 * (best - most(rate)), abs=0.05
        )


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
