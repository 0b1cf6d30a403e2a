"""Consistency of ratings and of outcomes."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stats.intervals import FloatArray
from harness.stats.ratings.consistency import (
    combined_consistency,
    consistency,
    consistency_given_mean,
    consistency_summary,
    item_consistency,
    outcome_consistency,
)
from harness.stats.ratings.matrix import Ratings


def ratings(values: FloatArray, outcomes: list[list[str]]) -> Ratings:
    items = tuple(f"i{k}" for k in range(len(values)))
    return Ratings(
        items, ("o",) * len(items), values, np.array(outcomes), np.zeros(len(items), dtype=bool)
    )


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=2, max_size=9))
def test_both_forms_lie_between_0_and_1(row: list[float]) -> None:
    """Whatever k normalised ratings an item has, both forms are in [0, 1] or NaN at the ends."""
    x = np.array([row])
    assert -1e-9 <= consistency(x)[0] <= 1
    given_mean = consistency_given_mean(x)[0]
    assert np.isnan(given_mean) == (set(row) in ({0.0}, {1.0}))
    assert np.isnan(given_mean) or -1e-9 <= given_mean <= 1


@pytest.mark.parametrize("row", [[0, 1], [0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 1, 1]])
def test_the_widest_spread_of_k_ratings_is_zero(row: list[int]) -> None:
    """Ratings split as evenly as k allows between the ends are wholly inconsistent, odd k too."""
    assert consistency(np.array([row], dtype=float))[0] == pytest.approx(0)


def test_refusals_do_not_make_an_item_consistent() -> None:
    """An item that answers 5 in two seeds and refuses in two is not consistent."""
    values = np.array([[1, 1, np.nan, np.nan], [1, 1, 1, 1], [1, np.nan, np.nan, np.nan]])
    outcomes = [["answered"] * 2 + ["refused"] * 2, ["answered"] * 4,
                ["answered"] + ["refused"] * 3]  # fmt: skip
    table = item_consistency(ratings(values, outcomes)).sort("item")
    assert table["consistency"].to_list()[:2] == [1, 1]
    assert table["outcome_consistency"].to_list() == pytest.approx([1 / 3, 1, 1 / 2])
    assert table["overall"].to_list()[:2] == pytest.approx([1 / 3, 1])
    found = consistency_summary(ratings(values, outcomes))
    assert found["consistent_50"].estimate == pytest.approx(1 / 2)
    assert found["consistent_50"].undefined == 1


def test_most_consistent_first_and_unknown_last() -> None:
    """The ranking goes by the smaller of the two, and items without two ratings come last."""
    values = np.array([[0, 1], [0.5, 0.5], [np.nan, 0.5], [0.25, 0.5]])
    table = item_consistency(ratings(values, [["answered"] * 2] * 4))
    assert table["item"].to_list() == ["i1", "i3", "i0", "i2"]


def test_failures_of_the_service_are_not_the_models() -> None:
    """`failed` and questions never asked do not lower outcome consistency."""
    outcomes = np.array([["answered", "answered", "failed", ""], ["answered", "failed", "", ""]])
    found = outcome_consistency(outcomes)
    assert found[0] == 1
    assert np.isnan(found[1])


def test_given_the_mean_no_ceiling() -> None:
    """Coin tosses at any base rate are 0 given the mean, while 1 − sd/sd_max rises at the ends."""
    x = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], dtype=float)
    assert consistency_given_mean(x) == pytest.approx([0, 0])
    assert consistency(x)[0] > 0.1


def test_zero_variance_share() -> None:
    """The ceiling is shown: the share of items whose ratings never differ."""
    values = np.array([[0.5, 0.5], [0.5, 1.0], [1.0, 1.0], [np.nan, 1.0]])
    found = consistency_summary(ratings(values, [["answered"] * 2] * 4))
    assert found["zero_variance"].estimate == pytest.approx(2 / 3)
    assert found["zero_variance"].n == 3


def test_combined_weighs_templates_by_a_tenth() -> None:
    """90 % across repeats and 10 % between templates; weight 0 is repeats alone."""
    one = np.array([[0.0, 0.0], [0.5, 0.5]])
    two = np.array([[1.0, 1.0], [0.5, 0.5]])
    assert combined_consistency([one, two]) == pytest.approx([0.9, 1.0])
    assert combined_consistency([one, two], between_weight=0) == pytest.approx([1, 1])
    assert combined_consistency([one]) == pytest.approx([1, 1])


def test_table_types() -> None:
    """The ranked table has the columns that its export promises."""
    table = item_consistency(ratings(np.array([[0.0, 1.0]]), [["answered"] * 2]))
    assert table.schema["item"] == pl.String
    assert table.columns[-1] == "overall"
