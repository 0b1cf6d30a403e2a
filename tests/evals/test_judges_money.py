"""What judges cost: told before a run, charged to its purse, and still charged after a kill."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import inspect_ai
import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import Model, get_model

import scorers.refusal
from harness.measuring.journal import journal_directory, open_journal
from harness.measuring.money import Purse
from harness.records.logs import read_records
from harness.wire import Reply

RunEval = Callable[..., EvalLog]


def judge(**given: Any) -> Model:
    return get_model("sim/judge", memoize=False, **given)


def asked(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.parametrize("killed_after", [0, 1])
def test_a_resumed_run_has_paid_for_what_its_judge_was_asked(
    run_eval: RunEval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    """`max_calls` counts completions and judgements of both halves: 60 calls, not one more."""
    real, taken = scorers.refusal.judged_completions, []

    async def dying(*args: Any, **named: Any) -> Any:
        score = await real(*args, **named)
        taken.append(1)
        if len(taken) > killed_after:
            raise KeyError("killed here")
        return score

    log = tmp_path / "asked"
    monkeypatch.setattr(scorers.refusal, "judged_completions", dying)
    broken = run_eval(
        "completions.py",
        task_args={"block": 10, "per_origin": 8, "judges": "refusal", "max_calls": 60},
        model_args={"ask_log": str(log)},
        model_roles={"judge": judge(ask_log=str(log))},
        max_samples=1,
    )
    assert broken.status == "error" and asked(log) == 20 * (killed_after + 1)
    monkeypatch.setattr(scorers.refusal, "judged_completions", real)
    again = inspect_ai.eval_retry(
        broken, log_dir=str(tmp_path / "logs"), display="none", log_realtime=False, max_samples=1
    )[0]
    assert again.status == "success", again.error
    assert asked(log) == 60
    said = read_records([again.location], cache=False).judgements
    assert (said["judge"] == "sim/judge").sum() == said["subject"].n_unique()


def test_dollars_of_a_judge_are_read_back_in_dollars(run_eval: RunEval, tmp_path: Path) -> None:
    """The run's journal holds what each verdict cost at the judge's price, whatever the run's."""
    done = run_eval(
        "completions.py",
        task_args={
            "block": 5, "per_origin": 2, "judges": "refusal", "price": "0,0",
            "judge_price": "1000,2000", "budget_usd": 1000.0,
        },
        model_roles={"judge": judge()},
    )  # fmt: skip
    journal = open_journal(
        journal_directory(done.location), task_id=done.eval.task_id, scope="any",
        ingredients=(done.eval.metadata or {})["ingredients"],
    )  # fmt: skip
    purse = Purse(None, 1000.0)
    for reply in journal.values():
        purse.replay(reply, None)
    kept = [line for line in journal if " judge " in line]
    assert len(kept) == 10 and purse.calls == 20
    usage = (done.stats.model_usage or {})["sim/judge"]
    paid = (usage.input_tokens * 1000 + usage.output_tokens * 2000) / 1e6
    assert purse.spent == pytest.approx(paid) and paid > 0
    assert all(
        journal.get(line) == Reply(cost=(journal.get(line) or Reply()).cost) for line in kept
    )


def test_what_a_limit_kept_from_a_judge_is_said(
    run_eval: RunEval, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line at the run's end, as for questions."""
    said: list[str] = []
    monkeypatch.setattr("harness.measuring.hooks.say", said.append)
    run_eval(
        "completions.py",
        task_args={"block": 5, "per_origin": 2, "judges": "refusal", "max_calls": 14},
        model_roles={"judge": judge()},
    )
    assert [
        line for line in said if line.endswith("6 judgements not asked: max_calls=14 is reached")
    ]


ONE = {"anchored.py@anchored_1_5": 10, "completions.py": 10, "pairwise.py": 10}


@pytest.mark.parametrize(
    ("task", "given", "judges", "calls"),
    [
        *((task, {"judges": "refusal,coherence"}, 1, 2 * n) for task, n in ONE.items()),
        ("completions.py", {"judges": "refusal", "judge_repeats": 3}, 2, 60),
        ("pairwise.py", {"judges": "refusal", "timing": "pre"}, 1, 0),
        ("anchored.py@anchored_1_5", {"judges": "refusal"}, 0, 0),
        ("completions.py", {"judges": "sysprompt_reference"}, 1, 0),
        (
            "completions.py",
            {"judges": "sysprompt_reference", "completion_sysprompt": "loves_math"}, 1, 10,
        ),
        (
            "anchored.py@anchored_1_5",
            {"drop_contaminated": True, "completion_sysprompt": "loves_math",
             "judge_repeats": 2}, 2, 10,
        ),
        (
            "pairwise.py",
            {"template": "choose_and_complete", "pairs": "random:12", "seeds": 2}, 2, 96,
        ),
    ],
)  # fmt: skip
def test_the_forecast_counts_what_judges_are_asked(
    run_eval: RunEval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    task: str, given: dict[str, Any], judges: int, calls: int,
) -> None:  # fmt: skip
    """So many judgements are announced as are then asked for, tokens and dollars bound them."""
    said: list[str] = []
    monkeypatch.setattr("harness.measuring.hooks.say", said.append)
    log = tmp_path / "asked"
    names = ("judge", "judge2")[:judges]
    run_eval(
        task,
        task_args={"block": 5, "per_origin": 2, "price": "1,1", "judge_price": "1,1", **given},
        model_roles={
            name: judge(ask_log=str(log), utility_seed=number) for number, name in enumerate(names)
        },
    )
    [line] = [one for one in said if "calls; about" in one]
    found = re.search(r"([\d,]+) judgements", line)
    assert (0 if found is None else int(found[1].replace(",", ""))) == calls == asked(log), line
    assert "; up to about $" in line


def test_open_questions_tell_their_judges_calls(
    run_eval: RunEval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attitude and coherence of every answer, seeds included; a judge without a price is named."""
    said: list[str] = []
    monkeypatch.setattr("harness.measuring.hooks.say", said.append)
    log = tmp_path / "asked"
    run_eval(
        "open_ended.py",
        task_args={"seeds": 2, "price": "1,1"},
        model_roles={"judge": judge(ask_log=str(log))},
    )
    [line] = [one for one in said if "calls; about" in one]
    assert "0 questions + 10 completions + 20 judgements = 30 calls" in line
    assert line.endswith(", and what sim/judge may cost")
    # At most: two answers may be of one text, which is judged once.
    assert 16 <= asked(log) <= 20
