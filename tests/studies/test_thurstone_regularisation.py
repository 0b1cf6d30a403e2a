"""The study of penalties on σ: what it analyses, beside what the log reported."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from harness.errors import UsageError
from harness.records.record import Record, frame
from harness.stats.intervals import Bootstrap
from harness.studies.catalogue import get_study
from harness.studies.parameters import read_parameters
from harness.studies.study import Found, Given

STUDY = get_study("thurstone-regularisation")
TINY = {"synthetic": 16, "penalties": (0.0, 10.0)}


def campaign(drawn: str | None) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    mu = rng.normal(0, 1.5, 16)
    rows = []
    for _ in range(120):
        a, b = rng.choice(16, 2, replace=False).tolist()
        won = rng.random() < ndtr((mu[a] - mu[b]) / np.sqrt(2))
        rows.append(
            Record(
                kind="choice", template="t", template_hash="h", prompt_hash="p", timing="pre",
                response="plain", readout="sample", labels="A,B", rater="sim/r",
                outcome="answered", item_first=f"i{a}", item_second=f"i{b}", log="l",
                origin_first="o", origin_second="o", drawn=drawn,
                choice="first" if won else "second",
            )
        )  # fmt: skip
    return frame(rows)


def found(table: pl.DataFrame) -> Found:
    parameters = read_parameters(STUDY, {"raters": ("sim/r",)} | TINY)
    return STUDY.analyse(Given(table, parameters, Bootstrap(resamples=0)))


def test_reported_noise_stands_beside_what_bounds_allow() -> None:
    """Dense, sparse and real each have a row; 14 and 45 are marked as impossible, none is above."""
    result = found(campaign("initial"))
    rows: list[dict[str, Any]] = next(
        one for one in result.tables if one.name == "largest_sigma"
    ).rows
    assert [row["log"] for row in rows] == [None, 14.0, 45.0]
    assert [row["possible"] for row in rows] == ["–", "no", "no"]
    assert all(row["bounded"] <= row["bound"] + 1e-9 for row in rows)
    assert all(row["coin"] == pytest.approx(0.693, abs=1e-3) for row in result.tables[0].rows)
    assert not result.cautions


def test_pairs_that_are_not_marked_as_random_are_said_to_be_any() -> None:
    """Without marks the pairs held out may be chosen ones, and that is said."""
    assert any("no pair is marked" in line for line in found(campaign(None)).cautions)


def test_given_logs_need_no_rater_and_no_calls() -> None:
    """`--from LOGS` asks nothing: no rater is needed and the design has no cells."""
    parameters = read_parameters(STUDY, {"source": str(Path("logs"))})
    assert STUDY.design(parameters).cells == ()
    with pytest.raises(UsageError, match="needs a rater"):
        read_parameters(STUDY, {})


@pytest.mark.parametrize(
    "given", [{"penalties": (1.0,)}, {"penalties": (-1.0, 0.0)}, {"synthetic": 5}, {"spread": 0}]
)
def test_sizes_that_cannot_be_are_refused(given: dict[str, Any]) -> None:
    """One λ makes no path, and a graph of degree 5 needs seven items."""
    with pytest.raises(UsageError, match="expected"):
        STUDY.design(read_parameters(STUDY, {"raters": ("sim/r",)} | given))
