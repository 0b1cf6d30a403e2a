"""`penchant variance` and `penchant utilities --over`, from a table of records."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from benchmarks.wordings import Planted, choice_records, simulated
from harness.cli.main import cli
from harness.errors import UsageError
from harness.records.record import SCHEMA


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Choices of a planted respondent under four wordings, and some ratings."""
    choices = choice_records(simulated(Planted(items=24, each=40), 0)[1])
    rng = np.random.default_rng(0)
    liked, own = rng.normal(0.5, 0.15, 24), rng.normal(0, 0.08, (24, 4))
    ratings = [
        {
            "kind": "rating",
            "template": "q",
            "rater": "r",
            "outcome": "answered",
            "item": str(i),
            "wording": f"wording {w}",
            "repeat": k,
            "value": 1.0,
            "normalised": float(np.clip(liked[i] + own[i, w] + 0.05 * rng.normal(), 0, 1)),
        }
        for i in range(24)
        for w in range(4)
        for k in range(2)
    ]
    path = tmp_path_factory.mktemp("variance") / "records.parquet"
    rated = pl.DataFrame(ratings, schema=SCHEMA, orient="row")
    pl.concat([choices, rated]).write_parquet(path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments], catch_exceptions=True)


def test_both_kinds(table: Path) -> None:
    """Choices and ratings each get shares that add up, with intervals, and a coefficient."""
    done = run("variance", table, "--json", "--width", 2.0)
    assert done.exit_code == 0, done.output
    choice, rating = json.loads(done.stdout)
    assert (choice["kind"], rating["kind"]) == ("choice", "rating")
    for one in (choice, rating):
        assert sum(share["share"] for share in one["shares"]) == pytest.approx(1)
        assert 0 < one["generalizability"]["low"] < one["generalizability"]["estimate"] < 1
        assert one["levels"] == {"wording": 4}
        assert one["designs"]
    assert [f["source"] for f in choice["flips"]] == ["repeat", "wording"]


def test_shown(table: Path, tmp_path: Path) -> None:
    """Tables name every source and the designs with their price; -o writes the shares."""
    file = tmp_path / "shares.csv"
    done = run("variance", table, "--width", 2.0, "--cost", 0.001, "-o", file)
    assert done.exit_code == 0, done.output
    for said in ("item × wording", "noise", "generalizability", "cheapest first", "seeds a level"):
        assert said in done.output
    assert pl.read_csv(file)["kind"].unique().sort().to_list() == ["choice", "rating"]


def test_utilities_over(table: Path, tmp_path: Path) -> None:
    """--over gives wider intervals than any one wording could, and says what it drew."""
    file = tmp_path / "utilities.csv"
    done = run("utilities", table, "--over", "wording", "--json", "-o", file)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert len(found["over"]["wording"]) == 4
    assert len(found["position_effects"]) == 4
    written = pl.read_csv(file)
    assert len(written) == 24
    assert (written["se"] ** 2).mean() > 0.8 * found["sd"]["wording"] ** 2 / 4
    assert "utilities over wording (4 drawn)" in run("utilities", table, "--over", "wording").output


def test_without_over_refused(table: Path) -> None:
    """Records of several wordings are not pooled as one, and the error names the column."""
    done = run("utilities", table)
    assert isinstance(done.exception, UsageError)
    assert "wording" in str(done.exception)
    assert str(done.exception).endswith("or together by penchant utilities --over wording")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--over", "wording", "--link", "logit"), "--link with --over"),
        (("--over", "wording", "--sensitivity"), "--sensitivity with --over"),
        (("--over", "mood"), "unknown facet 'mood'"),
        (("--over", "wording,response"), "one level"),
        (("--over", "response"), "differ in wording"),
    ],
)
def test_over_refused(table: Path, arguments: tuple[str, ...], said: str) -> None:
    """An option of the other fit, an unknown facet and one that does not vary are refused."""
    done = run("utilities", table, *arguments)
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)


@pytest.mark.parametrize("option", ["--width", "--cost"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_no_number_refused(table: Path, option: str, value: str) -> None:
    """A width or price that is no number is refused by name before anything is fitted."""
    done = run("variance", table, "--width", "1", option, value)
    assert done.exit_code == 2
    assert f"Invalid value for '{option}': {value} is not a finite number." in done.output


def test_one_rated_item_refused(tmp_path: Path) -> None:
    """Ratings of one item have no variance between items to share."""
    rows = [
        {"kind": "rating", "template": "t", "template_hash": "h", "rater": "r", "item": "only",
         "wording": f"p{k % 2}", "repeat": k, "outcome": "answered", "value": k,
         "normalised": k / 7}
        for k in range(8)
    ]  # fmt: skip
    file = tmp_path / "one.parquet"
    pl.DataFrame(rows).write_parquet(file)
    done = run("variance", file)
    assert isinstance(done.exception, UsageError)
    assert "ratings of one item" in str(done.exception)
