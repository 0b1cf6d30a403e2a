"""Pairs of an earlier run are drawn by which place won there."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from harness.errors import UsageError
from harness.pairs.presentations import presentations
from harness.pairs.winners import first_answers
from harness.records.record import Record, frame

ITEMS = [f"i{n}" for n in range(12)]


def logs(folder: Path, answers: Sequence[tuple[str, str, str | None]]) -> Path:
    rows = [
        Record(kind="choice", template="t", template_hash="h", prompt_hash=f"p{number}",
               timing="pre", response="plain", readout="sample", labels="A,B", rater="r",
               outcome="answered" if choice else "refused", item_first=first, item_second=second,
               choice=choice, log="l")
        for number, (first, second, choice) in enumerate(answers)
    ]  # fmt: skip
    path = folder / "records.parquet"
    frame(rows).write_parquet(path)
    return path


def drawn(spec: str, items: list[str] = ITEMS) -> list[tuple[str, str]]:
    shown = presentations(spec, items, orders="first", seed=0, base=Path(), task="pairwise")
    return [pair[0][:2] for pair in shown]


def test_as_many_of_each_winner(tmp_path: Path) -> None:
    """N pairs whose first item won and N whose second did, in the order shown, each pair once."""
    answers = [(f"i{n}", f"i{n + 1}", "first") for n in range(0, 10, 2)]
    answers += [(f"i{n}", f"i{n + 1}", "second") for n in range(1, 11, 2)]
    path = logs(tmp_path, [*answers, ("i1", "i0", "first"), ("i0", "i2", None)])
    table = first_answers(path)
    assert table.height == 10
    won = dict(table.select(pl.concat_str("first", "second"), "choice").iter_rows())
    pairs = drawn(f"won:3:{path}")
    assert [won["".join(pair)] for pair in pairs] == ["first"] * 3 + ["second"] * 3
    assert len(set(pairs)) == 6
    assert pairs == drawn(f"won:3:{path}")
    assert len(drawn(f"won:99:{path}")) == 10


def test_pairs_of_other_items_are_left_out(tmp_path: Path) -> None:
    """Only pairs of this run's items are asked; where none is, that is said."""
    path = logs(tmp_path, [("i0", "i1", "first"), ("x", "i1", "second")])
    assert drawn(f"won:5:{path}") == [("i0", "i1")]
    with pytest.raises(UsageError, match="none of the 2 pairs"):
        drawn(f"won:5:{path}", ["y", "z"])


@pytest.mark.parametrize("spec", ["won:3", "won:0:x", "won:a:x", "won::x", "won:3:"])
def test_a_form_that_is_none_is_refused(spec: str) -> None:
    """N of at least 1 and LOGS: anything else is one line."""
    with pytest.raises(UsageError, match="expected won:N:LOGS"):
        drawn(spec)


def test_logs_without_choices_are_refused(tmp_path: Path) -> None:
    """Refused questions have no winner."""
    with pytest.raises(UsageError, match="no answered choices"):
        drawn(f"won:3:{logs(tmp_path, [('i0', 'i1', None)])}")
