"""The public face: what `import penchant` gives, and at what cost."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from inspect_ai.log import EvalLog

import penchant
from harness.errors import UsageError
from harness.stats.facets.universe import over_records
from harness.stats.zero.records import from_zero

RunEval = Callable[..., EvalLog]


@pytest.fixture
def logs(run_eval: RunEval, tmp_path: Path) -> Path:
    """Ratings and choices of one rater."""
    run_eval("anchored.py@anchored_1_5", task_args={"per_origin": 2, "block": 10, "seeds": 2})
    run_eval("pairwise.py", task_args={"per_origin": 2, "block": 25, "timing": "pre"})
    return tmp_path / "logs"


def test_what_is_public_is_declared() -> None:
    """`__all__` is every public name that the module defines."""
    own = {
        name
        for name, value in vars(penchant).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == "penchant"
    }
    assert own == set(penchant.__all__)


def test_importing_it_loads_nothing_heavy() -> None:
    """Neither torch, Inspect, matplotlib nor polars, and not the directory it is imported in."""
    heavy = ("torch", "inspect_ai", "matplotlib", "polars", "scipy", "harness.where")
    line = f"import sys, penchant; print([n for n in {heavy} if n in sys.modules])"
    root = str(Path(penchant.__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", line],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert done.stdout.strip() == "[]"


def test_logs_are_a_path_a_list_or_what_was_read(logs: Path) -> None:
    """A string, a path, a list of them, a table and a reading give the same records."""
    table = penchant.records(str(logs))
    assert table.height > 20
    for given in (logs, [logs], [str(logs)], penchant.read(logs), table):
        assert penchant.records(given).equals(table)


def test_results_are_tables_that_show_themselves(logs: Path, tmp_path: Path) -> None:
    """Utilities and reliability as polars tables, with a rendering and a figure."""
    table = penchant.records(logs)
    found = penchant.utilities(table)
    assert found.table["utility"].is_sorted(descending=True)
    assert set(found.table["origin"]) == {item.origin for item in penchant.items(per_origin=2)}
    assert "<table" in found._repr_html_()
    assert found.plot().save(tmp_path / "u.svg").read_bytes().startswith(b"<?xml")
    with pytest.raises(UsageError, match=r"u\.gif.*expected a name ending in \.png, \.svg"):
        found.plot().save("u.gif")
    agreement = penchant.reliability(table, resamples=20)
    assert "icc" in agreement.table["quantity"]
    page = penchant.report(table, tmp_path / "report", resamples=20)
    assert page == tmp_path / "report" / "index.html"
    assert "sim/faithful" in page.read_text()


def test_over_and_zero(run_eval: RunEval, tmp_path: Path) -> None:
    """`over=` and `zero=` give what the command gives, as tables with figures that say from where;
    what another fit has is refused by name."""
    given = {"per_origin": 4, "timing": "pre", "wordings": 3, "optout": 0.2, "block": 50}
    run_eval("pairwise.py", task_args=given)
    table = penchant.records(tmp_path / "logs")
    found = penchant.utilities(table, over="wording")
    joint = over_records(table, ["wording"])
    assert found.table["utility"].equals(joint.table["utility"])
    assert found.summary["shares"][1]["source"] == "item × wording"
    assert penchant.utilities(table, over=["wording"]).table.equals(found.table)
    placed = penchant.utilities(table, zero="optout")
    assert placed.table["utility"].equals(from_zero(table, "optout").table["utility"])
    assert {"placed", "low", "high"} <= set(placed.table.columns)
    assert [one["group"] for one in placed.summary["below"]][:2] == ["", "alpaca"]
    assert "From optout." in placed.plot().caption
    assert "Mean 0." in found.plot().caption
    for wrong, said in (
        ({"zero": "optout", "over": "wording"}, "over with zero"),
        ({"zero": "optout", "reference": "x"}, "reference with zero"),
        ({"over": "wording", "link": "logit"}, "link with over"),
        ({"over": "mood"}, "unknown facet"),
        ({"zero": "neither"}, "no zero 'neither'"),
    ):
        with pytest.raises(UsageError, match=said):
            penchant.utilities(table, **wrong)


def test_plain_comparisons_are_fitted() -> None:
    """A table of first, second, choice goes to a fit without logs."""
    games = pl.DataFrame(
        {"first": ["a", "b", "a"], "second": ["b", "c", "c"], "choice": ["first"] * 3}
    )
    fitted = penchant.fit(games, position=False)
    assert fitted.data.items[int(fitted.utilities.argmax())] == "a"


def test_pandas_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the extra that brings it."""

    def missing(self: pl.DataFrame) -> None:
        raise ModuleNotFoundError("pyarrow")

    monkeypatch.setattr(pl.DataFrame, "to_pandas", missing)
    found = penchant.Reliability(pl.DataFrame({"quantity": ["icc"]}))
    with pytest.raises(UsageError, match=r"penchant\[pandas\]"):
        found.to_pandas()


def test_relative_paths_are_those_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing keeps the directory of the import."""
    (tmp_path / "mine.jsonl").write_text('{"text": "Count to three.", "id": "count"}\n')
    monkeypatch.chdir(tmp_path)
    assert [item.id for item in penchant.items("mine.jsonl")] == ["count"]


def test_no_choices_or_ratings_is_one_line() -> None:
    """An analysis without its kind of records says so."""
    empty = pl.DataFrame({"kind": pl.Series([], dtype=pl.String)})
    for call in (penchant.utilities, penchant.reliability):
        with pytest.raises(UsageError, match="records among those given"):
            call(empty)


def test_a_study_is_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal gives lines, tables and the page; the same call again reads what is there; a
    study too large to begin unasked is refused before a call."""
    given = {"per_origin": 3, "raters": ["sim/noisy(pre_shift=-0.5)"]}
    run = penchant.rehearse("pre-post", tmp_path / "run", **given)
    assert run.page.is_file()
    assert run.planted is not None
    assert run.planted[1] == 1
    (row,) = run.tables["pre_post"].iter_rows(named=True)
    assert row["delta_low"] < row["delta"] < row["delta_high"]
    again = penchant.study(
        "pre-post", tmp_path / "again", logs=tmp_path / "run" / "logs", rehearse=True, small=True,
        **given,
    )  # fmt: skip
    assert again.tables["pre_post"].equals(run.tables["pre_post"])
    monkeypatch.setenv("NOWHERE_API_KEY", "none")
    monkeypatch.setenv("NOWHERE_BASE_URL", "http://nowhere.invalid")
    with pytest.raises(UsageError, match="yes=True or budget="):
        penchant.study("pre-post", tmp_path / "dear", raters=["openai-api/nowhere/m"])
    assert not (tmp_path / "dear").exists()
