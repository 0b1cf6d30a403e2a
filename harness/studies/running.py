"""A study from its parameters to its page: freeze, forecast, ask once, run, analyse, write."""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import UsageError
from harness.records.judgement import RULE, judgement_frame
from harness.records.logs import LogRecords, read_records
from harness.records.record import frame
from harness.stats.intervals import Bootstrap
from harness.studies.folder import Frozen, freeze
from harness.studies.forecast import StudyForecast, study_forecast
from harness.studies.models import model_of, read_model
from harness.studies.parts import run_parts
from harness.studies.run import run_design
from harness.studies.spending import StudySpent, spent_on
from harness.studies.study import JudgedParameters, Study, StudyDesign
from harness.studies.writing import Written, write_study

__all__ = ["forecast_lines", "models_of", "read_run", "report_study", "run_study"]

MANY_CALLS = 10_000
NOTHING_READ = LogRecords(frame([]), (), judgement_frame(()))
_NONE = "none, however large: too few items, models or directions for a p below .05"
DEAR = 5.0
"""Dollars and calls above which a run asks once before it begins."""


def forecast_lines(found: StudyForecast) -> list[str]:
    """The forecast in words."""
    if not found.cells:
        return [f"no calls; {found.prepares}"]
    judged = f" + {found.judgements:,} judgements" if found.judgements else ""
    money = "no price known" if found.dollars is None else f"up to about ${found.dollars:,.2f}"
    return [
        *([found.prepares] if found.prepares else []),
        f"{found.cells} cells, {found.items} items: {found.questions:,} questions + "
        f"{found.completions:,} completions{judged} = {found.calls:,} calls",
        f"about {found.tokens_in:,.0f} tokens in, at most {found.tokens_out:,.0f} out; {money}; "
        f"about {found.minutes:,.0f} minutes at 300 calls a minute and model",
        f"expected interval of a cell mean ± {found.width:.3f} of the scale's length; smallest "
        f"paired effect found with power .8: {found.effect:.3f}",
        *(
            f"  {words}: {_NONE if math.isnan(value) else f'{value:.3f}'}"
            for words, value in found.findable
        ),
        f"spreads over items {found.spread.items:.2f}, repeats {found.spread.repeats:.2f}, effect "
        f"{found.spread.effect:.2f} of the scale's length: {found.spreads_from}",
    ]


def run_study(
    study: Study,
    parameters: Any,
    folder: Path,
    *,
    rehearsal: bool,
    budget: float | None,
    go: Callable[[str], bool],
    day: date,
    say: Callable[[str], None],
    processes: int = 1,
    compare_log: bool = True,
) -> Iterator[str]:
    """Run what is not done, then report; the lines to print. The same call resumes.

    `go` is asked once where the plan is large or its price unknown. `budget` is in US dollars, for
    all starts of this folder together: the run ends where it is spent. UsageError where the answer
    is no, where the budget has no price to go by or is spent, or where `folder` holds another
    design. A design without cells, of logs that are there, is reported alone.
    """
    design = study.design(parameters)
    instead = study.logs_instead(parameters)
    if instead is not None:
        yield from report_study(
            study,
            parameters,
            [Path(instead)],
            folder / "report",
            rehearsal=rehearsal,
            day=day,
            compare_log=compare_log,
        )
        return
    forecast = study_forecast(design, seeds=parameters.seeds)
    frozen = Frozen(
        study=study.name,
        parameters=msgspec.to_builtins(parameters),
        rehearsal=rehearsal,
        processes=processes,
    )
    purse = None if budget is None else _purse(forecast, budget)
    if study.opened is None:
        _reachable(design)
    for line in forecast_lines(forecast):
        say(line)
    if purse is not None:
        say(purse)
    elif not (folder / "study.json").is_file() and _large(forecast) and not go("go?"):
        raise UsageError("not started; nothing was asked")
    if study.opened is not None:
        freeze(frozen, folder)  # what is made ready lies in the folder, and is of this design
    with study.ready(parameters, folder):
        if study.opened is not None:
            _reachable(design)
        freeze(frozen, folder)
        if design.cells:
            _run(design, parameters, folder, study=study, budget=budget, processes=processes)
    written = write_study(
        study,
        parameters,
        read_run(folder, design, judge=_judge_name(parameters)),
        folder / "report",
        rehearsal=rehearsal,
        day=day,
        bootstrap=Bootstrap(),
        compare_log=compare_log,
        places=(folder,),
    )
    if design.cells:
        yield _spent_line(spent_on(design, parameters.price, folder / "logs"), forecast)
    yield from _ending(written)


def report_study(
    study: Study,
    parameters: Any,
    logs: Sequence[Path],
    folder: Path,
    *,
    rehearsal: bool,
    day: date,
    compare_log: bool = True,
) -> Iterator[str]:
    """The same analysis on any logs that hold the design."""
    written = write_study(
        study,
        parameters,
        read_records(logs, judge=_judge_name(parameters)) if study.cells else NOTHING_READ,
        folder,
        rehearsal=rehearsal,
        day=day,
        bootstrap=Bootstrap(),
        compare_log=compare_log,
        places=logs,
    )
    yield from _ending(written)


def _reachable(design: StudyDesign) -> None:
    """A missing key is said before anything is written or asked."""
    for model in models_of(design):
        model_of(model)


def models_of(design: StudyDesign) -> set[str]:
    """Every model that a design asks."""
    return {name for cell in design.cells for name in cell.models}


def read_run(folder: Path, design: StudyDesign, *, judge: str = RULE) -> LogRecords:
    """The records of a run's folder, with one judge's verdicts; none of a design without cells."""
    return read_records([folder / "logs"], judge=judge) if design.cells else NOTHING_READ


def _ending(written: Written) -> Iterator[str]:
    yield from written.sentences
    if written.planted:
        yield f"planted values in their 95 % intervals: {written.inside} of {written.planted}"
        if written.missed:
            yield "missed: " + "; ".join(written.missed)
    yield str(written.page)


def _purse(forecast: StudyForecast, budget: float) -> str:
    """What the budget means for this plan; UsageError where nothing says what a call costs."""
    if forecast.dollars is None:
        raise UsageError(f"--budget {budget:g} needs a price; give one with --price IN,OUT")
    if forecast.dollars <= budget:
        return f"within --budget {budget:g}"
    return f"may cost more than --budget {budget:g}: the run ends where that is spent"


def _run(
    design: StudyDesign,
    parameters: Any,
    folder: Path,
    *,
    study: Study,
    budget: float | None,
    processes: int,
) -> None:
    """Run what is not done with what is left of the budget."""
    before = spent_on(design, parameters.price, folder / "logs").dollars or 0.0
    left = None if budget is None else max(0.0, budget - before)
    try:
        if processes > 1:
            run_parts(design, folder, study=study.name, processes=processes, budget=left)
        else:
            run_design(design, folder / "logs", study=study.name, budget=left)
    except UsageError as error:
        if "the budget is spent" not in str(error):
            raise
        now = spent_on(design, parameters.price, folder / "logs")
        raise UsageError(
            f"--budget {budget:g} is spent (${now.dollars or 0:,.4f}): {now.questions:,} questions "
            f"and {now.completions:,} completions are answered and kept in {folder}; the same line "
            "with a larger --budget goes on from there"
        ) from None


def _judge_name(parameters: Any) -> str:
    """Whose verdicts say what a completion is: the study's judge, else the rule."""
    if isinstance(parameters, JudgedParameters) and parameters.judge is not None:
        return read_model(parameters.judge).name
    return RULE


def _large(forecast: StudyForecast) -> bool:
    simulated = forecast.dollars == 0
    dear = forecast.dollars is None or forecast.dollars > DEAR
    return dear or (forecast.calls > MANY_CALLS and not simulated)


def _spent_line(found: StudySpent, forecast: StudyForecast) -> str:
    """What was asked and spent, over all starts, beside the forecast."""
    money, most = (
        "no price known" if value is None else f"${value:,.2f}"
        for value in (found.dollars, forecast.dollars)
    )
    judged = ""
    if found.judgements or forecast.judgements:
        judged = f", {found.judgements:,} of {forecast.judgements:,} judgements"
    return (
        f"spent {money} (forecast: up to about {most}); {found.questions:,} of "
        f"{forecast.questions:,} questions, {found.completions:,} of {forecast.completions:,} "
        f"completions{judged}; "
        f"{found.tokens_in:,} tokens in ({forecast.tokens_in:,.0f}), {found.tokens_out:,} out "
        f"(at most {forecast.tokens_out:,.0f})"
    )
