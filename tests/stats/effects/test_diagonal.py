"""The diagonal effect: additive model, exact permutation test, items as units."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from scipy import stats

from harness.errors import UsageError
from harness.stats.effects.diagonal import rating_cells, self_vs_cross
from harness.stats.intervals import Bootstrap, FloatArray

RatingTable = Callable[..., pl.DataFrame]
BOOT = Bootstrap()


def least_squares(means: FloatArray) -> tuple[float, float, int]:
    """d, its standard error and the degrees of freedom, by ordinary regression on dummies."""
    k = len(means)
    rows, columns = np.divmod(np.arange(k * k), k)
    design = np.column_stack(
        [np.eye(k)[rows], np.eye(k)[columns][:, 1:], (rows == columns).astype(float)]
    )
    y = means.ravel()
    coefficients, _, rank, _ = np.linalg.lstsq(design, y)
    df = k * k - int(rank)
    scale = float(((y - design @ coefficients) ** 2).sum()) / df
    variance = scale * np.linalg.inv(design.T @ design)[-1, -1]
    return float(coefficients[-1]), math.sqrt(variance), df


@pytest.mark.parametrize("k", [3, 4, 6])
def test_equals_the_regression(k: int) -> None:
    """d, its t interval on (k − 1)² − 1 df and p equal least squares with dummies."""
    means = np.random.default_rng(k).normal(size=(k, k))
    d, se, df = least_squares(means)
    found = self_vs_cross(means, bootstrap=BOOT).effect
    assert df == (k - 1) ** 2 - 1
    assert found.estimate == pytest.approx(d)
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, df) * se)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(d) / se, df))


def test_permutation_test_is_exact() -> None:
    """p is the share of all k! assignments with as large a |d|, refitted one by one."""
    means = np.random.default_rng(1).normal(size=(4, 4)) + np.eye(4)
    observed = abs(least_squares(means)[0])
    every = [abs(least_squares(means[:, list(order)])[0])
             for order in itertools.permutations(range(4))]  # fmt: skip
    found = self_vs_cross(means, bootstrap=BOOT)
    assert found.permutations == 24
    assert found.permutation_p == pytest.approx(np.mean(np.array(every) >= observed - 1e-12))
    assert found.permutation_p >= 1 / 24


def test_lenient_raters_and_good_completers_are_no_self_effect() -> None:
    """Rows and columns of any size leave d at 0."""
    rng = np.random.default_rng(2)
    means = 5 * rng.normal(size=(5, 1)) + 5 * rng.normal(size=(1, 5))
    assert self_vs_cross(means, bootstrap=BOOT).effect.estimate == pytest.approx(0, abs=1e-9)


def test_planted_self_effect_is_covered_by_items() -> None:
    """With items as units the planted d is covered in ≥ 92 % of 200 matrices."""
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        cells = (
            rng.normal(size=(80, 1, 1)) + rng.normal(size=(1, 4, 1)) + rng.normal(size=(1, 1, 4))
        )
        cells = cells + 0.3 * np.eye(4) + rng.normal(size=(80, 4, 4))
        found = self_vs_cross(cells, bootstrap=Bootstrap(resamples=0)).by_item
        covered += found.low <= 0.3 <= found.high
    assert covered / 200 >= 0.92


def test_items_missing_a_cell_are_counted() -> None:
    """An item not rated in every cell leaves the item estimate and is counted."""
    cells = np.random.default_rng(4).normal(size=(20, 3, 3))
    cells[:5, 0, 1] = np.nan
    found = self_vs_cross(cells, bootstrap=BOOT).by_item
    assert (found.n, found.undefined) == (15, 5)


def test_two_models_or_an_empty_cell_have_none() -> None:
    """Two models leave no degrees of freedom; a cell without ratings leaves no model."""
    assert math.isnan(self_vs_cross(np.eye(2), bootstrap=BOOT).effect.estimate)
    empty = np.eye(3)
    empty[0, 1] = np.nan
    found = self_vs_cross(empty, bootstrap=BOOT)
    assert math.isnan(found.effect.estimate)
    assert found.effect.note == "a cell has no rating"
    with pytest.raises(UsageError, match="expected the same models"):
        self_vs_cross(np.zeros((3, 4)), bootstrap=BOOT)


def test_cells_from_records(rating_table: RatingTable) -> None:
    """Ratings land in the cell of rater and completer, averaged over repeats."""
    names = ("m/a", "m/b", "m/c")
    table = pl.concat(
        [
            rating_table(np.tile([[3.0 * i + j, 3.0 * i + j + 1]], (4, 1)), rater=r, completer=c)
            for i, r in enumerate(names)
            for j, c in enumerate(names)
        ]
    )
    models, _, cells = rating_cells(table)
    assert models == names
    assert cells.shape == (4, 3, 3)
    assert cells[0].tolist() == [[0.5, 1.5, 2.5], [3.5, 4.5, 5.5], [6.5, 7.5, 8.5]]
    mixed = pl.concat([table, rating_table([[1, 2]], rater="m/a", completer="m/a", template="x")])
    with pytest.raises(UsageError, match="template"):
        rating_cells(mixed)
