"""A study from its parameters to its page: freeze, forecast, ask once, run, analyse, write."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from harness.errors import UsageError
from harness.records.logs import LogRecords, read_records
from harness.stats.intervals import Bootstrap
from harness.studies.folder import Frozen, freeze
from harness.studies.forecast import StudyForecast, study_forecast
from harness.studies.parts import run_parts
from harness.studies.run import run_design
from harness.studies.study import Study
from harness.studies.writing import Written, write_study

__all__ = ["forecast_lines", "report_study", "run_study"]

MANY_CALLS = 10_000
DEAR = 5.0
"""Dollars and calls above which a run asks once before it begins."""


def forecast_lines(found: StudyForecast) -> list[str]:
    """The forecast in words."""
    money = "no price known" if found.dollars is None else f"at most ${found.dollars:,.2f}"
    return [
        f"{found.cells} cells, {found.items} items: {found.questions:,} questions + "
        f"{found.completions:,} completions = {found.calls:,} calls",
        f"about {found.tokens_in:,.0f} tokens in, at most {found.tokens_out:,.0f} out; {money}; "
        f"about {found.minutes:,.0f} minutes at 300 calls a minute and model",
        f"expected interval of a cell mean ± {found.width:.3f} of the scale's length; smallest "
        f"paired effect found with power .8: {found.effect:.3f} (assumed spreads: items .25, "
        "repeats .15, effect .12)",
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
) -> Iterator[str]:
    """Run what is not done, then report; the lines to print. The same call resumes.

    `go` is asked once where the plan is large or its price unknown. UsageError where the answer
    is no, where the plan is above `budget`, or where `folder` holds another design.
    """
    design = study.design(parameters)
    forecast = study_forecast(design, seeds=parameters.seeds)
    frozen = Frozen(
        study=study.name,
        parameters=msgspec.to_builtins(parameters),
        rehearsal=rehearsal,
        processes=processes,
    )
    for line in forecast_lines(forecast):
        say(line)
    _within(forecast, budget)
    if not (folder / "study.json").is_file() and _large(forecast) and not go("go?"):
        raise UsageError("not started; nothing was asked")
    freeze(frozen, folder)
    if processes > 1:
        run_parts(design, folder, study=study.name, processes=processes)
    else:
        run_design(design, folder / "logs", study=study.name)
    read = read_records([folder / "logs"])
    written = write_study(
        study,
        parameters,
        read,
        folder / "report",
        rehearsal=rehearsal,
        day=day,
        bootstrap=Bootstrap(),
    )
    yield _spent(read, forecast)
    yield from _ending(written)


def report_study(
    study: Study,
    parameters: Any,
    logs: Sequence[Path],
    folder: Path,
    *,
    rehearsal: bool,
    day: date,
) -> Iterator[str]:
    """The same analysis on any logs that hold the design."""
    written = write_study(
        study,
        parameters,
        read_records(logs),
        folder,
        rehearsal=rehearsal,
        day=day,
        bootstrap=Bootstrap(),
    )
    yield from _ending(written)


def _ending(written: Written) -> Iterator[str]:
    yield from written.sentences
    if written.planted:
        yield f"planted values in their 95 % intervals: {written.inside} of {written.planted}"
        if written.missed:
            yield "missed: " + "; ".join(written.missed)
    yield str(written.page)


def _within(forecast: StudyForecast, budget: float | None) -> None:
    if budget is None:
        return
    if forecast.dollars is None:
        raise UsageError(f"--budget {budget:g} needs a price; give one with --price IN,OUT")
    if forecast.dollars > budget:
        raise UsageError(
            f"the plan may cost ${forecast.dollars:,.2f}, above --budget {budget:g}; take fewer "
            "items (--per-origin) or seeds"
        )


def _large(forecast: StudyForecast) -> bool:
    simulated = forecast.dollars == 0
    dear = forecast.dollars is None or forecast.dollars > DEAR
    return dear or (forecast.calls > MANY_CALLS and not simulated)


def _spent(read: LogRecords, forecast: StudyForecast) -> str:
    """Questions asked and their tokens beside the forecast's."""
    asked = read.frame.filter(pl.col("asked"))
    tokens = [int(asked[name].sum() or 0) for name in ("input_tokens", "output_tokens")]
    return (
        f"asked {asked.height:,} of {forecast.questions:,} questions; {tokens[0]:,} tokens in, "
        f"{tokens[1]:,} out (forecast with completions: {forecast.tokens_in:,.0f}, at most "
        f"{forecast.tokens_out:,.0f})"
    )
