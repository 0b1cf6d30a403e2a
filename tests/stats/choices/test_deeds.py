"""What was done in place of what was stated."""

import polars as pl
import pytest

from harness.errors import UsageError
from harness.records.record import Record, frame
from harness.stats.choices.deeds import by_deed, parting

COMMON = {
    "kind": "choice", "template": "choose_and_complete", "template_hash": "h", "prompt_hash": "p",
    "timing": "pre", "response": "plain", "readout": "sample", "labels": "A,B", "rater": "m",
}  # fmt: skip


def row(outcome: str, choice: str | None, executed: str | None, **more: object) -> Record:
    return Record(
        **{**COMMON, "reply_hash": "r", "item_first": "a", "item_second": "b"} | more,  # type: ignore[arg-type]
        outcome=outcome,  # type: ignore[arg-type]
        choice=choice,  # type: ignore[arg-type]
        executed=executed,
    )


def test_the_deed_becomes_the_choice() -> None:
    """First and second are answers, a refusal is refused, anything else invalid; failures stay."""
    table = by_deed(
        frame(
            [
                row("answered", "first", "second"),
                row("answered", "first", "first"),
                row("invalid", None, "first"),
                row("answered", "second", "both"),
                row("answered", "second", "neither"),
                row("answered", "second", "refusal"),
                row("answered", "second", None),
                row("failed", None, None),
                row("answered", "second", None, reply_hash=None),
            ]
        )
    )
    assert table["choice"].to_list() == [
        "second", "first", "first", None, None, None, None, None, "second",
    ]  # fmt: skip
    assert table["outcome"].to_list() == [
        "answered", "answered", "answered", "invalid", "invalid", "refused", "invalid", "failed",
        "answered",
    ]  # fmt: skip


def test_label_and_deed_part() -> None:
    """Of those that state one and do one; the rest are counted beside."""
    rows = [row("answered", "first", "second"), *[row("answered", "first", "first")] * 3]
    rows += [row("answered", "first", "both"), row("invalid", None, "second")]
    share, counts = parting(frame(rows))
    assert share.estimate == 0.25
    assert counts == {"first": 3, "second": 2, "both": 1, "neither": 0, "refusal": 0}


def test_without_verdicts_there_are_no_deeds() -> None:
    """One line says what is missing."""
    with pytest.raises(UsageError, match="scored by executed_task"):
        by_deed(frame([row("answered", "first", None)]).with_columns(pl.lit(None).alias("x")))
