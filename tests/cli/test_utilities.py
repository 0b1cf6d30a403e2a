"""`penchant utilities` from the outside."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from harness.cli.fits.utilities import utilities
from harness.errors import UsageError
from harness.stats.thurstone.table import COLUMNS


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(utilities, [str(argument) for argument in arguments])
    if isinstance(result.exception, UsageError):
        raise result.exception
    return result


@pytest.fixture
def games(tmp_path: Path) -> Path:
    """Forty items' comparisons with an origin and a template, some refused."""
    rng = np.random.default_rng(0)
    mu = rng.normal(0, 1.5, 40)
    first, second = rng.integers(0, 40, (2, 900))
    y = mu[first] - mu[second] + 0.5 + 2**0.5 * rng.normal(size=900) > 0
    choice = np.where(y, "first", "second").astype(object)
    choice[::30] = "refused"
    table = pl.DataFrame(
        {
            "first": [f"i{k}" for k in first],
            "second": [f"i{k}" for k in second],
            "choice": choice.tolist(),
            "origin_first": [f"o{k % 2}" for k in first],
            "origin_second": [f"o{k % 2}" for k in second],
            "template": [f"t{k % 2}" for k in range(900)],
        }
    )
    file = tmp_path / "games.csv"
    table.filter(pl.col("first") != pl.col("second")).write_csv(file)
    return file


def test_published_abilities_by_command(shared_data: Path, tmp_path: Path) -> None:
    """Baseball 1987 with the home effect: abilities, β, to the printed digits."""
    source = pl.read_csv(shared_data / "reference/baseball_1987.csv")
    sides = [
        source.select(
            first="home_team", second="away_team", choice=pl.lit(side), count=f"{name}_wins"
        )
        for side, name in (("first", "home"), ("second", "away"))
    ]
    file, out = tmp_path / "b.csv", tmp_path / "u.csv"
    pl.concat(sides).write_csv(file)
    options = ("--link", "logit", "--prior-sd", "none", "--reference", "Baltimore")
    result = run(file, *options, "--json", "-o", out)
    assert result.exit_code == 0, result.output
    assert round(json.loads(result.stdout)["position_effect"], 3) == 0.302
    table = pl.read_csv(out)
    assert tuple(table.columns) == COLUMNS
    found = {row["item"]: round(row["utility"], 3) for row in table.iter_rows(named=True)}
    assert found["Milwaukee"] == 1.620
    assert found["Cleveland"] == 0.705
    assert table.filter(pl.col("item") == "Baltimore")["se"].item() == 0


def test_summary_object(games: Path) -> None:
    """--json prints one object with the documented names; refused is counted, not fitted."""
    summary = json.loads(run(games, "--json", "--sensitivity").stdout)
    names = ("position_effect", "position_effect_low", "position_effect_high", "components", "tau",
             "heldout_nll", "outcomes")  # fmt: skip
    assert all(name in summary for name in names)
    assert summary["position_effect_low"] < 0.5 < summary["position_effect_high"]
    assert summary["outcomes"]["refused"] in range(25, 31)
    assert summary["comparisons"] == summary["outcomes"]["answered"]
    assert summary["sensitivity"][0]["run"] == "refused as half wins"
    assert summary["sensitivity"][0]["pearson"] > 0.98


def test_a_table_is_shown_and_files_by_ending(games: Path, tmp_path: Path) -> None:
    """Best and worst items on the screen; CSV, Parquet and JSON hold the same."""
    shown = run(games, "-o", tmp_path / "u.parquet")
    assert "position effect" in shown.output
    assert "40 items" in shown.output
    run(games, "-o", tmp_path / "u.csv")
    a, b = pl.read_parquet(tmp_path / "u.parquet"), pl.read_csv(tmp_path / "u.csv")
    assert a["item"].to_list() == b["item"].to_list()
    np.testing.assert_allclose(a["utility"], b["utility"])


@pytest.mark.parametrize(
    ("by", "groups"),
    [("template", ["t0", "t1"]), ("origin-pair", ["o0 × o0", "o0 × o1", "o1 × o1"])],
)
def test_position_by(games: Path, by: str, groups: list[str]) -> None:
    """A position effect for each template, or each unordered pair of origins."""
    summary = json.loads(run(games, "--json", "--position-by", by).stdout)
    assert [row["group"] for row in summary["position_effects"]] == groups
    assert summary["position_effect_low"] < 0.5 < summary["position_effect_high"]


def test_options_reach_the_fit(games: Path) -> None:
    """Prior, position and σ as asked."""
    fixed = json.loads(run(games, "--json", "--prior-sd", "0.5", "--no-position").stdout)
    assert fixed["tau"] == 0.5
    assert fixed["position_effect"] is None
    own = ("--sigma", "per-item", "--force-sigma", "--penalty", "1", "--sigma-bounds", "none")
    summary = json.loads(run(games, "--json", *own).stdout)
    assert summary["sigma"] == "per-item"
    assert {"heldout_nll_fixed", "heldout_nll_per_item"} <= set(summary)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--prior-sd", "-1"), "--prior-sd '-1'; expected auto, none"),
        (("--sigma-bounds", "x"), "--sigma-bounds 'x'"),
        (("--reference", "nobody"), "no item 'nobody'"),
        (("-o", "u.xlsx"), "u.xlsx"),
        (("--no-position", "--position-by", "template"), "--no-position"),
    ],
)
def test_bad_input_is_one_line(games: Path, options: tuple[str, ...], said: str) -> None:
    """Each error names the value and what was allowed."""
    with pytest.raises(UsageError, match=said) as error:
        run(games, *options)
    assert "\n" not in str(error.value)


def test_two_files_of_comparisons_are_refused(games: Path) -> None:
    """Plain comparisons carry no identity by which to tell whether they may be pooled."""
    with pytest.raises(UsageError, match="alone"):
        run(games, games)


def test_a_table_of_winners(tmp_path: Path) -> None:
    """winner;loser in any ending: no position effect, said; --position is refused by name."""
    rows = ["A;B", "B;C", "A;C", "C;A"] * 5
    file = tmp_path / "games.TSV"
    file.write_text("Winner;Loser\n" + "\n".join(rows) + "\n")
    summary = json.loads(run(file, "--json").stdout)
    assert summary["position_effect"] is None
    assert any("does not say which item was shown first" in note for note in summary["notes"])
    for option in (("--position",), ("--position-by", "template")):
        with pytest.raises(UsageError, match=r"winner,loser.*expected --no-position"):
            run(file, *option)
    run(file, "--no-position")


def test_winners_read_as_first_are_said(tmp_path: Path) -> None:
    """Where the first column always wins, the screen names --no-position."""
    file = tmp_path / "games.csv"
    file.write_text("first,second,choice\n" + "a,b,first\nb,c,first\na,c,first\n" * 5)
    assert "use --no-position" in run(file).output
    assert "use --no-position" not in run(file, "--no-position").output


def test_a_header_alone_is_one_line(tmp_path: Path) -> None:
    """A table without a row, or without an answer, has nothing to fit."""
    for text in ("first,second,choice\n", "first,second,choice\na,b,refused\n", "winner,loser\n"):
        file = tmp_path / "games.csv"
        file.write_text(text)
        with pytest.raises(UsageError, match="no answered comparison"):
            run(file)
