"""ICC against published tables, against pingouin, and against planted variance components."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from harness.stats.intervals import Bootstrap, FloatArray
from harness.stats.ratings.icc import FORMS, icc, icc_1_1, icc_bootstrap

PINGOUIN = {
    "icc_1_1": "ICC(1,1)",
    "icc_a_1": "ICC(A,1)",
    "icc_c_1": "ICC(C,1)",
    "icc_1_k": "ICC(1,k)",
    "icc_a_k": "ICC(A,k)",
    "icc_c_k": "ICC(C,k)",
}
SHROUT_FLEISS = {
    "icc_1_1": (0.1657, -0.13, 0.72),
    "icc_a_1": (0.2898, 0.02, 0.76),
    "icc_c_1": (0.7148, 0.34, 0.95),
    "icc_1_k": (0.4428, -0.88, 0.91),
    "icc_a_k": (0.6201, 0.07, 0.93),
    "icc_c_k": (0.9093, 0.68, 0.99),
}
ANXIETY = dict(zip(FORMS, (0.1750, 0.1980, 0.2160, 0.3889, 0.4255, 0.4526), strict=True))


def planted(
    rng: np.random.Generator, *, items: int, repeats: int, rho: float, shift: float = 0.0
) -> FloatArray:
    """Ratings with intraclass correlation `rho`; `shift` is the sd of repeat means."""
    level = math.sqrt(rho) * rng.normal(size=(items, 1))
    noise = math.sqrt(1 - rho) * rng.normal(size=(items, repeats))
    return level + noise + shift * rng.normal(size=repeats)


def test_published_table_of_shrout_and_fleiss(shared_data: Path) -> None:
    """Shrout & Fleiss (1979): six forms to four decimals, F intervals to two."""
    table = pl.read_csv(shared_data / "reference" / "icc_shrout_fleiss_1979.csv")
    found = icc(table.drop("target").to_numpy().astype(float))
    for form, (value, low, high) in SHROUT_FLEISS.items():
        assert round(found[form].estimate, 4) == value
        assert (round(found[form].low, 2), round(found[form].high, 2)) == (low, high)
        assert found[form].n == 6


def test_published_table_of_the_anxiety_data(shared_data: Path) -> None:
    """The anxiety ratings: six forms to four decimals."""
    table = pl.read_csv(shared_data / "reference" / "icc_anxiety_irr.csv")
    found = icc(table.drop("subject").to_numpy().astype(float))
    assert {form: round(found[form].estimate, 4) for form in FORMS} == ANXIETY


@pytest.mark.parametrize("seed", range(6))
def test_equal_to_pingouin(seed: int) -> None:
    """Estimates and F intervals of all six forms equal pingouin's on complete matrices."""
    pingouin = pytest.importorskip("pingouin")
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(seed)
    items, repeats = int(rng.integers(5, 40)), int(rng.integers(2, 7))
    x = planted(rng, items=items, repeats=repeats, rho=rng.uniform(0, 0.9), shift=rng.uniform(0, 2))
    if seed % 2:
        x = np.round(x + 3)
    long = pandas.DataFrame(
        [(i, j, x[i, j]) for i in range(items) for j in range(repeats)],
        columns=["item", "seed", "value"],
    )
    oracle = pingouin.intraclass_corr(long, targets="item", raters="seed", ratings="value")
    oracle = oracle.set_index("Type")
    interval = "CI95" if "CI95" in oracle.columns else "CI95%"
    found = icc(x)
    for form, name in PINGOUIN.items():
        assert found[form].estimate == pytest.approx(oracle.loc[name, "ICC"], abs=1e-8)
        limits = oracle.loc[name, interval]
        assert found[form].low == pytest.approx(limits[0], abs=0.006)
        assert found[form].high == pytest.approx(limits[1], abs=0.006)


def test_shift_and_scale_change_nothing() -> None:
    """Adding a constant and scaling all ratings leaves every form and interval as it was."""
    x = planted(np.random.default_rng(0), items=30, repeats=3, rho=0.5)
    x[4, 1] = np.nan
    for one, other in zip(icc(x).values(), icc(1e3 + 50 * x).values(), strict=True):
        assert one.estimate == pytest.approx(other.estimate, abs=1e-9)
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-9)


def test_missing_cells_are_used_by_one_way_forms_and_counted_by_two_way_forms() -> None:
    """With cells missing at random ICC(1,1) stays at the planted value; items left out show."""
    x = planted(np.random.default_rng(1), items=4000, repeats=4, rho=0.4)
    x[np.random.default_rng(2).random(x.shape) < 0.3] = np.nan
    found = icc(x)
    assert found["icc_1_1"].estimate == pytest.approx(0.4, abs=0.03)
    assert found["icc_1_1"].n == int(np.isfinite(x).any(axis=1).sum())
    assert found["icc_c_1"].n == int(np.isfinite(x).all(axis=1).sum())
    assert found["icc_c_1"].n + found["icc_c_1"].undefined == found["icc_1_1"].n


def test_unbalanced_equals_the_anova_by_hand() -> None:
    """Groups of 1, 2 and 3 ratings: mean squares and k0 of the unbalanced one-way ANOVA."""
    groups = [[1.0], [2.0, 4.0], [5.0, 5.0, 8.0]]
    x = np.full((3, 3), np.nan)
    for row, values in zip(x, groups, strict=True):
        row[: len(values)] = values
    grand = 25 / 6
    between = sum(len(g) * (sum(g) / len(g) - grand) ** 2 for g in groups) / 2
    within = sum((v - sum(g) / len(g)) ** 2 for g in groups for v in g) / 3
    k0 = (6 - (1 + 4 + 9) / 6) / 2
    expected = (between - within) / (between + (k0 - 1) * within)
    assert icc(x)["icc_1_1"].estimate == pytest.approx(expected)


def test_bootstrap_and_f_share_the_estimate() -> None:
    """Both routes give one estimate, with missing cells too."""
    x = planted(np.random.default_rng(3), items=50, repeats=4, rho=0.5, shift=0.5)
    x[:5, 0] = np.nan
    one, other = icc(x), icc_bootstrap(x, bootstrap=Bootstrap(resamples=50))
    for form in FORMS:
        assert one[form].estimate == pytest.approx(other[form].estimate)
    assert icc_1_1(x, bootstrap=Bootstrap(resamples=50)) == other["icc_1_1"]


@pytest.mark.parametrize("rho", [0.2, 0.7])
def test_intervals_cover_planted_components(rho: float) -> None:
    """95 % intervals, bootstrap and F, cover the planted ICC in 91 to 98 % of 300 tables."""
    rng = np.random.default_rng(4)
    covered = np.zeros(2)
    for _ in range(300):
        x = planted(rng, items=100, repeats=4, rho=rho)
        both = (icc_1_1(x, bootstrap=Bootstrap(resamples=300)), icc(x)["icc_1_1"])
        covered += [value.low <= rho <= value.high for value in both]
    assert (covered / 300 >= 0.91).all()
    assert (covered / 300 <= 0.98).all()


@pytest.mark.parametrize("route", ["F", "bootstrap"])
def test_constant_ratings_are_nan_and_never_zero(route: str) -> None:
    """A respondent that always answers alike has no ICC; the note says why."""
    x = np.full((10, 3), 4.0)
    found = icc(x) if route == "F" else icc_bootstrap(x, bootstrap=Bootstrap(resamples=20))
    for value in found.values():
        assert math.isnan(value.estimate)
        assert value.note == "ratings do not vary"


def test_identical_repeats_give_one() -> None:
    """Repeats that never differ give 1 in every form, with limits of 1."""
    x = np.repeat([[1.1], [2.3], [5.7]], 3, axis=1)
    assert [(v.estimate, v.low, v.high) for v in icc(x).values()] == [(1.0, 1.0, 1.0)] * 6


@pytest.mark.parametrize("shape", [(0, 0), (1, 4), (5, 1), (0, 3)])
def test_too_little_data_is_undefined(shape: tuple[int, int]) -> None:
    """No items, one item or one repeat: NaN with a note, no exception."""
    x = np.arange(float(shape[0] * shape[1])).reshape(shape)
    for found in (icc(x), icc_bootstrap(x, bootstrap=Bootstrap(resamples=20))):
        assert all(math.isnan(value.estimate) and value.note for value in found.values())


def test_no_form_leaves_its_range() -> None:
    """On noise of any size no estimate or limit passes 1, and bootstrap and F estimates agree.

    Without the guard of the mean's forms: estimates of 16, lower limits of −1e16.
    """
    for seed in range(150):
        rng = np.random.default_rng(seed)
        items, repeats = rng.integers(2, 7), rng.integers(2, 5)
        ratings = rng.integers(1, 4, (items, repeats)).astype(float)
        ratings[rng.random(ratings.shape) < 0.1 * (seed % 2)] = np.nan
        by_f = icc(ratings)
        for form, value in icc_bootstrap(ratings, bootstrap=Bootstrap(resamples=60)).items():
            for one in (value, by_f[form]):
                assert not one.estimate > 1 + 1e-9, (seed, form)
                assert not one.high > 1 + 1e-9, (seed, form)
                assert not one.low > one.high, (seed, form)
                assert np.isneginf(one.low) or not one.low < -1e12, (seed, form)
            assert np.isnan(value.estimate) == np.isnan(by_f[form].estimate), (seed, form)
            if np.isfinite(value.estimate):
                assert abs(value.estimate - by_f[form].estimate) < 1e-9 * (1 + abs(value.estimate))
