"""From files and records to comparisons: what counts, what is only counted, what is refused."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from harness.errors import UsageError
from harness.records.record import Record, frame
from harness.stats.choices.questions import (
    as_half_wins,
    build,
    outcome_rates,
    questions_from_records,
    read_questions,
)
from harness.stats.choices.utilities import analyse_records


def table(tmp_path: Path, text: str) -> pl.DataFrame:
    file = tmp_path / "comparisons.csv"
    file.write_text(text)
    return read_questions(file)


def record(first: str, second: str, **given: object) -> Record:
    facts: dict[str, object] = {
        "kind": "choice",
        "template": "simple_preference",
        "template_hash": "h",
        "prompt_hash": "p",
        "timing": "pre",
        "response": "plain",
        "readout": "sample",
        "labels": "A,B",
        "rater": "sim/faithful",
        "outcome": "answered",
        "item_first": first,
        "item_second": second,
        "origin_first": first[0],
        "origin_second": second[0],
    }
    return Record(**(facts | given))  # type: ignore[arg-type]


def test_counts_soft_counts_and_other_outcomes(tmp_path: Path) -> None:
    """Counts multiply, probabilities are soft, any other choice is counted and left out."""
    questions = table(
        tmp_path,
        "first,second,choice,count,p_first\na,b,first,2.5,\nb,a,second,,\na,c,,2,0.25\n"
        "c,b,refused,3,\nc,a,,,\n",
    )
    data = build(questions)
    assert data.items == ("a", "b", "c")
    assert data.outcomes == {"answered": 5.5, "missing": 1.0, "refused": 3.0}
    np.testing.assert_allclose(data.wins, [2.5, 0.5, 0])
    np.testing.assert_allclose(data.losses, [0, 1.5, 1])
    assert data.soft


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "no column first, second, choice"),
        ("first,second,choice,count\na,b,first,x\n", "count 'x'.*row 2; expected a number"),
        ("first,second,choice,count\na,b,first,-1\n", "count -1.0.*row 2"),
        ("first,second,choice\na,b,first\nc,c,second\n", "'c'.*row 3.*itself"),
        ("first,second,choice,p_first\na,b,first,1.5\n", "p_first 1.5.*probability"),
    ],
)
def test_bad_files_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    """A bad value is named with its place and what was allowed."""
    with pytest.raises(UsageError, match=said):
        table(tmp_path, text)


def test_only_answers_reach_a_fit() -> None:
    """Fault 7's ground: refused, invalid and failed records are neither wins nor losses."""
    records = [record("a", "b", choice="first")] + [
        record("a", "c", outcome=outcome) for outcome in ("refused", "invalid", "failed")
    ]
    data = build(questions_from_records(frame(records)))
    assert data.total == 1
    assert data.items == ("a", "b")
    rates = outcome_rates(questions_from_records(frame(records)))
    assert rates.filter(pl.col("item") == "a").row(0, named=True) == {
        "item": "a",
        "asked": 4.0,
        "answered": 0.25,
        "failed": 0.25,
        "invalid": 0.25,
        "refused": 0.25,
    }
    half = build(as_half_wins(questions_from_records(frame(records))))
    assert half.items == ("a", "b", "c")
    assert (half.wins[1], half.losses[1]) == (0.5, 0.5)


def test_log_probabilities_are_soft() -> None:
    """A record with p_first counts by its probability, not by its label."""
    one = record("a", "b", choice="first", p_first=0.7, readout="logprobs")
    data = build(questions_from_records(frame([one])))
    assert data.soft
    assert (data.wins[0], data.losses[0]) == pytest.approx((0.7, 0.3))


def test_position_groups_are_unordered_origin_pairs() -> None:
    """Both orders of two origins share one position effect."""
    records = [record("a1", "b1", choice="first"), record("b1", "a2", choice="second")]
    data = build(questions_from_records(frame(records)), position_by="origin-pair")
    assert data.groups == ("a × b",)
    with pytest.raises(UsageError, match="origin_first"):
        blank = [record("a1", "b1", choice="first", origin_first=None)]
        build(questions_from_records(frame(blank)), position_by="origin-pair")


def test_pooling_is_refused_unless_a_factor() -> None:
    """Two templates in one fit: refused by name, except as the factor of the position effect."""
    records = [
        record(*pair, choice=choice, template=template, template_hash=template)
        for template in ("simple_preference", "do_again")
        for pair in (("a", "b"), ("b", "a"), ("b", "c"), ("c", "a"))
        for choice in ("first", "second")
    ]
    with pytest.raises(UsageError, match="do_again"):
        analyse_records(frame(records))
    effects = analyse_records(frame(records), position_by="template").effects
    assert effects["group"].to_list() == ["do_again", "simple_preference"]
    thinking = [record("a", "b", choice="first", thinking=value) for value in ("on", None)]
    with pytest.raises(UsageError, match="thinking"):
        analyse_records(frame(thinking))


def test_random_pairs_are_known_by_how_they_were_drawn() -> None:
    """The initial graph and the reserve of a campaign are random, what was selected is not; a
    user's sample may be called anything."""
    drawn = ("initial", "reserve", "selected", None)
    records = [record("a", "b", choice="first", drawn=one) for one in drawn]
    records.append(record("a", "b", choice="first", sample_id="reserve-7:1"))
    random = questions_from_records(frame(records))["random"].to_list()
    assert random == [True, True, False, False, False]
