"""Record tables from other hands: each row is one that a record can be, or one line says which is
not."""

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.records.logs import read_records
from harness.stats.choices.questions import build, questions_from_records
from harness.stats.intervals import Bootstrap
from harness.stats.ratings.means import mean_by
from harness.stats.ratings.reliability import reliability_table

RATING = {
    "kind": "rating", "template": "t", "template_hash": "h", "rater": "r", "outcome": "answered",
    "item": "i1", "origin": "o", "repeat": "0", "value": "3", "normalised": "0.5",
}  # fmt: skip
CHOICE = {
    "kind": "choice", "template": "t", "template_hash": "h", "rater": "r", "outcome": "answered",
    "item_first": "i1", "item_second": "i2", "choice": "first", "p_first": "",
}  # fmt: skip


def write(file: Path, rows: list[dict[str, str]], separator: str = ",") -> Path:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    file.write_text(out.getvalue(), encoding="utf-8")
    return file


def read(file: Path) -> pl.DataFrame:
    return read_records([file]).frame


BAD = [
    (CHOICE, {"item_second": "i1"}, "item_second 'i1'; an item is compared with itself"),
    (CHOICE, {"item_first": ""}, "no item_first; expected the id"),
    (CHOICE, {"choice": ""}, "no choice; expected one"),
    (CHOICE, {"choice": "First!"}, "unknown choice 'First!'; expected first, second"),
    (CHOICE, {"p_first": "1.7"}, "p_first 1.7; expected a probability"),
    (CHOICE, {"p_first": "-0.01"}, "p_first -0.01; expected a probability"),
    (CHOICE, {"p_first": "NaN"}, "p_first nan; expected a finite number"),
    (CHOICE, {"p_first": "much"}, "p_first 'much'; expected a number"),
    (RATING, {"item": ""}, "no item; expected the id"),
    (RATING, {"item": "  "}, "no item; expected the id"),
    (RATING, {"value": ""}, "no value; expected one"),
    (RATING, {"value": "inf"}, "value inf; expected a finite number"),
    (RATING, {"value": "nan"}, "value nan; expected a finite number"),
    (RATING, {"normalised": "1.5"}, "normalised 1.5; expected 0 to 1"),
    (RATING, {"normalised": "-0.001"}, "normalised -0.001; expected 0 to 1"),
    (RATING, {"normalised": "-inf"}, "normalised -inf; expected a finite number"),
    (RATING, {"item": "a\x00b"}, "item 'a.x00b'; expected text that can be seen"),
    (RATING, {"repeat": "1.5"}, "repeat '1.5'; expected a whole number"),
    (RATING, {"rater": ""}, "no rater; expected one in every row"),
    (RATING, {"kind": ""}, "no kind; expected one in every row"),
    (RATING, {"kind": "vote"}, "unknown kind 'vote'; expected rating, choice"),
    (RATING, {"temperature": "inf"}, "temperature inf; expected a finite number"),
    (RATING, {"probabilities": "{1: 2}"}, "probabilities '{1: 2}'; expected JSON"),
    (RATING, {"probabilities": '{"1": -1}'}, "probabilities .*; expected JSON"),
    (RATING, {"probabilities": '{"1": 2, "2": -0.5}'}, "probabilities .*; expected JSON"),
    (RATING, {"completion_refused": "maybe"}, "completion_refused 'maybe'; expected true or false"),
]


@pytest.mark.parametrize(("good", "change", "said"), BAD)
def test_a_row_that_no_record_can_be_is_named(
    tmp_path: Path, good: dict[str, str], change: dict[str, str], said: str
) -> None:
    """Value, what was allowed and the row, in one line, though the rows around it are well."""
    names = dict.fromkeys(change, "")
    rows = []
    for k in range(4):
        own = {"item": f"i{k}"} if good is RATING else {}
        rows.append(names | good | own | (change if k == 2 else {}))
    with pytest.raises(UsageError, match=f"row 4: {said}") as caught:
        read(write(tmp_path / "t.csv", rows))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [{"repeat": "1.5"}, {"outcome": "fine"}, {"value": "x"}])
def test_the_first_row_that_is_wrong_is_named(tmp_path: Path, change: dict[str, str]) -> None:
    """Of several."""
    rows = [RATING | {"repeat": "0", "item": f"i{k}"} | (change if k % 2 else {}) for k in range(6)]
    with pytest.raises(UsageError, match="row 3: "):
        read(write(tmp_path / "t.csv", rows))


def test_parquet_is_checked_too(tmp_path: Path) -> None:
    """NaN and infinity of a Parquet file are no values either; rows count from 1 there."""
    table = pl.DataFrame([CHOICE, CHOICE]).with_columns(p_first=pl.Series([0.5, float("nan")]))
    table.write_parquet(tmp_path / "t.parquet")
    with pytest.raises(UsageError, match="row 2: p_first nan"):
        read(tmp_path / "t.parquet")
    for name, kind in (("structs", {"name": "a"}), ("lists", ["a"])):
        nested = pl.DataFrame([RATING]).with_columns(item=pl.Series([kind]))
        nested.write_parquet(tmp_path / f"{name}.parquet")
        with pytest.raises(UsageError, match=f"column 'item' holds {name}; expected text"):
            read(tmp_path / f"{name}.parquet")
    odd = pl.DataFrame([RATING]).with_columns(repeat=pl.lit(0.5))
    odd.write_parquet(tmp_path / "odd.parquet")
    with pytest.raises(UsageError, match=r"row 1: repeat 0\.5; expected a whole number"):
        read(tmp_path / "odd.parquet")


def test_what_is_absent_is_as_a_record_has_it(tmp_path: Path) -> None:
    """A column or a cell that is not there holds the record's default, where it has one."""
    rows = [RATING | {"completion_sysprompt": ""}]
    found = read(write(tmp_path / "t.csv", rows)).row(0, named=True)
    assert (found["completion_sysprompt"], found["measurement_sysprompt"]) == ("none", "none")
    assert found["version"] == 1 and found["reason"] == "" and found["choice"] is None


def test_refused_rows_need_no_answer(tmp_path: Path) -> None:
    """Only an answered row must have a rating or a choice."""
    rows = [RATING | {"outcome": "refused", "value": "", "normalised": ""}]
    assert read(write(tmp_path / "t.csv", rows))["value"].to_list() == [None]
    rows = [CHOICE | {"outcome": "invalid", "choice": ""}]
    assert read(write(tmp_path / "u.csv", rows))["choice"].to_list() == [None]


@pytest.mark.parametrize(("name", "separator"), [("T.CSV", ";"), ("t.tsv", "\t"), ("t.csv", ",")])
def test_dialects_and_other_programs(tmp_path: Path, name: str, separator: str) -> None:
    """Other separators, endings, `True` and `0.0` for a whole number are the same records."""
    rows = [RATING | {"completion_refused": "True", "repeat": "0.0", "item": " i1"}]
    found = read(write(tmp_path / name, rows, separator)).row(0, named=True)
    assert (found["completion_refused"], found["repeat"], found["value"]) == (True, 0, 3.0)


def test_a_lacking_column_is_named_with_those_found(tmp_path: Path) -> None:
    """An error about columns names what is there."""
    file = tmp_path / "t.csv"
    file.write_text("kind;template;Outcome\n")
    with pytest.raises(UsageError, match=r"lacks the column 'rater'.*found kind, template, Outc"):
        read(file)


NASTY = ["", " ", "NaN", "inf", "-1", "1e400", "2.5", "i2", "true", "null", "{}", '{"1": 1}',
         "refused", "answered", "first", "choice", "rating", "logprobs", "9" * 30, "\n",
         "é"]  # fmt: skip


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_cell_is_one_line_or_an_analysis(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever stands in a cell, the table is refused in one line or goes through the analyses."""
    good = data.draw(st.sampled_from([RATING, CHOICE]))
    extra = {"probabilities": "", "readout": "sample", "completion_seed": "", "log": ""}
    rows = [
        good | extra | ({"item": f"i{k // 2}", "repeat": str(k % 2)} if good is RATING else {})
        for k in range(6)
    ]
    for _ in range(data.draw(st.integers(1, 3))):
        row = data.draw(st.sampled_from(rows))
        row[data.draw(st.sampled_from(sorted(row)))] = data.draw(st.sampled_from(NASTY))
    try:
        frame = read(write(tmp_path / "t.csv", rows))
        boot = Bootstrap(resamples=20)
        reliability_table(frame, bootstrap=boot, levels=(1, 2, 3, 4, 5))
        ratings = frame.filter(pl.col("kind") == "rating")
        if len(ratings):
            mean_by(ratings, ["origin"], bootstrap=boot)
        if len(frame.filter(pl.col("kind") == "choice")):
            build(questions_from_records(frame))
    except UsageError as error:
        assert "\n" not in str(error)
