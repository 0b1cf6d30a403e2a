"""Ratings and choices of the same items: noise of both is taken out, seeds are matched."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from harness.errors import UsageError
from harness.records.record import Record, frame
from harness.stats.effects.correlation import disattenuated
from harness.stats.intervals import Bootstrap
from harness.studies.catalogue import get_study
from harness.studies.parameters import read_parameters
from harness.studies.study import Found, Given

STUDY = get_study("stated-revealed")
ITEMS = 60
SHARED: dict[str, Any] = {
    "template_hash": "h", "prompt_hash": "p", "timing": "post", "response": "plain",
    "readout": "sample", "rater": "r", "completer": "r", "outcome": "answered",
}  # fmt: skip


def records(rho: float, *, seeds: int = 3, noise: float = 1.0, seed: int = 0) -> pl.DataFrame:
    """Noisy ratings of values that correlate by ρ with utilities, and choices by these."""
    rng = np.random.default_rng(seed)
    utility = rng.normal(0, 1.2, ITEMS)
    stated = rho * utility + np.sqrt(1 - rho**2) * rng.normal(0, 1.2, ITEMS)
    rows = []
    for repeat in range(seeds):
        for item in range(ITEMS):
            value = stated[item] + noise * rng.standard_normal()
            rows.append(
                Record(kind="rating", template="fruit_rating", item=f"i{item}", origin="o",
                       value=float(value), repeat=repeat, log="a", labels="1,2", **SHARED)
            )  # fmt: skip
        for item in range(ITEMS):
            for step in (1, 7, 16, 23):
                other = (item + step) % ITEMS
                won = rng.random() < ndtr((utility[item] - utility[other]) / np.sqrt(2))
                rows.append(
                    Record(kind="choice", template="simple_preference", item_first=f"i{item}",
                           item_second=f"i{other}", origin_first="o", origin_second="o",
                           repeat=repeat, choice="first" if won else "second", log="b",
                           labels="A,B", **SHARED)
                )  # fmt: skip
    return frame(rows)


def found(table: pl.DataFrame) -> Found:
    parameters = read_parameters(STUDY, {"raters": ("sim/faithful",)})
    return STUDY.analyse(Given(table, parameters, Bootstrap(resamples=200)))


def test_noise_of_both_is_taken_out() -> None:
    """Over ten draws, r lies below the planted .8 and disattenuated r at it within .05."""
    rows = [found(records(0.8, seed=seed)).tables[0].rows[0] for seed in range(10)]
    plain = np.mean([row["r"].estimate for row in rows])
    corrected = np.mean([row["disattenuated"].estimate for row in rows])
    assert plain < 0.7
    assert corrected == pytest.approx(0.8, abs=0.05)


def test_seeds_go_with_their_own_choices() -> None:
    """Ratings of a seed are set against choices of that seed; asked once, against all choices."""
    table = records(0.8)
    tables = {one.name: one for one in found(table).sections[0].tables}
    assert [row["choices"] for row in tables["by_seed"].rows] == ["of that seed"] * 3
    assert tables["seed_means"].rows[0]["r"].cells == 3
    once = table.filter((pl.col("kind") == "rating") | (pl.col("repeat") == 0))
    tables = {one.name: one for one in found(once).sections[0].tables}
    assert [row["choices"] for row in tables["by_seed"].rows] == ["all"] * 3


def test_one_rating_an_item_has_no_corrected_r() -> None:
    """The noise of ratings is not known from one each: nothing is made up, r stands alone."""
    row = found(records(0.8, seeds=1)).tables[0].rows[0]
    assert np.isfinite(row["r"].estimate)
    assert np.isnan(row["disattenuated"].estimate)
    with pytest.raises(UsageError, match="seeds=1"):
        STUDY.design(read_parameters(STUDY, {"raters": ("sim/faithful",), "seeds": 1}))


@pytest.mark.parametrize("kind", ["rating", "choice"])
def test_either_alone_is_refused(kind: str) -> None:
    """Logs with ratings or choices alone are refused in one line."""
    with pytest.raises(UsageError, match=r"no (ratings|choices) among"):
        found(records(0.8).filter(pl.col("kind") == kind))


def test_shrunken_and_unshrunken_values_are_each_corrected_by_their_own_reliability() -> None:
    """Raw means against posterior means: 1 − V/var for one, var/(var + V) for the other."""
    rng = np.random.default_rng(1)
    truth = rng.standard_normal(4000)
    raw = truth + rng.standard_normal(4000)
    posterior = (truth + rng.standard_normal(4000)) / 2
    ones = np.ones(4000)
    mixed = disattenuated(
        raw, posterior, ones, ones / 2, shrunken=(False, True), bootstrap=Bootstrap(resamples=50)
    )
    assert mixed.estimate == pytest.approx(1, abs=0.05)
