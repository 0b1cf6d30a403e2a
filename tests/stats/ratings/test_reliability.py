"""The reliability table of a group, and CSV files of ratings."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from harness.errors import UsageError
from harness.prompts.catalogue import RATINGS
from harness.records.rating_file import is_rating_file, read_rating_file
from harness.records.record import SCHEMA
from harness.stats.intervals import Bootstrap
from harness.stats.ratings.levels import declared_levels, parse_levels
from harness.stats.ratings.reliability import (
    as_json,
    item_table,
    reliabilities,
    reliability,
    reliability_table,
    require_sampled,
)

RatingTable = Callable[..., pl.DataFrame]
BOOT = Bootstrap(resamples=50)
LEVELS = (1, 2, 3, 4, 5)


def ratings(seed: int = 0, items: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    latent = rng.normal(3, 1, size=(items, 1)) + 0.6 * rng.normal(size=(items, 4))
    return np.clip(np.round(latent), 1, 5)


def test_everything_has_an_interval_and_its_n(rating_table: RatingTable) -> None:
    """Each quantity that exists has an interval around it and the number of items behind it."""
    found = reliability(rating_table(ratings()), bootstrap=BOOT, levels=LEVELS)
    for name, value in found.items():
        assert value.n > 0, name
        if name in ("mode", "kl_bias"):
            continue
        assert value.low <= value.high, name
        if name != "kl_uniform":
            assert value.low - 1e-9 <= value.estimate <= value.high + 1e-9, name


def test_without_refused_items(rating_table: RatingTable) -> None:
    """An item refused in completion or rating leaves the second ICC, and only that."""
    x = ratings()
    x[3, 1] = np.nan
    table = rating_table(x).with_columns(
        completion_refused=pl.col("item").is_in(["item_0005", "item_0006"])
    )
    found = reliability(table, bootstrap=BOOT, levels=LEVELS)
    assert found["icc"].n == 40
    assert found["icc_without_refused"].n == 37
    kept = np.delete(x, [3, 5, 6], axis=0)
    alone = reliability(rating_table(kept), bootstrap=BOOT, levels=LEVELS)
    assert found["icc_without_refused"].estimate == pytest.approx(alone["icc"].estimate)


def test_logprob_repeats_are_refused(rating_table: RatingTable) -> None:
    """Reliability over repeats of a log-probability read-out is refused, and said in the table."""
    table = rating_table(np.tile([[2.5], [3.5], [1.25]], 4), readout="logprobs").with_columns(
        probabilities=pl.lit('{"1":0.1,"2":0.2,"3":0.4,"4":0.2,"5":0.1}')
    )
    with pytest.raises(UsageError, match="repeats of a log-probability read-out are identical"):
        require_sampled(table)
    found = reliability(table, bootstrap=BOOT, levels=LEVELS)
    for name in ("icc", "icc_1_1", "cross_seed_r", "consistency"):
        assert math.isnan(found[name].estimate), name
        assert found[name].note.startswith("refused"), name
    p = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    assert found["kl_uniform"].estimate == pytest.approx(float((p * np.log(5 * p)).sum()))
    require_sampled(rating_table(ratings()))


def test_nothing_answered(rating_table: RatingTable) -> None:
    """All refused: rates of 1, every other quantity undefined, no exception."""
    found = reliability(rating_table(np.full((5, 3), np.nan)), bootstrap=BOOT, levels=LEVELS)
    assert found["refused"].estimate == 1
    assert math.isnan(found["icc"].estimate)
    assert math.isnan(found["kl_uniform"].estimate)


def test_one_constant_answer(rating_table: RatingTable) -> None:
    """A respondent that always says 4: KL ln 5, modal share 1, no ICC and no r."""
    found = reliability(rating_table(np.full((30, 4), 4.0)), bootstrap=BOOT, levels=LEVELS)
    assert found["kl_uniform_normalised"].estimate == pytest.approx(1)
    assert found["modal_share"].estimate == 1
    assert found["modal_share"].low < 1
    assert math.isnan(found["icc"].estimate)
    assert (found["cross_seed_r"].cells, found["cross_seed_r"].undefined) == (0, 6)


def test_levels_come_by_hash_not_by_name(rating_table: RatingTable) -> None:
    """A template's levels are found by its content; its name with other content has none."""
    template = RATINGS["ban_four_1_5"]
    levels = declared_levels()
    assert levels[template.hash] == (1, 2, 3, 5)
    table = pl.concat(
        [
            rating_table([[1, 5], [2, 3]], template=template.name, template_hash=template.hash),
            rating_table([[1, 5], [2, 3]], template=template.name, template_hash="other"),
        ]
    )
    one, two = reliabilities(table, bootstrap=BOOT, levels=levels)
    found = {one.group["template_hash"]: one, two.group["template_hash"]: two}
    assert found[template.hash].quantities["kl_uniform"].estimate >= 0
    assert found["other"].quantities["kl_uniform"].note == "needs the declared levels"


def test_by_origin(rating_table: RatingTable) -> None:
    """Split by origin, each part has its own items."""
    table = reliability_table(rating_table(ratings()), bootstrap=BOOT, levels=LEVELS, by=["origin"])
    means = table.filter(pl.col("quantity") == "mean")
    assert means["origin"].to_list() == ["origin_0", "origin_1"]
    assert means["n"].to_list() == [20, 20]


def test_json_is_flat_for_one_group(rating_table: RatingTable) -> None:
    """One group prints an object a quantity, several a list of groups; NaN is null."""
    one = list(reliabilities(rating_table(np.full((4, 2), 3.0)), bootstrap=BOOT))
    flat = json.loads(json.dumps(as_json(one)))
    assert flat["icc"]["estimate"] is None
    assert {"estimate", "low", "high", "n"} <= set(flat["mean"])
    both = pl.concat([rating_table([[1, 2], [2, 3]]), rating_table([[1, 2], [2, 3]], rater="b")])
    listed = as_json(list(reliabilities(both, bootstrap=BOOT)))
    assert [part["group"]["rater"] for part in listed["groups"]] == ["b", "sim/a"]  # type: ignore


def test_same_seed_same_table(rating_table: RatingTable) -> None:
    """The table depends on the records and the seed, not on what else is in it."""
    alone = rating_table(ratings(1))
    other = rating_table(ratings(2, items=17), rater="sim/b")
    one = reliability_table(alone, bootstrap=BOOT, levels=LEVELS)
    both = reliability_table(pl.concat([other, alone]), bootstrap=BOOT, levels=LEVELS)
    assert one.equals(both.filter(pl.col("rater") == "sim/a").select(one.columns))


@pytest.mark.parametrize(
    ("text", "levels"),
    [("1,2,3,4,5", (1, 2, 3, 4, 5)), ("-1..1", (-1, 0, 1)), ("0.5,0", (0, 0.5))],
)
def test_levels_text(text: str, levels: tuple[float, ...]) -> None:
    """Lists and ranges of levels."""
    assert parse_levels(text) == levels


@pytest.mark.parametrize("text", ["", "3", "1,1", "a,b", "5..1", "1,,2", "nan,1", "1..inf"])
def test_bad_levels(text: str) -> None:
    """Anything else is one line that quotes it."""
    with pytest.raises(UsageError, match="expected two or more different numbers"):
        parse_levels(text)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_of_ratings(tmp_path: Path) -> None:
    """Seeds of any text are repeats; empty, off-scale and refused rows are counted as such."""
    file = write(
        tmp_path / "r.csv",
        "item,seed,value,origin,outcome\n"
        "a,x,3,math,answered\na,y,850,math,answered\na,z,,math,refused\n"
        "b,x,,alpaca,\nb,y,2,alpaca,\nb,z,4,alpaca,answered\n",
    )
    again = write(tmp_path / "s.csv", "item,seed,value\na,1,850\nb,1,2\nc,1,851\n")
    assert "2 values" in (said := read_rating_file(again, levels=LEVELS)[1][0])
    assert "the first 850 for item 'a', seed 1" in said
    assert is_rating_file(file)
    table, notes = read_rating_file(file, levels=LEVELS)
    assert table["outcome"].to_list() == [
        "answered", "invalid", "refused", "invalid", "answered", "answered"
    ]  # fmt: skip
    assert table["value"].to_list() == [3, None, None, None, 2, 4]
    assert table["repeat"].to_list() == [0, 1, 2, 0, 1, 2]
    assert len(notes) == 2
    assert "850 for item 'a', seed y" in notes[1]
    found = reliability(table, bootstrap=BOOT, levels=LEVELS)
    assert found["invalid"].estimate == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("item,value\na,1\n", "missing column 'seed'"),
        ("item,seed,value\n", "no ratings"),
        ("item,seed,value\na,1,good\n", "value 'good' in line 2"),
        ("item,seed,value\na,1,inf\n", "value 'inf' in line 2"),
        ("item,seed,value\n,1,3\n", "no item in line 2"),
        ("item,seed,value,outcome\na,1,3,fine\n", "unknown outcome 'fine' in line 2"),
        ("", "is not a CSV file"),
    ],
)
def test_bad_csv_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    """What cannot be read is named with its place."""
    with pytest.raises(UsageError, match=said) as caught:
        read_rating_file(write(tmp_path / "bad.csv", text))
    assert "\n" not in str(caught.value)


PLAIN = "item,seed,value,outcome\na,1,2.5,\na,2,3,answered\nb,1,,refused\nb,2,,\n"
DIALECTS = {
    "r.csv": PLAIN.replace("\n", "\n\n").replace(",", " , "),
    "semi.CSV": "\ufeff" + PLAIN.replace(",", ";").replace("2.5", "2,5"),
    "r.tsv": PLAIN.replace(",", "\t").replace("\n", "\r\n"),
    "title.csv": PLAIN.replace("item", "Item").replace("value", "VALUE").replace("ans", "Ans"),
    "na.csv": PLAIN.replace(",,\n", ",NaN,NA\n").replace(",,ref", ",NA,ref"),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_is_the_same_ratings(tmp_path: Path, name: str) -> None:
    """Separators, case, blanks, empty lines and words for nothing change no rating."""
    file = write(tmp_path / name, DIALECTS[name])
    assert is_rating_file(file)
    table, notes = read_rating_file(file)
    expected, said = read_rating_file(write(tmp_path / "plain.csv", PLAIN))
    assert table.equals(expected)
    assert notes == said == ["1 ratings without a value counted as invalid"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('item,seed,value\na,1,2\n\n"",2,3\n', "no item in line 4"),
        ("item,seed,value\nNaN,1,2\n", "no item in line 2"),
        ("item;run;value\na;1;2\n", "missing column 'seed' in .*found item, run, value"),
        ("Item,item,seed,value\n", "two columns 'Item', 'item'"),
        ("item,seed,value\na,1\n", "line 2: 2 fields; the header has 3"),
    ],
)
def test_bad_rows_of_dialects(tmp_path: Path, text: str, said: str) -> None:
    """The line is the one in the file, empty ones counted; columns are named as found."""
    with pytest.raises(UsageError, match=said) as caught:
        read_rating_file(write(tmp_path / "bad.csv", text))
    assert "\n" not in str(caught.value)


def test_csv_with_a_duplicate(tmp_path: Path) -> None:
    """Two values for one item and seed are an error, not an average and not the last."""
    file = write(tmp_path / "d.csv", "item,seed,value\na,1,3\na,1,4\nb,1,2\n")
    with pytest.raises(UsageError, match="two ratings for item 'a'"):
        reliability(read_rating_file(file)[0], bootstrap=BOOT)


def test_items_ranked_by_group(rating_table: RatingTable) -> None:
    """The item table has each group's items, and none of a group without levels."""
    both = pl.concat([rating_table(ratings()), rating_table(ratings(1), rater="b")])
    table = item_table(both, levels=LEVELS)
    assert table.group_by("rater").len().sort("rater")["len"].to_list() == [40, 40]
    assert table.columns[:3] == ["rater", "template", "item"]
    with pytest.raises(UsageError, match="declared levels"):
        item_table(both, levels=declared_levels())


def test_no_records_no_rows() -> None:
    """A table of choices alone gives an empty reliability table with its columns."""
    empty = reliability_table(pl.DataFrame(schema=SCHEMA), bootstrap=BOOT)
    assert len(empty) == 0
    assert {"rater", "template", "quantity", "estimate"} <= set(empty.columns)
