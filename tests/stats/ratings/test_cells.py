"""Fault 1 of the log's code: later runs with the same seed replaced earlier ones."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from harness.errors import UsageError
from harness.stats.intervals import Bootstrap
from harness.stats.ratings.matrix import matched_matrices, rating_matrix
from harness.stats.ratings.means import mean_by
from harness.stats.ratings.reliability import reliability_table

RatingTable = Callable[..., pl.DataFrame]
BOOT = Bootstrap(resamples=100)


def design(rating_table: RatingTable) -> pl.DataFrame:
    """Two raters × three templates, same items and seeds; the mean of a cell names the cell."""
    return pl.concat(
        [
            rating_table(
                np.full((6, 2), 1.0 + rater + 0.5 * template) + np.arange(6)[:, None] / 100,
                rater=f"sim/{rater}",
                template=f"t{template}",
                template_hash=f"h{template}",
                log=f"{rater}_{template}.eval",
            )
            for rater in range(2)
            for template in range(3)
        ]
    )


def test_by_model_averages_every_template(rating_table: RatingTable) -> None:
    """Runs with the same seeds all enter a rater's mean, and the row counts its cells."""
    table = design(rating_table)
    by_rater = mean_by(table, ["rater"], bootstrap=BOOT, column="normalised", over=["template"])
    expected = [(1.0 + rater + 0.5 + 0.025 - 1) / 4 for rater in range(2)]
    assert by_rater["estimate"].to_list() == pytest.approx(expected)
    assert by_rater["cells"].to_list() == [3, 3]
    assert by_rater["records"].to_list() == [36, 36]


def test_by_template_averages_every_model(rating_table: RatingTable) -> None:
    """The same by template: every rater enters, none replaces another."""
    table = design(rating_table)
    found = mean_by(table, ["template", "template_hash"], bootstrap=BOOT, over=["rater"])
    expected = [1.5 + 0.5 * template + 0.025 for template in range(3)]
    assert found["estimate"].to_list() == pytest.approx(expected)
    assert found["cells"].to_list() == [2, 2, 2]


def test_cells_weigh_alike(rating_table: RatingTable) -> None:
    """A cell with four times the repeats weighs no more than another."""
    table = pl.concat(
        [
            rating_table(np.full((5, 1), 1.0)),
            rating_table(np.full((5, 4), 3.0), completer="sim/other"),
        ]
    )
    found = mean_by(table, ["rater"], bootstrap=BOOT, over=["completer"])
    assert found["estimate"].to_list() == [2.0]
    assert found["cells"].to_list() == [2]


def test_averaging_over_scales_is_refused(rating_table: RatingTable) -> None:
    """Raw values of several templates have no common scale; what is not a factor is named."""
    table = design(rating_table)
    with pytest.raises(UsageError, match="expected 'normalised'"):
        mean_by(table, ["rater"], bootstrap=BOOT, over=["template"])
    with pytest.raises(UsageError, match=r"template: 't0', 't1', 't2'"):
        mean_by(table, ["rater"], bootstrap=BOOT)


def test_every_cell_has_its_own_reliability(rating_table: RatingTable) -> None:
    """The reliability table has one mean a cell of the design, each that of its own records."""
    table = reliability_table(design(rating_table), bootstrap=BOOT)
    means = table.filter(pl.col("quantity") == "mean").sort("rater", "template")
    expected = [1.025 + rater + 0.5 * template for rater in range(2) for template in range(3)]
    assert means["estimate"].to_list() == pytest.approx(expected)


def test_a_second_run_adds_repeats(rating_table: RatingTable) -> None:
    """Two runs of one design with the same repeat numbers give twice the columns."""
    table = pl.concat(
        [rating_table([[1, 2], [3, 4]], log="a"), rating_table([[5, 1], [2, 2]], log="b")]
    )
    found = rating_matrix(table)
    assert found.values.tolist() == [[1, 2, 5, 1], [3, 4, 2, 2]]


def test_runs_over_other_items_share_columns(rating_table: RatingTable) -> None:
    """A run a kind of item: repeats line up, and no pair of columns is empty."""
    one = rating_table([[1, 2], [3, 4]], log="a")
    two = rating_table([[5, 1], [2, 2]], log="b").with_columns(item=pl.col("item") + "x")
    assert np.isfinite(rating_matrix(pl.concat([one, two])).values).all()


def test_two_answers_for_one_repeat_are_refused(rating_table: RatingTable) -> None:
    """Two records of one item, run and repeat are an error that names them."""
    one = rating_table([[1, 2], [3, 4]], log="a")
    with pytest.raises(UsageError, match="two ratings for item 'item_0000', repeat 0 in a"):
        rating_matrix(pl.concat([one, one]))


def test_matching_is_by_repeat_number(rating_table: RatingTable) -> None:
    """Repeat k stands beside repeat k where a condition lacks an earlier one."""
    one = rating_table([[1, 2, 3]], log="a").filter(pl.col("repeat") != 1)
    two = rating_table([[4, 5, 3], [1, 1, 1]], log="b")
    items, (left, right) = matched_matrices([one, two])
    assert items == ("item_0000",)
    np.testing.assert_array_equal(left, [[1, np.nan, 3]])
    np.testing.assert_array_equal(right, [[4, 5, 3]])


def test_an_answer_that_is_none_has_no_value(rating_table: RatingTable) -> None:
    """Only `answered` gives a value; the item that refused once is marked."""
    table = rating_table([[1, np.nan], [3, 4]]).with_columns(value=pl.lit(2.0))
    found = rating_matrix(table)
    np.testing.assert_array_equal(found.values, [[2, np.nan], [2, 2]])
    assert found.refused.tolist() == [True, False]
