"""A campaign in Inspect: one log, resumed exactly."""

import inspect_ai
import pytest
from inspect_ai.log import EvalLog

from harness.adaptive.campaign import Campaign, Step
from harness.adaptive.trace import trace_of
from harness.measuring.journal import journal_directory
from harness.records.logs import read_records
from harness.records.record import Record
from harness.stats.choices.utilities import analyse_records

ARGS = {
    "per_origin": 6,
    "timing": "pre",
    "batch": 30,
    "block": 4,
    "target_rho": 0.88,
    "max_comparisons": 400,
}


def asked(log: EvalLog) -> int:
    """Lines in the journal of the log's task, less the header."""
    file = journal_directory(log.location) / f"{log.eval.task_id}.jsonl"
    return len(file.read_text().splitlines()) - 1


def test_a_killed_campaign_goes_on_where_it_was(run_eval, monkeypatch) -> None:
    """After an interruption: the same utilities as an uninterrupted run, nothing asked twice, and
    the log alone gives them again."""
    whole = run_eval("utilities.py", task_args=ARGS, folder="whole")
    result = whole.eval.metadata["utilities"]
    trace = trace_of(whole.eval.metadata)
    assert trace.height >= 3
    assert "reached 0.88" in result["ended"]

    real = Campaign.step
    taken = []

    def killed(self: Campaign, records: list[Record]) -> Step:
        taken.append(1)
        if len(taken) == 2:
            raise KeyError("killed here")
        return real(self, records)

    monkeypatch.setattr(Campaign, "step", killed)
    broken = run_eval("utilities.py", task_args=ARGS, folder="broken")
    assert broken.status == "error"
    monkeypatch.setattr(Campaign, "step", real)
    before = asked(broken)
    [resumed] = inspect_ai.eval_retry(
        broken, display="none", log_dir=str(journal_directory(broken.location).parent)
    )
    assert resumed.eval.metadata["utilities"] == result
    assert asked(resumed) == asked(whole) == trace["comparisons"][-1]
    assert before < asked(resumed)

    analysis = analyse_records(read_records([resumed.location], cache=False).frame)
    again = dict(analysis.table.select("item", "utility").rows())
    assert again == pytest.approx(result["utilities"], abs=1e-5)
    metrics = {
        name: value.value for score in whole.results.scores for name, value in score.metrics.items()
    }
    assert metrics["expected_rho"] == pytest.approx(analysis.summary["expected_rho"], abs=1e-9)
    assert metrics["comparisons"] == asked(whole)
