"""The study of framings finds the planted correlation between them."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from harness.errors import UsageError
from harness.records.record import SCHEMA
from harness.respondent.settings import Settings
from harness.stats.intervals import Bootstrap, Estimate, FloatArray
from harness.studies.catalogue import get_study
from harness.studies.parameters import read_parameters
from harness.studies.planted import Planted
from harness.studies.study import Found, Given

STUDY = get_study("framing")


def choices(wording_sd: float, items: int = 24, seed: int = 0) -> pl.DataFrame:
    """Every pair in one order under each of three wordings and two contexts in turn."""
    rng = np.random.default_rng(seed)
    mu, own = rng.normal(0, 1.5, items), rng.normal(0, wording_sd, (items, 3))
    rows = []
    for f in range(items):
        for s in range(items):
            if f == s:
                continue
            w, c = rng.integers(3), rng.integers(2)
            gap = mu[f] + own[f, w] - mu[s] - own[s, w]
            rows.append(
                {
                    "kind": "choice",
                    "template": "t",
                    "template_hash": "0123456789",
                    "rater": "r",
                    "readout": "sample",
                    "outcome": "answered",
                    "item_first": f"i{f}",
                    "item_second": f"i{s}",
                    "wording": f"p{w}@0",
                    "context": f"c{c}@0",
                    "choice": "first" if gap + np.sqrt(2) * rng.normal() > 0 else "second",
                }
            )
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def analysed(wording_sd: float) -> Found:
    parameters = read_parameters(STUDY, {"raters": ("sim/faithful",)})
    return STUDY.analyse(Given(choices(wording_sd), parameters, Bootstrap(resamples=0)))


def agreement(wording_sd: float) -> dict[str, Estimate]:
    [row] = analysed(wording_sd).tables[0].rows
    return row


class Truth(Planted):
    """A respondent with utilities of spread 1.5 and wordings of spread 1."""

    def __init__(self) -> None:
        super().__init__({}, ())

    def settings(self, name: str) -> Settings:
        return Settings(wording_sd=1.0)

    def utilities(self, rater: str, items: Sequence[str]) -> FloatArray:
        values = np.linspace(-1, 1, len(items))
        return np.asarray(1.5 * values / values.std(ddof=1))


def test_turned_preferences_stand_beside_the_planted_share() -> None:
    """Two differences that correlate by r have other signs in arccos(r)/π of cases, and the
    interval of the share holds that."""
    measured = {one.name: one for one in analysed(1.0).measured}
    one = measured["preferences turned by a wording, r, t"]
    assert one.planted is not None
    share = one.planted(Truth())
    assert share == pytest.approx(np.arccos(2.25 / 3.25) / np.pi)
    assert one.estimate.low < share < one.estimate.high


def test_correlation_found() -> None:
    """Utilities under two wordings correlate as planted; contexts, which change nothing, by 1."""
    row = agreement(1.0)
    planted = 2.25 / (2.25 + 1)
    assert row["wording"].low < planted < row["wording"].high
    assert row["context"].high > 0.98
    assert row["turned"].estimate == pytest.approx(np.arccos(planted) / np.pi, abs=0.07)
    assert agreement(0.3)["wording"].estimate > row["wording"].estimate


@pytest.mark.parametrize("name", ["wordings", "contexts"])
def test_one_level_is_refused(name: str) -> None:
    """One wording, or one context, shows no difference between them, and that is said."""
    with pytest.raises(UsageError, match=f"{name}=1; expected at least 2"):
        STUDY.design(read_parameters(STUDY, {"raters": ("sim/faithful",), name: 1}))


def test_records_without_choices_refused() -> None:
    """Logs without choices are refused in one line."""
    parameters = read_parameters(STUDY, {"raters": ("sim/faithful",)})
    with pytest.raises(UsageError, match="no choices"):
        STUDY.analyse(Given(choices(0).clear(), parameters, Bootstrap(resamples=0)))
