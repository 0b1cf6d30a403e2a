"""A limit that Inspect puts on samples is named where it ends one, and loses no answer."""

from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai.log import EvalLog

RunEval = Callable[..., EvalLog]
Records = Callable[[EvalLog], list[dict[str, Any]]]

TASK = "anchored.py@anchored_1_5"


@pytest.mark.parametrize(("option", "limit"), [("token_limit", 30), ("message_limit", 1)])
def test_a_limit_before_the_measurement_is_named_as_the_cause(
    option: str, limit: int, run_eval: RunEval
) -> None:
    """The run's error is the limit by the name of its option, not a sample without questions."""
    log = run_eval(TASK, task_args={"per_origin": 1}, **{option: limit})
    assert log.status == "error"
    assert log.error is not None
    assert f"Inspect's --{option.replace('_', '-')} {limit} ended the sample" in log.error.message


def test_a_limit_in_the_measurement_leaves_failed_records(
    run_eval: RunEval, records: Records
) -> None:
    """What was not asked is a failed record that says so; the run goes on."""
    log = run_eval(TASK, task_args={"per_origin": 1}, message_limit=3)
    assert log.status == "success"
    rows = records(log)
    assert {row["outcome"] for row in rows} == {"failed"}
    assert all("Inspect's --message-limit 3" in row["error"] for row in rows)
    assert not any(row.get("asked", True) for row in rows)


@pytest.mark.parametrize("block", [1, 5])
def test_the_answer_that_crosses_a_limit_is_kept(
    block: int, run_eval: RunEval, records: Records
) -> None:
    """It was given and paid for: its record is answered, though the sample ends with it."""
    whole = run_eval(TASK, task_args={"per_origin": 1, "block": block}, folder="whole")
    used = [sum(u.total_tokens for u in s.model_usage.values()) for s in whole.samples or []]
    cut = run_eval(
        TASK, task_args={"per_origin": 1, "block": block}, token_limit=min(used) - 1, folder="cut"
    )
    assert cut.status == "success", cut.error
    ended = [sample for sample in cut.samples or [] if sample.limit is not None]
    assert ended
    assert [row["outcome"] for row in records(cut)] == [row["outcome"] for row in records(whole)]
