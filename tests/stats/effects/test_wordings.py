"""Effects over items and wordings: no effect is found where each wording has one of its own."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from harness.errors import UsageError
from harness.stats.effects.effects import condition_asymmetry, condition_effects
from harness.stats.effects.factorial import cells_3x3, effects_3x3
from harness.stats.effects.permutation import mean_test
from harness.stats.effects.wordings import mean_over_wordings
from harness.stats.intervals import Bootstrap

RatingTable = Callable[..., pl.DataFrame]
R = 400


@pytest.mark.parametrize("wordings", [2, 4, 8])
@pytest.mark.parametrize(("items", "of_wording"), [(1.0, 1.0), (0.3, 1.0), (1.0, 0.0)])
def test_wordings_of_their_own_are_no_effect(
    wordings: int, items: float, of_wording: float
) -> None:
    """40 items, an effect of each wording and none in truth: p < .05 in .05 + 2 SE of 400 runs at
    most, exactly where the interval excludes 0; a test over items finds one in most."""
    found, over_items = 0, 0
    for seed in range(R):
        rng = np.random.default_rng(seed)
        values = items * rng.normal(size=(40, 1)) + of_wording * rng.normal(size=(1, wordings))
        values = values + rng.normal(size=(40, wordings))
        one = mean_over_wordings(values)
        assert (one.p < 0.05) == (not one.low <= 0 <= one.high)
        found += one.p < 0.05
        if seed < 40:
            over_items += mean_test(values.mean(axis=1)).p < 0.05
    assert found / R <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / R)
    assert not of_wording or over_items >= 8


def test_conditions_over_wordings(rating_table: RatingTable) -> None:
    """An effect that all wordings have is found; one of two that cancel is not; an item that lacks
    a wording is counted; conditions without two wordings in common are refused."""
    rng = np.random.default_rng(0)
    base = rng.normal(3, 0.2, (30, 2))
    parts = []
    for k in range(4):
        for name, shift in (("none", 0.0), ("plus", 0.6), ("mixed", 0.9 * (-1) ** k)):
            cell = base + shift + rng.normal(0, 0.1, base.shape)
            if k == 0 and name == "plus":
                cell[3] = np.nan
            parts.append(
                rating_table(cell, completion_sysprompt=name, wording=f"w{k}", log=f"{name}{k}")
            )
    table = pl.concat(parts)
    found = condition_effects(table, factor="completion_sysprompt", neutral="none")
    delta = found.filter(pl.col("quantity") == "delta")
    by = {row["condition"]: row for row in delta.iter_rows(named=True)}
    assert by["plus"]["estimate"] == pytest.approx(0.6, abs=0.03)
    assert (by["plus"]["n"], by["plus"]["undefined"]) == (29, 1)
    assert by["plus"]["p"] < 0.01 < 0.3 < by["mixed"]["p"]
    assert "4 wordings" in by["plus"]["test"]
    shares = found.filter((pl.col("condition") == "mixed") & (pl.col("quantity") == "sign"))
    assert abs(shares["estimate"].item()) < 0.1
    apart = table.filter((pl.col("completion_sysprompt") == "none") == (pl.col("wording") == "w0"))
    with pytest.raises(UsageError, match="0 wordings in common"):
        condition_effects(apart, factor="completion_sysprompt", neutral="none")


def test_asymmetry_over_wordings(rating_table: RatingTable) -> None:
    """A sum of effects that all wordings have is found, one that cancels over wordings is not."""
    rng = np.random.default_rng(0)
    parts = []
    for k in range(4):
        sign = (-1) ** k
        moved = {"none": 0.0, "p": 0.5, "m": -0.9, "p2": 0.5 + 0.4 * sign, "m2": -0.5 + 0.4 * sign}
        parts += [
            rating_table(3 + move + rng.normal(0, 0.1, (30, 2)), completion_sysprompt=name,
                         wording=f"w{k}", log=f"{name}{k}")
            for name, move in moved.items()
        ]  # fmt: skip
    pairs = {"one": ("p", "m"), "mixed": ("p2", "m2")}
    found = condition_asymmetry(
        pl.concat(parts), factor="completion_sysprompt", pairs=pairs, neutral="none"
    )
    by = {row["condition"]: row for row in found.iter_rows(named=True)}
    assert by["one"]["estimate"] == pytest.approx(-0.4, abs=0.05)
    assert by["one"]["p"] < 0.01 < 0.3 < by["mixed"]["p"]
    assert "4 wordings" in by["one"]["test"]


def test_3x3_over_wordings(rating_table: RatingTable) -> None:
    """Effects are over items and wordings; a cell that one wording lacks is named with it."""
    names = ("minus", "none", "plus")
    rng = np.random.default_rng(0)
    parts = [
        rating_table(
            3 + 0.4 * (i - 1) + 0.6 * (j - 1) * (-1) ** k + rng.normal(0, 0.1, (20, 2)),
            completion_sysprompt=names[i],
            measurement_sysprompt=names[j],
            wording=f"w{k}",
            log=f"{i}{j}{k}",
        )
        for i in range(3)
        for j in range(3)
        for k in range(4)
    ]
    items, cells = cells_3x3(pl.concat(parts), negative="minus", positive="plus")
    assert (len(items), cells.shape) == (20, (20, 4, 3, 3))
    found = effects_3x3(cells, bootstrap=Bootstrap(resamples=50))
    completion, measurement = found["completion"], found["measurement"]
    assert completion.estimate == pytest.approx(0.8, abs=0.05) and completion.low > 0
    assert measurement.low < 0 < measurement.high
    assert found["ratio"].estimate == pytest.approx(0, abs=0.1)
    assert "no interval for a ratio" in found["ratio"].note
    with pytest.raises(UsageError, match="in wording 'w3'; the 3×3 design needs all nine"):
        cells_3x3(pl.concat(parts[:-1]), negative="minus", positive="plus")
