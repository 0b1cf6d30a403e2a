"""Utilities as a study: what rests on completed items alone, whose verdicts count, convergence."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from harness.analysis.convergence import convergence
from harness.errors import UsageError
from harness.records.judgement import Judgement, judgement_frame
from harness.records.log_runs import LogInfo
from harness.records.record import Record, frame
from harness.report.parts.utility_plots import caterpillar
from harness.stats.intervals import Bootstrap
from harness.studies.catalogue import get_study
from harness.studies.forecast import plan_of
from harness.studies.parameters import read_parameters
from harness.studies.study import Found, Given

STUDY = get_study("utilities")
ITEMS = 24
TRUTH = np.linspace(1.5, -1.5, ITEMS)
NAMES = [f"{'ab'[n % 2]}_{n:02d}" for n in range(ITEMS)]


def campaign(batches: int = 3, each: int = 120, refused: bool = False) -> pl.DataFrame:
    """Answers to random pairs in batches named as a campaign names them."""
    rng = np.random.default_rng(0)
    rows = []
    for batch in range(batches):
        for _ in range(each):
            a, b = rng.choice(ITEMS, 2, replace=False).tolist()
            won = rng.random() < ndtr((TRUTH[a] - TRUTH[b]) / np.sqrt(2))
            low = refused and max(a, b) == ITEMS - 1
            rows.append(
                Record(
                    kind="choice", template="simple_preference", template_hash="h",
                    prompt_hash="p", timing="pre", response="plain", readout="sample",
                    labels="A,B", rater="sim/r", outcome="refused" if low else "answered",
                    item_first=NAMES[a], item_second=NAMES[b], origin_first=NAMES[a][0],
                    origin_second=NAMES[b][0], log="l", drawn="selected" if batch else "initial",
                    sample_id=f"{'selected' if batch else 'initial'}-{batch:03d} x (25):1",
                    choice=None if low else "first" if won else "second",
                )
            )  # fmt: skip
    return frame(rows)


def told(judge: str, refused: list[int], judged: range, log: str = "c") -> list[Judgement]:
    return [
        Judgement(judge=judge, kind="refusal", subject=f"s{n}", item=NAMES[n], log=log,
                  value=float(n in refused))
        for n in judged
    ]  # fmt: skip


def completed_by(log: str, model: str) -> LogInfo:
    return LogInfo(path=log, metadata={"design": {"completer": model}})


def analysed(
    judgements: list[Judgement], logs: tuple[LogInfo, ...] = (), *, refused: bool = False,
    **given: Any,
) -> Found:  # fmt: skip
    parameters = read_parameters(STUDY, {"raters": ("sim/r",)} | given)
    return STUDY.analyse(
        Given(
            campaign(refused=refused),
            parameters,
            Bootstrap(resamples=50),
            judgement_frame(judgements),
            logs,
        )
    )


def row(found: Found, name: str) -> dict[str, Any]:
    tables = [*found.tables, *(table for part in found.sections for table in part.tables)]
    return next(table for table in tables if table.name == name).rows[0]


def test_refusal_rests_on_the_items_completed_and_the_rest_on_all() -> None:
    """Half the items done: refusal figures count these, utilities count all, and it says so."""
    found = analysed(told("rule", [20, 22], range(0, ITEMS, 2)))
    refusal = row(found, "refusal")
    assert (refusal["items"], refusal["refused"], refusal["judge"]) == (12, 2, "rule")
    assert refusal["r"].n == 12
    assert row(found, "utilities")["items"] == ITEMS
    assert row(found, "rests_on")["items"] == 12
    assert {one["completed"] for one in _table(found, "rests_on")} == {0, 12}
    assert any("12 of 24 items" in caution for caution in found.cautions)
    items = _table(found, "items_1")
    assert sum(one["refused"] == "not completed" for one in items) == 12
    assert sum(one["without"] is not None for one in items) == ITEMS - 2
    assert "completion_refused" in found.files["utilities_export.csv"]


def _table(found: Found, name: str) -> list[dict[str, Any]]:
    tables = [*found.tables, *(table for part in found.sections for table in part.tables)]
    return next(table for table in tables if table.name == name).rows


def test_a_judge_stands_over_the_rule() -> None:
    """Where a model judged, its verdicts count alone, and nothing is said of the rule."""
    judged = [*told("rule", [0], range(ITEMS)), *told("m/judge", [22, 23], range(ITEMS))]
    found = analysed(judged)
    assert row(found, "refusal")["judge"] == "m/judge"
    assert row(found, "refusal")["refused"] == 2
    assert not any("rule's verdict" in caution for caution in found.cautions)


def test_anothers_completions_say_nothing_of_the_completer() -> None:
    """Verdicts on what another model completed do not count for this campaign's completer."""
    verdicts = [*told("rule", [1, 2], range(10), "own"), *told("rule", [20], range(24), "other")]
    logs = (completed_by("own", "sim/c"), completed_by("other", "sim/d"))
    found = analysed(verdicts, logs, completers=("sim/c",))
    assert (row(found, "refusal")["items"], row(found, "refusal")["refused"]) == (10, 2)


def test_without_completions_refused_questions_stand_in() -> None:
    """No verdict on any completion: said in one line, and the table does not claim a judge."""
    found = analysed([], refused=True)
    assert row(found, "refusal")["judge"] == "questions refused"
    assert any("No completion was judged" in caution for caution in found.cautions)
    assert {one["completed"] for one in _table(found, "rests_on")} == {0}


def test_convergence_has_a_band_after_each_batch() -> None:
    """Expected ρ rises over batches, its band holds the rank correlation with the truth."""
    trace = convergence(campaign(batches=4, each=80))
    assert trace["comparisons"].to_list() == [80, 160, 240, 320]
    assert trace["rho"].is_sorted()
    assert trace["successive"][0] is None
    last = trace.row(-1, named=True)
    assert last["rho_low"] < last["rho"] < last["rho_high"]
    assert not convergence(campaign().with_columns(sample_id=pl.lit("pairs 1"))).height
    assert convergence(campaign(batches=5, each=60), most=3)["comparisons"].to_list() == [
        60, 180, 300,
    ]  # fmt: skip


def test_items_completed_are_a_part_of_those_compared() -> None:
    """`completed` of each origin, by each completer once, whatever the raters and templates."""
    given = {"raters": ("sim/faithful", "sim/noisy"), "completers": ("sim/refuser",)}
    parameters = read_parameters(STUDY, given | {"per_origin": 6, "completed": 2})
    campaigns = [one for one in STUDY.design(parameters).cells if one.task == "utilities"]
    [completions] = [one for one in STUDY.design(parameters).cells if one.task == "completions"]
    assert len(campaigns) == 2
    assert completions.rater == completions.completer == "sim/refuser"
    asked, done = plan_of(campaigns[0]), plan_of(completions)
    assert set(done.items) < set(asked.items) and len(done.items) == 10
    assert asked.forecast.questions == 50 * len(asked.items)
    none = read_parameters(STUDY, given | {"completed": 0})
    assert all(one.task == "utilities" for one in STUDY.design(none).cells)


def test_partial_completions_after_the_task_are_refused() -> None:
    """After a task is done each has been completed: fewer completions are refused before a call."""
    given = {"raters": ("sim/faithful",), "timing": "post", "completed": 3}
    with pytest.raises(UsageError, match="completed=3 with timing=post"):
        STUDY.design(read_parameters(STUDY, given))


def test_caterpillar_names_both_ends_from_rank_one() -> None:
    """Above 40 items the first and last are named; ranks begin at 1 and end at the count."""
    items = pl.DataFrame(
        {"item": [f"i{n}" for n in range(60)], "origin": ["a", "b"] * 30,
         "utility": np.linspace(2, -2, 60), "low": np.linspace(1, -3, 60),
         "high": np.linspace(3, -1, 60)}
    )  # fmt: skip
    plot = caterpillar(items, name="c", title="t")
    assert [row["rank"] for row in plot.numbers] == list(range(1, 61))
    assert plot.png
    import matplotlib.figure

    figure = matplotlib.figure.Figure()
    plot.draw(figure)
    names = [text.get_text() for axes in figure.axes for text in axes.get_yticklabels()]
    assert "1 · i0" in names and "60 · i59" in names and "30 · i29" not in names
