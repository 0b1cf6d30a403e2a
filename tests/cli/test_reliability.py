"""`penchant reliability` from the outside."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from harness.cli.reliability import reliability
from harness.errors import UsageError


def long_form(source: Path, target: Path) -> Path:
    """A wide table of reference ratings as item,seed,value."""
    table = pl.read_csv(source)
    long = table.unpivot(index=table.columns[0], variable_name="seed", value_name="value")
    long.rename({table.columns[0]: "item"}).write_csv(target)
    return target


def test_published_icc_by_command(shared_data: Path, tmp_path: Path) -> None:
    """The command reproduces Shrout & Fleiss: forms to four decimals, F intervals to two."""
    source = shared_data / "reference" / "icc_shrout_fleiss_1979.csv"
    file = long_form(source, tmp_path / "sf.csv")
    result = CliRunner().invoke(reliability, [str(file), "--levels", "1..10", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert round(found["icc_1_1"]["estimate"], 4) == 0.1657
    assert round(found["icc_c_k"]["estimate"], 4) == 0.9093
    assert round(found["icc_a_1"]["low"], 2) == 0.02
    assert round(found["icc_1_k"]["high"], 2) == 0.91
    assert found["icc_1_1"]["n"] == 6


def test_table_and_file(tmp_path: Path) -> None:
    """Without --json a table is shown; -o writes every quantity; notes go to stderr."""
    file = tmp_path / "r.csv"
    file.write_text("item,seed,value\na,1,3\na,2,4\nb,1,2\nb,2,9\nc,1,5\nc,2,5\n")
    out = tmp_path / "out.csv"
    result = CliRunner().invoke(reliability, [str(file), "--levels", "1,2,3,4,5", "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "icc_1_1" in result.stdout
    assert "the first 9 for item 'b', seed 2" in result.stderr
    table = pl.read_csv(out)
    assert {"quantity", "estimate", "low", "high", "n"} <= set(table.columns)
    invalid = table.filter(pl.col("quantity") == "invalid")["estimate"].item()
    assert invalid == pytest.approx(1 / 6)


def test_records_with_several_groups(tmp_path: Path) -> None:
    """A table of records with two raters is shown by group; --json lists groups."""
    rows = [
        {"kind": "rating", "template": "t", "template_hash": "h", "rater": rater, "item": item,
         "repeat": k, "outcome": "answered", "value": float(1 + (k + len(item)) % 5)}
        for rater in ("x", "y") for item in ("a", "bb", "ccc") for k in range(2)
    ]  # fmt: skip
    file = tmp_path / "records.parquet"
    pl.DataFrame(rows).write_parquet(file)
    shown = CliRunner().invoke(reliability, [str(file), "--levels", "1..5"])
    assert shown.exit_code == 0, shown.output
    assert "cross seed r" in shown.stdout
    result = CliRunner().invoke(reliability, [str(file), "--levels", "1..5", "--json"])
    listed = json.loads(result.stdout)["groups"]
    assert [one["group"]["rater"] for one in listed] == ["x", "y"]


def test_drawn_wordings_are_one_group(tmp_path: Path) -> None:
    """Wordings that a run drew are pooled as in reports, with their number; raters are not."""
    rows = [
        {"kind": "rating", "template": "t", "template_hash": "h", "rater": rater, "item": item,
         "wording": f"p{k}@{k}0", "repeat": k, "outcome": "answered", "readout": "sample",
         "value": float(1 + (k + len(item)) % 5)}
        for rater in ("x", "y") for item in ("a", "bb", "ccc") for k in range(4)
    ]  # fmt: skip
    file, items = tmp_path / "records.parquet", tmp_path / "items.csv"
    one = tmp_path / "one.parquet"
    pl.DataFrame(rows).write_parquet(file)
    pl.DataFrame(rows[:12]).write_parquet(one)
    wanted = [str(file), "--levels", "1..5", "--json", "--items", str(items), "--by", "origin"]
    result = CliRunner().invoke(reliability, wanted)
    assert result.exit_code == 0, result.output
    groups = json.loads(result.stdout)["groups"]
    assert [one["group"]["rater"] for one in groups] == ["x", "y"]
    assert {one["group"]["wording"] for one in groups} == {"4 wordings"}
    assert {one["quantities"]["icc_1_1"]["n"] for one in groups} == {3}
    assert set(pl.read_csv(items)["wording"]) == {"4 wordings"}
    table = tmp_path / "table.csv"
    assert CliRunner().invoke(reliability, [str(one), "--levels", "1..5", "-o", str(table)])
    assert set(pl.read_csv(table)["wording"]) == {"4 wordings"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--levels", "1"], "levels '1'"),
        (["-o", "out.xlsx"], "cannot write 'out.xlsx'"),
        (["--template", "none.toml"], "none.toml"),
    ],
)
def test_bad_options_are_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    """A bad option names itself before anything is computed."""
    file = tmp_path / "r.csv"
    file.write_text("item,seed,value\na,1,3\nb,1,2\n")
    result = CliRunner().invoke(reliability, [str(file), *arguments])
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)
    assert "\n" not in str(result.exception)
