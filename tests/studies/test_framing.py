"""The study of framings finds the planted correlation between them."""

import numpy as np
import polars as pl
import pytest

from harness.errors import UsageError
from harness.records.record import SCHEMA
from harness.stats.intervals import Bootstrap, Estimate
from harness.studies.catalogue import get_study
from harness.studies.parameters import read_parameters
from harness.studies.study import Given

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


def agreement(wording_sd: float) -> dict[str, Estimate]:
    parameters = read_parameters(STUDY, {"raters": ("sim/faithful",)})
    found = STUDY.analyse(Given(choices(wording_sd), parameters, Bootstrap(resamples=0)))
    [row] = found.tables[0].rows
    return row


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
