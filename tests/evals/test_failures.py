"""A question that fails is a record; what every question would fail on ends the run."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

RunEval = Callable[..., EvalLog]
Records = Callable[[EvalLog], list[dict[str, Any]]]


class Refused(Exception):
    """An HTTP error as providers raise them."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status_code = status


class FlakyAPI(ModelAPI):
    """Answers 3, or raises for every n-th question; counts what it was asked."""

    def __init__(self, model_name: str, every: int = 3, status: int = 500, **rest: Any) -> None:
        super().__init__(model_name)
        self.every, self.status, self.asked = every, status, 0

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        self.asked += 1
        if self.asked % self.every == 0:
            raise Refused(self.status)
        output = ModelOutput.from_content(f"flaky/{self.model_name}", "3")
        output.usage = ModelUsage(input_tokens=9, output_tokens=1, total_tokens=10)
        return output


@modelapi(name="flaky")
def flaky() -> type[ModelAPI]:
    """The provider above."""
    return FlakyAPI


@pytest.mark.parametrize("block", [1, 5])
def test_a_failed_question_is_a_failed_record(
    run_eval: RunEval, records: Records, block: int
) -> None:
    """Every question has its record; a failed one has the error and no value."""
    log = run_eval(
        "pairwise.py",
        "flaky/x",
        task_args={"per_origin": 4, "timing": "pre", "labels": [3, 4], "block": block},
    )
    assert log.status == "success", log.error
    rows = records(log)
    counts = Counter(row["outcome"] for row in rows)
    assert counts["failed"] == len(rows) // 3
    assert counts["answered"] + counts["failed"] == len(rows) == 100
    assert all(("choice" in row) == (row["outcome"] == "answered") for row in rows)
    assert all("status 500" in row["error"] for row in rows if row["outcome"] == "failed")


def test_a_failed_completion_fails_its_questions_alone(run_eval: RunEval, records: Records) -> None:
    """Items whose completion failed are failed records; the rest is measured."""
    log = run_eval("anchored.py@anchored_1_5", "flaky/y", task_args={"per_origin": 6, "seeds": 2})
    assert log.status == "success", log.error
    rows = records(log)
    assert len(rows) == 60
    lost = [row for row in rows if row["outcome"] == "failed" and "completion of" in row["error"]]
    assert lost
    assert {row["item"] for row in lost}.isdisjoint(
        {row["item"] for row in rows if row["outcome"] == "answered"}
    )


def test_a_refused_key_ends_the_run(run_eval: RunEval) -> None:
    """A 401 would meet every question: the run ends with status error and says so."""
    log = run_eval(
        "pairwise.py",
        "flaky/z",
        task_args={"per_origin": 2, "timing": "pre"},
        model_args={"status": 401},
    )
    assert log.status == "error"
    assert log.error is not None
    assert "the provider refused the key (401)" in log.error.message


def test_a_provider_that_never_answers_ends_the_run(run_eval: RunEval) -> None:
    """After twenty failures without one answer the run ends instead of failing ten thousand."""
    log = run_eval(
        "pairwise.py",
        "flaky/w",
        task_args={"per_origin": 20, "timing": "pre"},
        model_args={"every": 1, "status": 404},
        max_connections=1,
    )
    assert log.status == "error"
    assert log.error is not None
    assert "questions all failed and none was answered" in log.error.message


def test_one_error_for_all_ends_a_short_run(run_eval: RunEval) -> None:
    """An error that meets every question ends also a run of fewer than twenty after a few."""
    log = run_eval(
        "pairwise.py",
        "flaky/v",
        task_args={"per_origin": 2, "items": "builtin:math", "pairs": "all", "timing": "pre"}
        | {"seeds": 6},
        model_args={"every": 1, "status": 422},
    )
    assert log.status == "error"
    assert log.error is not None
    assert "questions all failed and none was answered" in log.error.message


@pytest.mark.parametrize("per_origin", [1, 3])
def test_a_run_of_few_questions_ends_when_all_have_failed(
    run_eval: RunEval, per_origin: int
) -> None:
    """Fewer than five questions that all fail are no success either, nor are completions."""
    log = run_eval(
        "anchored.py@anchored_1_5",
        "flaky/u",
        task_args={"per_origin": per_origin, "items": "builtin:math"},
        model_args={"every": 1, "status": 422},
    )
    assert log.status == "error"
    assert log.error is not None
    assert f"the first {per_origin} questions all failed and none was answered" in log.error.message
