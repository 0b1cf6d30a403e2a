"""Budgets, pilots and what failed: nothing is lost, everything is counted."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import inspect_ai
import pytest
from click.testing import CliRunner
from inspect_ai.log import EvalLog, read_eval_log

from harness.cli.main import cli
from harness.models.inspect_api import PrerequisiteError
from harness.records.logs import read_records

Records = Callable[[EvalLog], list[dict[str, Any]]]
RunEval = Callable[..., EvalLog]
ROOT = Path(__file__).resolve().parents[2]


def outcomes(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(row["outcome"] for row in rows)


@pytest.mark.parametrize("block", [1, 10])
def test_what_max_calls_keeps_from_being_asked_is_failed_and_can_be_asked_later(
    run_eval: RunEval, records: Records, tmp_path: Path, block: int
) -> None:
    """Beyond max_calls questions are failed records; reask fills them and changes nothing else."""
    args = {"per_origin": 4, "timing": "pre", "pairs": "regular:3", "block": block}
    whole = records(run_eval("pairwise.py", task_args=args, folder="whole"))
    log = run_eval("pairwise.py", task_args={**args, "max_calls": 25})
    assert log.status == "success", log.error
    rows = records(log)
    assert outcomes(rows) == {"answered": 25, "failed": len(whole) - 25}
    assert all("max_calls=25" in row["error"] for row in rows if row["outcome"] == "failed")

    done = CliRunner().invoke(cli, ["reask", str(log.location), "--max-calls", "500"])
    assert done.exit_code == 0, done.output
    assert "0 still failed" in done.output
    table = read_records([tmp_path / "logs"], cache=False).frame
    assert len(table) == len(whole)
    again = Counter((row["prompt_hash"], row["answer"]) for row in table.to_dicts())
    assert again == Counter((row["prompt_hash"], row["answer"]) for row in whole)


def test_budget_without_a_price_is_refused(run_eval: RunEval) -> None:
    """A budget in dollars for a model of unknown price ends the run before any call."""
    with pytest.raises(PrerequisiteError) as raised:
        run_eval("anchored.py@anchored_1_5", task_args={"per_origin": 1, "budget_usd": 1.0})
    assert "needs a price for sim/faithful" in str(raised.value.message)


def pool_of(folder: Path, *prices: tuple[float, float]) -> dict[str, Any]:
    """Model arguments of a pool `x` of simulated respondents at these prices."""
    # Inspect keeps the model of a file that it has seen.
    file = folder / f"pools-{'-'.join(map(str, prices))}.toml"
    file.write_text(
        "[x]\n"
        + "\n".join(
            f'[[x.endpoints]]\nname = "e{number}"\ninspect_model = "sim/faithful"\n'
            f"price_in = {given}\nprice_out = {taken}"
            for number, (given, taken) in enumerate(prices)
        )
    )
    return {"file": str(file)}


def test_forecast_of_a_pool_has_its_dearest_price(
    run_eval: RunEval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool is forecast as any model at its endpoints' highest prices, or at price=IN,OUT."""
    said: list[str] = []
    monkeypatch.setattr("harness.measuring.hooks.say", said.append)

    def forecast(model: str, price: str | None, *prices: tuple[float, float]) -> str:
        said.clear()
        run_eval(
            "anchored.py@anchored_1_5",
            model,
            task_args={"per_origin": 1, "price": price},
            model_args=pool_of(tmp_path, *prices) if prices else {},
        )
        [line] = [line for line in said if "questions" in line]
        return line.partition(": ")[2]

    endpoints = ((1000.0, 2000.0), (500.0, 4000.0))
    assert "up to about $" in forecast("sim/faithful", "1000,4000")
    assert forecast("pool/x", None, *endpoints) == forecast("sim/faithful", "1000,4000")
    assert forecast("pool/x", "3000,1", *endpoints) == forecast("sim/faithful", "3000,1")
    assert "$" not in forecast("pool/x", None, (0.0, 0.0))


def test_forecast_counts_the_tokens_that_may_come(
    run_eval: RunEval, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five completions and five questions, each as many as its limit says."""
    said: list[str] = []
    monkeypatch.setattr("harness.measuring.hooks.say", said.append)
    limits = {"completion_max_tokens": 9, "measurement_max_tokens": 7}
    run_eval("anchored.py@anchored_1_5", task_args={"per_origin": 1, **limits})
    assert any("at most 80 out" in line for line in said), said


@pytest.mark.parametrize(
    ("task", "args"),
    [
        ("scales.py@stated_1_5", {"timing": "pre"}),
        ("scales.py@stated_1_5", {"timing": "pre", "response": "xml"}),
        ("pairwise.py", {"timing": "pre", "response": "reasoned"}),
        ("pairwise.py", {"timing": "pre", "measurement_sysprompt": "loves_math"}),
        ("pairwise.py", {"timing": "pre", "wordings": 4, "contexts": 3}),
        ("completions.py", {"completion_sysprompt": "loves_math"}),
    ],
)
def test_forecast_is_of_the_prompts_that_are_asked(
    run_eval: RunEval, monkeypatch: pytest.MonkeyPatch, task: str, args: dict[str, Any]
) -> None:
    """Tokens in, as a model counts that has one for four characters: within a twentieth."""
    said: list[str] = []
    monkeypatch.setattr("harness.measuring.hooks.say", said.append)
    log = run_eval(task, task_args={"per_origin": 6, "block": 5, **args})
    assert log.status == "success", log.error
    [line] = [line for line in said if "tokens in" in line]
    about, unit = line.partition("about ")[2].split(" ")[:2]
    used = sum(usage.input_tokens for usage in log.stats.model_usage.values())
    reckoned = float(about) * (1000 if unit == "k" else 1)
    assert reckoned == pytest.approx(used, rel=0.05), line


def test_forecast_of_a_campaign_is_of_the_most_that_it_may_ask(
    run_eval: RunEval, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of its first batch."""
    said: list[str] = []
    monkeypatch.setattr("harness.measuring.hooks.say", said.append)
    args = {"per_origin": 2, "timing": "pre", "max_comparisons": 60, "batch": 20}
    run_eval("utilities.py", task_args={**args, "target_rho": 0.999})
    assert any("up to 60 questions = 60 calls" in line for line in said), said


@pytest.mark.parametrize("model", ["sim/faithful", "pool/x"])
def test_budget_stops_before_it_is_exceeded(
    run_eval: RunEval, records: Records, tmp_path: Path, model: str
) -> None:
    """With a price the run spends at most the budget; the rest is failed and counted.

    The same on a pool whose file tells no price.
    """
    log = run_eval(
        "pairwise.py",
        model,
        model_args=pool_of(tmp_path, (0.0, 0.0)) if model == "pool/x" else {},
        task_args={"per_origin": 4, "timing": "pre", "budget_usd": 2.0, "price": [1000, 1000]},
    )
    assert log.status == "success", log.error
    rows = records(log)
    spent = sum(row["input_tokens"] + row["output_tokens"] for row in rows) / 1000
    assert 1.0 < spent <= 2.0
    assert outcomes(rows)["failed"] > 0


def test_pilot_is_part_of_the_run(run_eval: RunEval, records: Records) -> None:
    """With a pilot every question is asked once, as without."""
    args = {"per_origin": 4, "seeds": 2}
    whole = records(run_eval("anchored.py@anchored_1_5", task_args=args, folder="whole"))
    log = run_eval("anchored.py@anchored_1_5", task_args={**args, "pilot": 10})
    assert log.status == "success", log.error
    assert [r["answer"] for r in records(log)] == [r["answer"] for r in whole]


def test_completions_are_made_once(run_eval: RunEval, tmp_path: Path) -> None:
    """200 pairs over 20 items with completions=self make exactly 20 completions."""
    asked = tmp_path / "asked.jsonl"
    log = run_eval(
        "pairwise.py",
        task_args={"per_origin": 4, "pairs": "all"},
        model_args={"ask_log": str(asked)},
        epochs=2,
    )
    assert log.status == "success", log.error
    lines = asked.read_text().splitlines()
    kinds = Counter("completion" if '"completion"' in line else "choice" for line in lines)
    assert kinds == {"completion": 20, "choice": 190 * 2 * 2}
    assert len(set(lines)) == len(lines)


def test_other_arguments_share_nothing(run_eval: RunEval, records: Records) -> None:
    """Two values of an -M argument give two identities, two sets of completions and answers."""
    rows = {}
    for spread in (0.5, 3.0):
        log = run_eval(
            "anchored.py@anchored_1_5",
            task_args={"per_origin": 8},
            model_args={"spread": spread},
        )
        rows[spread] = records(log)
    one, other = rows.values()
    assert {r["rater_identity"] for r in one}.isdisjoint({r["rater_identity"] for r in other})
    assert {r["completer_identity"] for r in one}.isdisjoint(
        {r["completer_identity"] for r in other}
    )
    assert [r["answer"] for r in one] != [r["answer"] for r in other]


def test_completions_of_a_log_are_used(run_eval: RunEval, records: Records) -> None:
    """completions=LOG gives the same records as completing, and asks for no completion."""
    made = run_eval("completions.py", task_args={"per_origin": 3, "block": 5})
    args = {"per_origin": 3}
    own = records(run_eval("anchored.py@anchored_1_5", task_args=args, folder="own"))
    given = run_eval(
        "anchored.py@anchored_1_5",
        task_args={**args, "completions": str(made.location)},
        folder="given",
    )
    rows = records(given)
    assert [r["completion_hash"] for r in rows] == [r["completion_hash"] for r in own]
    assert [r["answer"] for r in rows] == [r["answer"] for r in own]
    shown = read_eval_log(str(given.location))
    calls = [e for s in shown.samples or [] for e in s.events if e.event == "model"]
    assert len(calls) == 15


def test_templates_of_one_run_rate_the_same_completions(tmp_path: Path) -> None:
    """Three tasks in one run complete each item once between them."""
    asked = tmp_path / "asked.jsonl"
    names = ("anchored_1_5", "anchored_precise_1_5", "compressed_anchors_1_5")
    logs = inspect_ai.eval(
        [str(ROOT / f"evals/anchored.py@{name}") for name in names],
        model="sim/faithful",
        task_args={"per_origin": 2},
        model_args={"ask_log": str(asked)},
        log_dir=str(tmp_path / "logs"),
        display="none",
        max_tasks=3,
    )
    assert [log.status for log in logs] == ["success"] * 3
    lines = asked.read_text().splitlines()
    assert sum('"completion"' in line for line in lines) == 10
    assert len(lines) == 10 + 3 * 10


def test_only_a_failed_question_is_asked_again(run_eval: RunEval) -> None:
    """Reask counts failures alone: an answer of no use is an answer, and stays."""
    log = run_eval("pairwise.py", "sim/rambler", task_args={"per_origin": 2, "timing": "pre"})
    done = CliRunner().invoke(cli, ["reask", str(log.location)])
    assert done.exit_code == 0, done.output
    assert "no question failed; nothing to ask" in done.output
