"""Two runs of one study side by side."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.errors import UsageError
from harness.stats.intervals import Estimate, difference, mean_interval, wilson
from harness.studies.comparing import compare_runs
from harness.studies.folder import Frozen, freeze

NOT_DEFINED: dict[str, Any] = {"estimate": None, "low": None, "high": None}


def run(
    folder: Path, tables: dict[str, list[dict[str, Any]]], study: str = "drift", **given: Any
) -> Path:
    freeze(Frozen(study=study, parameters={"seeds": 4} | given), folder)
    (folder / "report").mkdir()
    (folder / "report" / "report.json").write_bytes(msgspec.json.encode({"tables": tables}))
    return folder


def row(value: float, **names: str) -> dict[str, Any]:
    return names | {"delta": Estimate(estimate=value, low=value - 0.3, high=value + 0.4, n=9)}


def test_difference_is_newcombes() -> None:
    """Newcombe's example (1998, method 10): 56 of 70 less 48 of 80 is .20 [.0524, .3339]."""
    rates = [(56 / 70, 70), (48 / 80, 80)]
    both = [
        Estimate(estimate=rate, low=wilson(rate, n)[0], high=wilson(rate, n)[1], n=n)
        for rate, n in rates
    ]
    found = difference(*both)
    assert found.estimate == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_difference_covers_for_unequal_spreads() -> None:
    """Over 2,000 pairs of samples the planted difference lies inside in .95 ± 3 standard errors."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        one = mean_interval(rng.normal(0.0, 1.0, 30))
        other = mean_interval(rng.normal(0.5, 3.0, 50))
        found = difference(other, one)
        inside += found.low <= 0.5 <= found.high
    assert abs(inside / 2000 - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 2000)


def test_rows_meet_by_their_names(tmp_path: Path) -> None:
    """Rows of one name are compared, whatever their order; a rater that each run has alone and a
    verdict name no row; what is not defined is passed over; rows of one run are counted."""
    first = run(
        tmp_path / "a",
        {
            "drift": [
                row(1.0, rater="sim/a", template="x", verdict="same"),
                row(2.0, rater="sim/a", template="y", verdict="same"),
                row(5.0, rater="sim/a", template="z", verdict="moved"),
            ],
            "planted": [row(1.0, quantity="q")],
        },
    )
    second = run(
        tmp_path / "b",
        {
            "drift": [
                row(2.1, rater="sim/b", template="y", verdict="moved") | {"r": NOT_DEFINED},
                row(2.0, rater="sim/b", template="x", verdict="moved"),
            ],
            "planted": [row(1.0, quantity="q")],
        },
        seeds=5,
    )
    found = compare_runs(first, second)
    assert found.parameters == [("seeds", 4, 5)]
    got = {one.row: (one.difference.estimate, one.apart) for one in found.found}
    assert got == {"x": (pytest.approx(1.0), True), "y": (pytest.approx(0.1), False)}
    assert found.alone == (1, 0)


def test_two_studies_are_refused_in_one_line(tmp_path: Path) -> None:
    """Runs of two studies, a run without a report and a folder without a run are named."""
    first = run(tmp_path / "a", {})
    other = run(tmp_path / "b", {}, study="validity")
    with pytest.raises(UsageError, match=r"of the study drift.* of validity"):
        compare_runs(first, other)
    (other / "report" / "report.json").unlink()
    freeze(Frozen(study="drift", parameters={}), tmp_path / "c")
    with pytest.raises(UsageError, match="has no report yet"):
        compare_runs(first, tmp_path / "c")
    with pytest.raises(UsageError, match="expected the folder of a study"):
        compare_runs(first, tmp_path / "d")


def test_the_command_shows_what_differs_and_writes_all(tmp_path: Path) -> None:
    """The table has what differs by more than its interval; the CSV has every quantity."""
    rows = [row(1.0, template="x"), row(2.0, template="y")]
    moved = [row(2.0, template="x"), row(2.0, template="y")]
    first, second = run(tmp_path / "a", {"drift": rows}), run(tmp_path / "b", {"drift": moved})
    path = tmp_path / "all.csv"
    arguments = ["study", "diff", str(first), str(second), "-o", str(path)]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert "1 of 2 quantities differ" in result.output
    assert "1.00 [0.50, 1.50]" in result.output
    assert len(path.read_text().splitlines()) == 3
