"""Tables of comparisons in the forms and dialects of other people."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from harness.errors import UsageError
from harness.stats.choices.questions import build, questions_from_table, read_questions
from harness.stats.choices.utilities import analyse
from harness.stats.thurstone.fit import Options


def table(tmp_path: Path, text: str, name: str = "t.csv") -> pl.DataFrame:
    file = tmp_path / name
    file.write_bytes(text.encode())
    return read_questions(file)


PLAIN = "first,second,choice,count,p_first\na,b,first,2,\nb,c,second,1,\nc,a,,1,0.25\n"
DIALECTS = {
    "blank lines": PLAIN.replace("\n", "\n\n"),
    "lines of separators": PLAIN.replace("\n", "\n,,,,\n"),
    "blanks around": PLAIN.replace(",", " , "),
    "upper case": PLAIN.upper().replace("A,B", "a,b").replace("B,C", "b,c").replace("C,A", "c,a"),
    "title case": PLAIN.replace("first", "First").replace("second", "SECOND"),
    "semicolons and decimal commas": PLAIN.replace(",", ";").replace("0.25", "0,25"),
    "tabs": PLAIN.replace(",", "\t"),
    "bars": PLAIN.replace(",", "|"),
    "a named separator": "sep=;\r\n" + PLAIN.replace(",", ";"),
    "quoted": "\n".join(",".join(f'"{c}"' for c in line.split(",")) for line in PLAIN.split()),
    "returns": PLAIN.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + PLAIN,
    "an index": "".join(f"{k},{line}\n" for k, line in enumerate(PLAIN.split())),
    "NaN": PLAIN.replace("first,2,\n", "first,2,NaN\n").replace("c,a,,", "c,a,nan,"),
    "NA": PLAIN.replace("second,1,\n", "second,1,NA\n").replace("c,a,,", "c,a,NA,"),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_is_the_same_table(tmp_path: Path, name: str) -> None:
    """Separators, blanks, case, quotes, empty lines and words for nothing change no question."""
    found = table(tmp_path, DIALECTS[name].replace("0,first,second", ",first,second"))
    assert found.equals(table(tmp_path, PLAIN))


@pytest.mark.parametrize("name", ["T.CSV", "t.tsv", "t.txt"])
def test_every_ending(tmp_path: Path, name: str) -> None:
    """The ending does not decide how a table is read."""
    assert table(tmp_path, PLAIN, name).equals(table(tmp_path, PLAIN))


def test_a_field_of_any_length(tmp_path: Path) -> None:
    """A cell of 140 000 characters, where csv's own limit is 131 072, is a cell."""
    text = f'first,second,choice,note\na,b,first,"{"x" * 140_000}"\n'
    assert len(table(tmp_path, text)) == 1


BAD = {
    'first,second,choice\n"",b,first\n': "first '' in .*row 2; expected two items",
    "first,second,choice\na,b,first\n\nNaN,b,first\n": "first 'NaN' in .*row 4; expected two",
    "first,second,choice\na, ,first\n": "second '' in .*row 2",
    "one,two\na,b\n": "no column first, second, choice in .*winner,loser.*found one, two",
    "winner,other\na,b\n": "no column loser in .*found winner, other",
    "model_a,model_b,won\na,b,a\n": "no column winner in .*found model_a, model_b, won",
    "Choice,choice,first,second\n": "two columns 'Choice', 'choice'",
    "first,second,choice,count\na,b,first,NaN\n": "count nan in .*row 2",
    "first,second,choice,count\na,b,first,-inf\n": "count -inf in .*row 2",
    "first,second,choice\na,b\n": "line 2: 2 fields; the header has 3",
    "winner,loser,tie\na,b,perhaps\n": "tie 'perhaps' in .*row 2; expected true or false",
    "winner,loser\na,a\n": "first 'a' in .*row 2; an item is compared with itself",
    "model_a,model_b,winner\na,b,a\na,b,c\nc,b,c\n": "winner 'c' in .*row 3; expected model_a",
}


@pytest.mark.parametrize("text", BAD)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, text: str) -> None:
    """Value, place and what was allowed; for columns, those found."""
    with pytest.raises(UsageError, match=BAD[text]) as caught:
        table(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_arena_tables(tmp_path: Path) -> None:
    """model_a was shown first; a tie of either kind is half a win; other words are outcomes."""
    found = table(
        tmp_path,
        "Model_A,model_b,winner\nx,y,model_a\nx,y,model_b\nx,y,tie\nx,y,tie (bothbad)\n"
        "x,y,X\nx,y,y\nx,y,\nx,y,refused\n".replace("X", "x"),
    )
    assert found["p"].to_list() == [1, 0, 0.5, 0.5, 1, 0, None, None]
    assert found["outcome"].to_list()[6:] == ["missing", "refused"]
    assert found["ordered"].all() and not found["soft"].any()
    data = build(found)
    assert (data.wins.sum(), data.losses.sum(), data.soft) == (3, 3, False)


def test_winners_first_say_nothing_of_place(tmp_path: Path) -> None:
    """A winner,loser table: ties are halves, counts multiply, and the order shown is not known."""
    found = table(tmp_path, "winner,loser,tie,count\na,b,,2\nb,c,TRUE,1\nc,a,0,1\n")
    assert found["p"].to_list() == [1, 0.5, 1]
    assert not found["ordered"].any()
    summary = analyse(found).summary
    assert summary["position_effect"] is None
    assert summary["first_choice_rate"] is None
    assert any("1 ties count as half a win" in note for note in summary["notes"])
    with pytest.raises(UsageError, match="--position-by template and a table of winner,loser"):
        analyse(found, position_by="template")


def planted(seed: int) -> tuple[np.ndarray, pl.DataFrame]:
    """Utilities of 60 items and 900 comparisons as winner,loser."""
    rng = np.random.default_rng(seed)
    mu = rng.normal(0, 1.5, 60)
    first, second = rng.integers(0, 60, (2, 900))
    first, second = first[first != second], second[first != second]
    won = mu[first] - mu[second] + 2**0.5 * rng.normal(size=len(first)) > 0
    names = np.array([f"i{k:02d}" for k in range(60)])
    pairs = np.where(won, first, second), np.where(won, second, first)
    return mu, pl.DataFrame({"winner": names[pairs[0]], "loser": names[pairs[1]]})


def rank_correlation(mu: np.ndarray, found: pl.DataFrame) -> float:
    order = found.sort("item")["utility"].to_numpy()
    return float(np.corrcoef(mu.argsort().argsort(), order.argsort().argsort())[0, 1])


def test_winner_loser_gives_the_utilities() -> None:
    """The planted order is found and expected; the same table as `first` with --no-position
    gives the same, and as `first` with a position effect says what is wrong."""
    mu, won = planted(0)
    plain = analyse(questions_from_table(won, where="t"))
    assert rank_correlation(mu, plain.table) > 0.9
    assert plain.summary["expected_rho"] > 0.85
    as_first = won.rename({"winner": "first", "loser": "second"}).with_columns(
        choice=pl.lit("first")
    )
    asked = questions_from_table(as_first, where="t")
    same = analyse(asked, options=Options(position=False))
    assert same.table.equals(plain.table)
    assert not any("--no-position" in note for note in same.summary["notes"])
    wrong = analyse(asked)
    said = [note for note in wrong.summary["notes"] if "--no-position" in note]
    assert len(said) == 1 and "chosen in 100 % of the comparisons" in said[0]


@pytest.mark.parametrize(
    ("rate", "said"), [(0.03, "second"), (0.3, ""), (0.7, ""), (0.97, "first")]
)
def test_a_one_sided_rate_is_said(rate: float, said: str) -> None:
    """A first-choice rate near 0 or 1 names the side and --no-position; others do not."""
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 20, (2, 400))
    asked = pl.DataFrame(
        {
            "first": first,
            "second": second,
            "choice": np.where(rng.random(400) < rate, "first", "second"),
        }
    ).filter(pl.col("first") != pl.col("second"))
    notes = analyse(questions_from_table(asked, where="t")).summary["notes"]
    found = [note for note in notes if "--no-position" in note]
    assert [f"shown {said} was chosen" in note for note in found] == [True] * bool(said)


def test_ids_that_nobody_can_tell_apart_are_refused(tmp_path: Path) -> None:
    """A control character in an id, and ids that are no single value: one line each."""
    with pytest.raises(UsageError, match=r"row 3: first 'a\\x00' holds a control character"):
        table(tmp_path, "first,second,choice\na,b,first\na\x00,b,first\n")
    for name, ids in (("structs", [{"n": 1}]), ("lists", [["a"]])):
        nested = pl.DataFrame({"first": ids, "second": ["b"], "choice": ["first"]})
        nested.write_parquet(tmp_path / "t.parquet")
        with pytest.raises(UsageError, match=f"column 'first' holds {name}; expected text"):
            read_questions(tmp_path / "t.parquet")
