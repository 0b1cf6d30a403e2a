"""A run against the steering server, killed, and resumed behind another vector of one name."""

from pathlib import Path
from typing import Any

import inspect_ai
import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import get_model

from harness.records.logs import read_records
from solvers import questions

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inspect finds a task file again by its path from here."""
    monkeypatch.chdir(ROOT)


def start(url: str, folder: Path) -> EvalLog:
    """Three pairs, pre-task, by exact choices under the vector `math`."""
    [log] = inspect_ai.eval(
        "evals/pairwise.py",
        # Not kept for the resumption, which is another process in life.
        model=get_model("steering/tiny", memoize=False, base_url=url, vector="math", coef=4.0),
        task_args={
            "items": "builtin:math", "per_origin": 3, "pairs": "random:3", "timing": "pre",
            "readout": "logprobs", "min_label_mass": 0,
        },
        log_dir=str(folder),
        log_realtime=False,
        display="none",
        max_samples=1,
    )  # fmt: skip
    return log


def cut(monkeypatch: pytest.MonkeyPatch, url: str, folder: Path, finished: int) -> EvalLog:
    """The run after `finished` samples: the next one's answers are in the journal alone."""
    real, made = questions.output_of, []

    def dying(*args: Any) -> Any:
        made.append(args)
        if len(made) > finished:
            raise KeyError("killed here")
        return real(*args)

    with monkeypatch.context() as patched:
        patched.setattr(questions, "output_of", dying)
        return start(url, folder)


def resumed(log: EvalLog, folder: Path) -> EvalLog:
    """Go on with it."""
    [again] = inspect_ai.eval_retry(log, log_dir=str(folder), display="none", log_realtime=False)
    return again


def table(log: EvalLog) -> Any:
    """What was answered, by whom, to what."""
    columns = ["rater_identity", "prompt_hash", "p_first", "outcome"]
    return read_records([log.location], cache=False).frame.select(columns).sort(columns)


@pytest.mark.parametrize("finished", [0, 1])
def test_a_vector_replaced_under_its_name_is_another_rater(
    finished: int, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same name, same address, other numbers: finished samples refuse it, and what only the
    journal holds is asked again, so that the table is the second vector's from end to end."""
    said: list[str] = []
    monkeypatch.setattr("harness.measuring.session.say", said.append)
    with tiny.serving(seed=0) as url:
        log = cut(monkeypatch, url, tmp_path, finished)
    assert log.status == "error"
    with tiny.serving(seed=1, port=int(url.rpartition(":")[2])) as same:
        assert same == url
        again = resumed(log, tmp_path)
        if finished:
            assert again.status == "error" and again.error is not None
            assert "holds finished samples by another " in again.error.message
            return
        fresh = start(url, tmp_path / "fresh")
    assert again.status == "success", again.error
    assert [line for line in said if "another model, vector or setting" in line]
    assert table(again).equals(table(fresh)) and table(again).height == 6


def test_the_same_vector_after_a_restart_is_the_same_rater(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is said and nothing asked again."""
    said: list[str] = []
    monkeypatch.setattr("harness.measuring.session.say", said.append)
    with tiny.serving(seed=0) as url:
        log = cut(monkeypatch, url, tmp_path, 1)
    with tiny.serving(seed=0, port=int(url.rpartition(":")[2])):
        again = resumed(log, tmp_path)
    assert again.status == "success", again.error
    assert not [line for line in said if "another model, vector or setting" in line]
