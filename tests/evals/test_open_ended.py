"""Open questions: asked, answered in repeats, and judged for attitude where they are language."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import get_model

from harness.items.open_questions import OPEN_QUESTIONS
from harness.records.logs import read_records

RunEval = Callable[..., EvalLog]


def judgements(log: EvalLog) -> pl.DataFrame:
    return read_records([log.location.removeprefix("file://")], cache=False).judgements


@pytest.mark.parametrize(
    ("condition", "planted"), [("affective_pos", 0.8), ("affective_neg", -0.8)]
)
def test_a_planted_attitude_is_found(run_eval: RunEval, condition: str, planted: float) -> None:
    """The judge's mean is the tone that the system prompt gives; five questions, four repeats."""
    log = run_eval(
        "open_ended.py",
        task_args={"seeds": 4, "block": 5, "completion_sysprompt": condition},
        model_roles={"judge": get_model("sim/judge", memoize=False)},
    )
    assert log.status == "success", log.error
    found = judgements(log).filter((pl.col("kind") == "attitude") & (pl.col("judge") != "rule"))
    # A text that the rule holds for no language has no attitude.
    assert found.height >= 18
    assert set(found["item"]) == {one.id for one in OPEN_QUESTIONS}
    assert found["value"].mean() == pytest.approx(planted)


def test_without_a_judge_no_attitude_is_scored(run_eval: RunEval) -> None:
    """The rule says that it does not score; coherence it does."""
    log = run_eval("open_ended.py", task_args={"topic": "cats"})
    found = judgements(log)
    attitude = found.filter(pl.col("kind") == "attitude")
    assert set(attitude["outcome"]) == {"invalid"} and attitude["value"].null_count() == 5
    coherence = found.filter(pl.col("kind") == "coherence")
    assert coherence["value"].min() >= 0.5  # type: ignore[operator]


def test_own_questions_and_topic(run_eval: RunEval, tmp_path: Path) -> None:
    """From TOML, the topic filled in as it is; what else stands in braces is left."""
    file = tmp_path / "own.toml"
    file.write_text('questions = [{id = "q1", text = "What of {topic}, and {this}?"}]')
    log = run_eval("open_ended.py", task_args={"questions": str(file), "topic": "{topic} <b>"})
    assert log.samples is not None
    assert log.samples[0].input == "What of {topic} <b>, and {this}?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("questions = []", "holds no questions"),
        ('questions = [{id = "a b", text = "x"}]', "id 'a b'"),
        ('questions = [{id = "a", text = " "}]', "is empty"),
        ('questions = [{id = "a", text = "x"}, {id = "a", text = "y"}]', "stands twice"),
        ('question = "x"', "questions"),
    ],
)
def test_bad_questions_are_one_line(
    run_eval: RunEval, tmp_path: Path, text: str, said: str
) -> None:
    """Whatever is wrong in the file is named."""
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(Exception, match=said) as caught:
        run_eval("open_ended.py", task_args={"questions": str(file)})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [{"items": "builtin"}, {"per_origin": 2}, {"topic": " "}])
def test_options_that_make_no_sense_are_refused(
    run_eval: RunEval, given: dict[str, object]
) -> None:
    """Its items are its questions, and they need a topic."""
    with pytest.raises(Exception, match=r"of open_ended|topic is empty"):
        run_eval("open_ended.py", task_args=given)
