"""The default study: what any logs show, without a design of its own."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
import polars as pl

from harness.adaptive.trace import trace_of
from harness.analysis.analysed import Analysed, analysed
from harness.analysis.cells import Cell
from harness.analysis.utilities import fitted_position
from harness.errors import UsageError
from harness.records.judge_check_file import CheckedJudge
from harness.records.logs import LogInfo, LogRecords
from harness.records.pooling import IDENTITY
from harness.report.page import Report
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import number, words
from harness.report.sections.cautions import cautions
from harness.report.sections.choices import choice_findings, choice_section
from harness.report.sections.judgements import judgement_section
from harness.report.sections.logs import log_section
from harness.report.sections.outcomes import NAMES, outcome_plot, outcome_rows, outcome_table
from harness.report.sections.ratings import rating_findings, rating_section
from harness.report.sections.utilities import utility_findings, utility_section
from harness.report.sources import Sources
from harness.stats.intervals import Bootstrap
from harness.studies.overview_words import overview_sentences
from harness.studies.reported import FOLDER, reported_section
from harness.text.answer import OUTCOMES

__all__ = ["analysed_records", "overview", "overview_facts"]

_DRAWN = 4
"""Raters or cells whose own figures are drawn. Each takes about half a second, and nobody looks at
a hundred; figures that compare all are always there."""


def analysed_records(
    read: LogRecords, *, bootstrap: Bootstrap, step: Callable[[], None] = lambda: None
) -> Analysed:
    """Everything about all cells; `step` is called `harness.analysis.analysed.steps` times."""
    traces = {log.path: trace_of(log.metadata) for log in read.logs}
    return analysed(read.frame, bootstrap=bootstrap, traces=traces, step=step)


def overview(
    read: LogRecords,
    *,
    name: str,
    day: date,
    found: Analysed,
    texts: Mapping[str, str] | None = None,
    checks: Sequence[CheckedJudge] = (),
    compare_log: bool = False,
) -> Report:
    """Outcomes, ratings, choices and utilities of everything that was read.

    `found` are `analysed_records` of the same. `texts` are items' texts by id, to show beside
    their utilities; `checks` say how judges did on known texts, which corrects their rates.
    `compare_log` sets the research log's figures beside those measured. UsageError when there are
    neither records nor judgements.
    """
    frame = read.frame
    if not frame.height:
        return _judged_only(read, name=name, day=day, checks=checks)
    rated, chosen = found.rated, found.chosen
    ratings, choices, fits = found.ratings, found.choices, found.fits
    fitted = {fit.cell.name: fitted_position(fit.analysis) for fit in fits}
    findings = [
        *([rating_findings(ratings)] if ratings else []),
        *([choice_findings(choices, fitted)] if choices else []),
        *([utility_findings(fits)] if fits else []),
    ]
    outcomes = outcome_rows([*rated, *chosen])
    judged = judgement_section(read.judgements, chosen, checks=checks)
    sections = [
        Section(
            title="Outcomes",
            anchor="outcomes",
            plots=(outcome_plot(outcomes),),
            tables=(outcome_table(outcomes),),
        ),
        *([rating_section(ratings, drawn=_DRAWN)] if ratings else []),
        *([choice_section(choices, drawn=_DRAWN)] if choices else []),
        *([utility_section(fits, found.notes, texts or {}, drawn=_DRAWN)] if chosen else []),
        *([judged] if judged is not None else []),
    ]
    asked = [*rated, *chosen]
    inside = [table for section in sections for table in section.all_tables()]
    reported = reported_section(FOLDER, [*findings, *inside]) if compare_log else None
    sources = Sources(frame, read.logs, asked)
    sections += [
        *([reported] if reported is not None else []),
        log_section(read.logs, sources, (_cell_table(asked),)),
    ]
    return Report(
        title=name,
        subtitle=_subtitle(frame, day),
        sentences=overview_sentences(frame, ratings, choices, fits),
        opening="reliability" if ratings else "position",
        sources=sources,
        facts=_facts(frame, read.logs, [*rated, *chosen]),
        findings=findings,
        cautions=cautions(frame, read.logs, [*rated, *chosen], ratings, choices),
        clear="Nothing to warn of: all logs were read whole, nearly every question was answered, "
        "and no rater stays at one level or one place.",
        sections=sections,
        footer="Written by penchant. Records of one rater, template and configuration form a "
        "cell; nothing is pooled across cells unless a table says how many it averages.",
    )


def _judged_only(
    read: LogRecords, *, name: str, day: date, checks: Sequence[CheckedJudge]
) -> Report:
    """The report of logs that hold judgements alone (completions, answers to open questions)."""
    judged = judgement_section(read.judgements, (), checks=checks)
    if judged is None:
        raise UsageError(
            f"no records of ratings or choices in {len(read.logs)} logs; nothing to report"
        )
    return Report(
        title=name,
        subtitle=f"{day.isoformat()}. Judgements of texts; no ratings or choices.",
        facts=[
            (number(read.judgements["subject"].n_unique(), "count"), "texts judged"),
            (number(read.judgements["judge"].n_unique(), "count"), "judges"),
            (number(len(read.logs), "count"), "logs"),
        ],
        findings=[],
        cautions=[],
        sections=[judged, log_section(read.logs, None)],
        footer="Written by penchant.",
    )


def overview_facts(read: LogRecords, *, name: str, day: date) -> dict[str, Any]:
    """The counts of `report.json`."""
    outcomes = read.frame.group_by("outcome").len().sort("outcome")
    return {
        "name": name,
        "date": day.isoformat(),
        "records": read.frame.height,
        "outcomes": dict(outcomes.iter_rows()),
        "logs": [
            {
                name: value
                for name, value in msgspec.structs.asdict(log).items()
                if name != "metadata"
            }
            for log in read.logs
        ],
    }


def _items(frame: pl.DataFrame) -> int:
    names = [frame[column] for column in ("item", "item_first", "item_second")]
    return pl.concat(names).drop_nulls().n_unique()


def _subtitle(frame: pl.DataFrame, day: date) -> str:
    raters = frame["rater"].unique().sort().to_list()
    shown = ", ".join(raters[:8]) + (f" and {len(raters) - 8} more" if len(raters) > 8 else "")
    by = frame["completion_refused_by"].drop_nulls().unique().sort().to_list()
    said = f" What completions are is said by: {', '.join(by)}." if by else ""
    return f"{day.isoformat()}. Measured: {shown}.{said}"


def _facts(
    frame: pl.DataFrame, logs: Sequence[LogInfo], found: Sequence[Cell]
) -> list[tuple[str, str]]:
    outcomes = dict(frame.group_by("outcome").len().iter_rows())
    kinds = dict(frame.group_by("kind").len().iter_rows())
    facts = [
        (frame["rater"].n_unique(), "raters"),
        (len({cell.template for cell in found}), "templates"),
        (_items(frame), "items"),
        (kinds.get("rating", 0), "ratings asked"),
        (kinds.get("choice", 0), "choices asked"),
        (sum(1 for log in logs if log.rows), "logs"),
    ]
    return [
        *((number(value, "count"), what) for value, what in facts if value),
        *(
            (number(outcomes[outcome] / frame.height, "share"), outcome)
            for outcome in OUTCOMES
            if outcome in outcomes
        ),
    ]


def _cell_table(found: Sequence[Cell]) -> Table:
    """What each cell pools: its value of every identity column."""
    inside = [name for name in IDENTITY if name not in ("rater", "template")]
    return Table(
        name="cells",
        title="Cells",
        columns=(*NAMES, *(Column(name, words(name)) for name in inside)),
        rows=[cell.row | {name: _plain(cell.key[name]) for name in inside} for cell in found],
        caption="Each row is one rater, template and configuration: what its records agree in.",
        first=20,
    )


def _plain(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
