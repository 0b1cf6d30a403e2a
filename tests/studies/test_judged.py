"""Studies with a judge: what it costs is in the plan, the run and the budget."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.records.logs import read_records
from harness.studies.catalogue import NAMES, get_study
from harness.studies.flow import flow_spec
from harness.studies.forecast import StudyForecast, study_forecast
from harness.studies.parameters import read_parameters
from harness.studies.study import JudgedParameters
from tests.studies.test_running import run

JUDGED = [name for name in NAMES if issubclass(get_study(name).parameters, JudgedParameters)]
GIVEN = {"per_origin": 2, "seeds": 2, "block": 4, "raters": ("sim/faithful",), "price": "1,10"}


def plan(name: str, **given: object) -> StudyForecast:
    study = get_study(name)
    parameters = read_parameters(study, GIVEN | given, rehearse=True)
    return study_forecast(study.design(parameters), seeds=2)


@pytest.mark.parametrize("name", JUDGED)
def test_a_judge_is_in_the_plan_once_a_completion(name: str) -> None:
    """Calls, tokens and dollars of judging come on top; a dearer judge costs more; without a judge
    there are none."""
    alone, judged = plan(name), plan(name, judge="sim/judge")
    assert alone.judgements == 0
    assert 0 < judged.judgements <= judged.completions
    assert judged.calls == alone.calls + judged.judgements
    assert judged.tokens_in > alone.tokens_in and judged.tokens_out > alone.tokens_out
    assert alone.dollars is not None and judged.dollars is not None
    assert judged.dollars > alone.dollars
    dear = plan(name, judge="sim/judge", judge_price="100,1000").dollars
    assert dear is not None and dear > 2 * judged.dollars
    assert plan(name, judge="openai-api/nowhere/j", price=None).dollars is None


def test_a_run_asks_its_judge_what_was_planned_and_reads_by_it(tmp_path: Path) -> None:
    """Verdicts in the records are the judge's, the spent line counts them beside the plan, and an
    exported design names the judge too."""
    lines = run(tmp_path, "refusal-stated", judge="sim/judge", **GIVEN)
    assert "10 of 10 judgements" in lines[0]
    read = read_records([tmp_path / "logs"], judge="sim/judge")
    assert set(read.frame["completion_refused_by"].unique()) == {"judge sim/judge"}
    assert "judge sim/judge" in (tmp_path / "report" / "index.html").read_text()
    study = get_study("refusal-stated")
    parameters = read_parameters(study, GIVEN | {"judge": "sim/judge"}, rehearse=True)
    spec = flow_spec(study.design(parameters).cells, study=study.name, log_dir="logs")
    assert spec["tasks"][0]["model_roles"]["judge"]["name"] == "sim/judge"


def test_a_budget_ends_where_the_judge_would_pass_it(tmp_path: Path) -> None:
    """What pays for the questions alone does not pay for a dear judge."""
    cost = plan("refusal-stated").dollars
    assert cost is not None
    run(tmp_path / "rule", "refusal-stated", budget=cost, **GIVEN)
    with pytest.raises(UsageError, match="is spent"):
        run(tmp_path / "judge", "refusal-stated", budget=cost, judge="sim/judge",
            judge_price="1000,10000", **GIVEN)  # fmt: skip
