"""`penchant items` and `penchant sim truth`."""

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.items import items
from harness.cli.sim import sim
from harness.errors import UsageError
from harness.items.load import load_items
from harness.respondent.settings import PRESETS, settings_for
from harness.respondent.utility import utility


def run(command: object, *args: str) -> Result:
    return CliRunner().invoke(command, list(args), catch_exceptions=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_export_loads_again(tmp_path: Path, ending: str) -> None:
    """What is exported loads as the same items, ids and origins."""
    target = tmp_path / f"items.{ending}"
    result = run(items, "export", "--per-origin", "9", "--sample-seed", "3", "-o", str(target))
    assert result.exit_code == 0
    expected = load_items("builtin", per_origin=9, sample_seed=3, base=tmp_path)
    assert load_items(str(target), base=tmp_path) == expected


def test_count() -> None:
    """Counts are by origin, with what was left out."""
    found = json.loads(run(items, "count", "--items", "builtin:math+builtin", "--json").stdout)
    assert found["total"] == sum(found["origins"].values()) == 220
    assert found["duplicates"] == found["origins"]["math"]


def test_list() -> None:
    """The table shows each item, the JSON lines its whole text."""
    assert "math_000" in run(items, "list", "--items", "builtin:math").stdout
    lines = run(items, "list", "--items", "builtin:math", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines][:2] == ["math_000", "math_001"]


def test_truth_is_what_the_respondent_holds(tmp_path: Path) -> None:
    """The CSV has the utility that answers come from, with the same overrides."""
    target = tmp_path / "truth.csv"
    run(sim, "truth", "sim/noisy", "-M", "mean_math=2", "-M", "latency=1", "-o", str(target))
    settings = settings_for("noisy", {"mean_math": 2})
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"))))
    known = {item.id: item for item in load_items("builtin", base=tmp_path).items}
    assert len(rows) == len(known)
    for row in rows:
        assert row["origin"] == known[row["item"]].origin
        assert float(row["utility"]) == pytest.approx(utility(known[row["item"]].text, settings))


def test_truth_as_json_has_every_parameter() -> None:
    """Every planted parameter is printed under the name that -M takes."""
    shown = json.loads(run(sim, "truth", "sim/refuser", "--json", "-M", "lapse=.1").stdout)
    assert shown["lapse"] == 0.1
    assert shown["refusal"]["bailbench"] == 0.8
    assert set(shown) == set(PRESETS["refuser"].__struct_fields__)


def test_truth_says_which_items_are_unknown(tmp_path: Path) -> None:
    """A text that the respondent does not know is `other`, and the command says so."""
    (tmp_path / "mine.csv").write_text("text,origin\nSing.,choir\n")
    spec = str(tmp_path / "mine.csv")
    result = run(sim, "truth", "faithful", "--items", spec)
    assert "1 of 1 items are unknown" in result.stderr
    assert "mine_0,other," in result.stdout
    result = run(sim, "truth", "faithful", "--items", spec, "-M", f"items={spec}")
    assert result.stderr == "" and "mine_0,choir," in result.stdout


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        (items, ["export", "-o", "items.parquet"], "expected .jsonl or .csv"),
        (items, ["count", "--items", "nothing"], "unknown items 'nothing'"),
        (sim, ["truth", "sim/faithful", "-M", "noise"], "expected NAME=VALUE"),
        (sim, ["truth", "faithful", "-o", "/no/such/folder/t.csv"], "No such file"),
    ],
)
def test_bad_input(command: object, args: list[str], message: str) -> None:
    """Bad input is one line, which `penchant` prints with exit status 2."""
    with pytest.raises(UsageError, match=message):
        run(command, *args)
