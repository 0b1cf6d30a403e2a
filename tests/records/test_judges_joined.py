"""An analysis uses one judge: nothing of another's verdicts stays in its columns."""

import polars as pl
import pytest

from harness.errors import UsageError
from harness.records.judgement import Judgement, joined, judgement_frame
from harness.records.record import Record, frame

SAID = {
    "template": "t", "template_hash": "h", "prompt_hash": "p", "timing": "post",
    "response": "plain", "readout": "sample", "labels": "", "rater": "m", "outcome": "answered",
}  # fmt: skip


def records(*hashes: str) -> pl.DataFrame:
    """Ratings as logs of before had them: the rule's verdict in the record itself."""
    return frame(
        [
            Record(
                **SAID, kind="rating", completion_hash=one, completion_refused=True,  # type: ignore[arg-type]
                sysprompt_referenced=False,
            )
            for one in hashes
        ]
    )  # fmt: skip


def said(subject: str, value: float | None, judge: str = "m/j", **more: object) -> Judgement:
    return Judgement(
        judge=judge, judge_identity="i", wording_hash="w", kind="refusal", subject=subject,
        value=value, outcome="answered" if value is not None else "failed", **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_named_judge_stands_alone() -> None:
    """Where it has failed, or was not asked, nothing is known: the rule's verdict is not taken."""
    told = joined(
        records("a", "b", "c"), judgement_frame([said("a", 0.0), said("b", None)]), judge="m/j"
    )
    assert told["completion_refused"].to_list() == [False, None, None]
    assert told["completion_refused_by"].to_list() == ["judge m/j", None, None]
    assert told["sysprompt_referenced"].to_list() == [None, None, None]
    assert told["sysprompt_referenced_by"].to_list() == [None, None, None]


def test_the_rule_says_what_it_said() -> None:
    """Records of before keep its verdict, and say that it is the rule's."""
    told = joined(records("a"), judgement_frame([said("a", 0.0)]))
    assert told.row(0, named=True)["completion_refused"] is True
    assert told.row(0, named=True)["completion_refused_by"] == "rule"
    assert told.row(0, named=True)["sysprompt_referenced_by"] == "rule"


def test_repeats_vote_and_a_tie_is_a_refusal() -> None:
    """One row of the same repeat counts once, from however many logs it was read."""
    votes = [said("a", 1.0, repeat=0), said("a", 0.0, repeat=1), said("a", 0.0, repeat=2)]
    again = [said("a", 1.0, repeat=0, item="x")] * 3
    told = joined(records("a"), judgement_frame([*votes, *again]), judge="m/j")
    assert told["completion_refused"].to_list() == [False]
    told = joined(records("a"), judgement_frame(votes[:2]), judge="m/j")
    assert told["completion_refused"].to_list() == [True]


def test_two_judges_of_one_name_are_told_apart() -> None:
    """By the beginning of an identity; without it the error names both."""
    two = judgement_frame(
        [said("a", 0.0), Judgement(judge="m/j", judge_identity="k9", wording_hash="w",
                                   kind="refusal", subject="a", value=1.0)]
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"stands for several.*i, k9.*JUDGE@IDENTITY"):
        joined(records("a"), two, judge="m/j")
    assert joined(records("a"), two, judge="m/j@k")["completion_refused"].to_list() == [True]
