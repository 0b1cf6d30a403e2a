"""Paired effects of conditions, Holm's correction, asymmetry, the 3×3 design."""

import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from harness.errors import UsageError
from harness.stats.effects.effects import (
    asymmetry,
    condition_asymmetry,
    condition_effects,
    higher_than_neutral,
    holm,
    paired_delta,
)
from harness.stats.effects.factorial import cells_3x3, effects_3x3
from harness.stats.intervals import Bootstrap, FloatArray

RatingTable = Callable[..., pl.DataFrame]
BOOT = Bootstrap(resamples=300)


def test_shares_are_by_item_over_matched_repeats() -> None:
    """Each item counts once however many repeats match; missing repeats are left out."""
    condition = np.array([[3, 3, 3, 3], [1, np.nan, np.nan, np.nan], [np.nan] * 4])
    neutral = np.array([[2, 3, 3, 4], [2, 2, 2, 2], [2, 2, 2, 2]], dtype=float)
    found = higher_than_neutral(condition, neutral)
    assert found["higher"].estimate == pytest.approx(0.25 / 2)
    assert found["same"].estimate == pytest.approx(0.5 / 2)
    assert found["lower"].estimate == pytest.approx((0.25 + 1) / 2)
    assert (found["higher"].n, found["higher"].undefined) == (2, 1)


def test_planted_shift_is_covered_and_none_is_not_claimed() -> None:
    """Deltas cover the planted shift in ≥ 92 %; without one p < .05 in 2 to 8 % of 300 tables."""
    rng = np.random.default_rng(0)
    covered, claimed = 0, 0
    for _ in range(300):
        item = rng.normal(3, 1, size=(60, 1))
        neutral, same, moved = (item + shift + 0.7 * rng.normal(size=(60, 4))
                                for shift in (0, 0, 0.3))  # fmt: skip
        delta = paired_delta(moved, neutral)
        covered += delta.low <= 0.3 <= delta.high
        claimed += paired_delta(same, neutral).p < 0.05
    assert covered / 300 >= 0.92
    assert 0.02 <= claimed / 300 <= 0.08


def test_ties_are_no_evidence() -> None:
    """Forty items that stay and three that rise: the sign test sees three, and p is .25."""
    neutral = np.full((43, 1), 3.0)
    condition = neutral.copy()
    condition[:3] = 4
    sign = higher_than_neutral(condition, neutral)["sign"]
    assert sign.p == pytest.approx(0.25)  # type: ignore[attr-defined]
    assert paired_delta(neutral, neutral).p == 1


def test_asymmetry_of_planted_effects() -> None:
    """Δ⁺ + Δ⁻ covers the planted sum; equal effects either way give 0."""
    rng = np.random.default_rng(1)
    neutral = rng.normal(3, 1, size=(200, 3))
    plus, minus = neutral + 0.9, neutral - 1.9
    lopsided = asymmetry(plus + 0.3 * rng.normal(size=(200, 3)), minus, neutral)
    assert lopsided.low <= -1.0 <= lopsided.high
    assert lopsided.p < 0.001
    assert asymmetry(neutral + 1, neutral - 1, neutral).estimate == pytest.approx(0, abs=1e-12)


def test_holm_by_hand() -> None:
    """Holm's adjusted p-values: multiplied by the number left, never falling, NaN untouched."""
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": math.nan, "e": 0.9})
    assert found["a"] == pytest.approx(0.04)
    assert found["c"] == pytest.approx(0.09)
    assert found["b"] == pytest.approx(0.09)
    assert found["e"] == pytest.approx(0.9)
    assert math.isnan(found["d"])


def test_condition_effects_by_origin(rating_table: RatingTable) -> None:
    """Every condition against neutral by origin; p adjusted over all of them together."""
    base = np.tile([[2.0, 3.0]], (20, 1))
    table = pl.concat(
        [
            rating_table(base, log="n"),
            rating_table(base + 1, log="p", completion_sysprompt="loves_math"),
            rating_table(base, log="m", completion_sysprompt="hates_math"),
        ]
    )
    found = condition_effects(table, factor="completion_sysprompt", neutral="none", by=["origin"])
    delta = found.filter(pl.col("quantity") == "delta").sort("condition", "origin")
    assert delta["estimate"].to_list() == [0, 0, 1, 1]
    assert delta["n"].to_list() == [10] * 4
    assert (delta["p_holm"] >= delta["p"]).all()
    higher = found.filter((pl.col("quantity") == "higher") & (pl.col("condition") == "loves_math"))
    assert higher["estimate"].to_list() == [1, 1]


def test_condition_effects_refuse(rating_table: RatingTable) -> None:
    """Without the neutral condition, or with another thing varying, one line says which."""
    table = rating_table([[1, 2], [2, 3]], completion_sysprompt="loves_math")
    with pytest.raises(
        UsageError, match=r"no records with completion_sysprompt 'none'.*loves_math"
    ):
        condition_effects(table, factor="completion_sysprompt", neutral="none")
    both = pl.concat([table, rating_table([[1, 2], [2, 3]], rater="sim/b")])
    with pytest.raises(UsageError, match="rater: 'sim/a', 'sim/b'"):
        condition_effects(both, factor="completion_sysprompt", neutral="none")


def nine(rng: np.random.Generator, *, completion: float, measurement: float) -> FloatArray:
    """Cells whose completion effect lives in neutral measurement alone."""
    cells = rng.normal(3, 1, size=(150, 1, 1)) + 0.3 * rng.normal(size=(150, 3, 3))
    cells[:, :, 1] += np.array([-completion / 2, 0, completion / 2])
    cells += np.array([-measurement / 2, 0, measurement / 2])
    return cells


def test_3x3_planted_effects_are_covered() -> None:
    """Planted effects are covered; the average over measurement hides two thirds of completion."""
    rng = np.random.default_rng(2)
    covered = np.zeros(4)
    expected = {"completion": 0.2, "completion_in_neutral": 0.6, "measurement": 1.2,
                "ratio_in_neutral": 2.0}  # fmt: skip
    for _ in range(100):
        found = effects_3x3(nine(rng, completion=0.6, measurement=1.2), bootstrap=BOOT)
        covered += [found[name].low <= value <= found[name].high
                    for name, value in expected.items()]  # fmt: skip
    assert (covered >= 88).all()


def test_3x3_no_ratio_to_nothing() -> None:
    """Where the completion effect's interval includes 0 there is no ratio, and the note says so."""
    found = effects_3x3(nine(np.random.default_rng(3), completion=0, measurement=1), bootstrap=BOOT)
    assert math.isnan(found["ratio"].estimate)
    assert "completion includes 0" in found["ratio"].note


def test_3x3_items_missing_a_cell_are_counted() -> None:
    """An item without one of nine cells leaves every effect, and is counted."""
    cells = nine(np.random.default_rng(4), completion=1, measurement=1)
    cells[:7, 0, 2] = np.nan
    found = effects_3x3(cells, bootstrap=BOOT)
    assert {(value.n, value.undefined) for value in found.values()} == {(143, 7)}
    with pytest.raises(UsageError, match="items × 3 × 3"):
        effects_3x3(cells[:, :2], bootstrap=BOOT)


def test_3x3_cells_from_records(rating_table: RatingTable) -> None:
    """Means land in the cell of their two system prompts; a missing cell is named."""
    names = ("hates_math", "none", "loves_math")
    table = pl.concat(
        [
            rating_table(
                np.full((4, 2), 1.0 + 3 * i + j),
                completion_sysprompt=completion,
                measurement_sysprompt=measurement,
            )
            for i, completion in enumerate(names)
            for j, measurement in enumerate(names)
        ]
    )
    items, cells = cells_3x3(table, negative="hates_math", positive="loves_math")
    assert len(items) == 4
    assert cells[0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    short = table.filter(~((pl.col("completion_sysprompt") == "none")
                           & (pl.col("measurement_sysprompt") == "loves_math")))  # fmt: skip
    with pytest.raises(UsageError, match=r"completion_sysprompt 'none' and .* 'loves_math'"):
        cells_3x3(short, negative="hates_math", positive="loves_math")


def test_condition_asymmetry_from_records(rating_table: RatingTable) -> None:
    """Each ± pair has its sum of effects; one that is missing is named."""
    base = np.tile([[3.0, 3.0]], (12, 1)) + np.arange(12)[:, None] / 100
    table = pl.concat(
        [
            rating_table(base),
            rating_table(base + 0.5, completion_sysprompt="affective_plus"),
            rating_table(base - 1.5, completion_sysprompt="affective_minus"),
        ]
    )
    pairs = {"affective": ("affective_plus", "affective_minus")}
    found = condition_asymmetry(table, factor="completion_sysprompt", pairs=pairs, neutral="none")
    assert found["estimate"].to_list() == pytest.approx([-1.0])
    assert found["p_holm"].item() < 0.01
    with pytest.raises(UsageError, match="no records with completion_sysprompt 'x'"):
        condition_asymmetry(
            table, factor="completion_sysprompt", pairs={"x": ("x", "none")}, neutral="none"
        )
