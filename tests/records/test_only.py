"""Laws of taking part of what was read."""

import polars as pl
import pytest

from harness.errors import UsageError
from harness.records.judgement import Judgement, judgement_frame
from harness.records.log_runs import LogInfo
from harness.records.logs import LogRecords
from harness.records.only import only
from harness.records.record import Record, frame


def rating(rater: str, template: str, **more: str) -> Record:
    """One rating."""
    return Record(
        kind="rating", rater=rater, template=template, template_hash="h", prompt_hash="p",
        timing="post", response="plain", readout="sample", labels="1,2", outcome="answered",
        item="i", log=f"{rater}.eval", **more,  # type: ignore[arg-type]
    )  # fmt: skip


READ = LogRecords(
    frame(
        [
            rating("a", "x", completion_hash="one"),
            rating("a", "y"),
            rating("b", "x", completion_hash="two+three"),
            rating("c", "z"),
        ]
    ),
    (
        *(LogInfo(path=f"{name}.eval", task_id=name, rows=1) for name in "abc"),
        LogInfo(path="failed.eval", task_id="d"),
    ),
    judgement_frame([Judgement(judge="rule", kind="refusal", subject=s) for s in ("one", "three")]),
)


def test_values_of_one_column_are_alternatives_and_columns_are_crossed() -> None:
    """Raters a or b, and template x: two records."""
    found = only(READ, ["rater=a", "rater=b", "template=x"]).frame
    assert found.select("rater", "template").rows() == [("a", "x"), ("b", "x")]


def test_logs_and_judgements_follow_their_records() -> None:
    """What is about records left out goes with them; a log that never had records stays."""
    found = only(READ, ["rater=b"])
    assert [log.path for log in found.logs] == ["b.eval", "failed.eval"]
    assert found.judgements["subject"].to_list() == ["three"]


def test_tables_and_a_tasks_other_logs_stay() -> None:
    """A table names its rows' logs as it likes; records of a run and its retries, which are one
    task, bear the name of one of its logs."""
    table = LogInfo(path="kept.csv", kind="table", rows=1)
    retried = LogInfo(path="b-retried.eval", task_id="b", rows=1)
    untold = LogInfo(path="untold.eval", task_id="", rows=1)
    read = LogRecords(READ.frame, (*READ.logs, table, retried, untold), READ.judgements)
    found = [log.path for log in only(read, ["rater=b"]).logs]
    assert found == ["b.eval", "failed.eval", "kept.csv", "b-retried.eval"]


def test_nothing_asked_for_is_everything() -> None:
    """Without a wish the records are those that were read, even where there are none."""
    completions_alone = LogRecords(frame([]), READ.logs, READ.judgements)
    assert only(READ, ()) is READ
    assert only(completions_alone, ()) is completions_alone


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (["rater=nobody"], "these have a, b, c"),
        (["rater"], "expected COLUMN=VALUE"),
        (["colour=red"], "expected COLUMN=VALUE"),
        (["rater=c", "template=x"], "no record has rater=c and template=x"),
    ],
)
def test_what_is_not_there_is_refused(wanted: list[str], said: str) -> None:
    """An unknown column or value is an error that names what there is, never an empty page."""
    with pytest.raises(UsageError, match=said):
        only(READ, wanted)


def test_a_value_may_hold_an_equals_sign() -> None:
    """A simulated rater's settings are part of its name."""
    name = "sim/x(spread=0, misfit=0)"
    read = LogRecords(frame([rating(name, "x"), rating("b", "x")]))
    assert only(read, [f"rater={name}"]).frame.equals(read.frame.filter(pl.col("rater") == name))
