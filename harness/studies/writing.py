"""A study's page: what was found, the figures, and what stands behind them."""

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from harness.analysis.cells import Cell, cells
from harness.errors import UsageError
from harness.items.load import load_items
from harness.records.logs import LogRecords
from harness.report.folder import write_report
from harness.report.page import Report
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import number
from harness.report.sections.cautions import record_cautions
from harness.report.sections.logs import log_section
from harness.report.sections.outcomes import outcome_plot, outcome_rows, outcome_table
from harness.report.sources import Sources
from harness.stats.intervals import Bootstrap
from harness.studies.models import read_model
from harness.studies.planted import Planted
from harness.studies.reported import reported_section
from harness.studies.study import Given, Quantity, Study
from harness.where import SHELL_DIRECTORY

__all__ = ["Written", "write_study"]

_SENTENCES = 5


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a report: its page, the lines of finding, and how planted values fared.

    `inside` of `planted` known values lie in their intervals; `missed` names the others.
    """

    page: Path
    sentences: tuple[str, ...]
    planted: int = 0
    inside: int = 0
    missed: tuple[str, ...] = ()


def write_study(
    study: Study,
    parameters: Any,
    read: LogRecords,
    folder: Path,
    *,
    rehearsal: bool,
    day: date,
    bootstrap: Bootstrap,
    compare_log: bool = True,
    places: Sequence[Path] = (),
) -> Written:
    """Analyse the records and write the report; UsageError where they do not hold the design.

    `compare_log` sets the research log's figures of this study beside those measured; `places` are
    where the logs were looked for, a run's folder first.
    """
    if study.records and not read.frame.height:
        raise UsageError(f"{study.name}: no records in {len(read.logs)} logs; nothing to report")
    found = study.analyse(
        Given(read.frame, parameters, bootstrap, read.judgements, read.logs, places)
    )
    sections = list(found.sections)
    compared = _compared(found.measured, parameters) if rehearsal else []
    if compared:
        sections.insert(0, _planted_section(compared))
    asked = [*cells(read.frame, "rating"), *cells(read.frame, "choice")]
    if study.records:
        sections.append(_outcomes(asked))
    inside = [table for section in sections for table in section.all_tables()]
    reported = reported_section(study.name, [*found.tables, *inside]) if compare_log else None
    sources = Sources(read.frame, read.logs, asked)
    report = Report(
        title=study.name,
        subtitle=f"{study.question} {day.isoformat()}.",
        facts=list(found.facts) or _facts(read),
        sentences=list(found.sentences[:_SENTENCES]),
        opening=_opening(found.sections),
        findings=list(found.tables),
        cautions=[*found.cautions, *record_cautions(read.frame, read.logs, asked)],
        sections=[
            *sections,
            *([reported] if reported is not None else []),
            log_section(read.logs, sources),
        ],
        sources=sources,
        footer="Written by penchant. Each estimate has its interval, n and, where cells were "
        "averaged, their number.",
    )
    facts = {"study": study.name, "parameters": msgspec.to_builtins(parameters)}
    written = write_report(report, folder, day=day, name=study.name, facts=facts)
    for name, text in found.files.items():
        (folder / "tables" / name).write_text(text, encoding="utf-8")
    held = [row for row in compared if row["inside"]]
    return Written(
        page=written[0],
        sentences=tuple(found.sentences[:_SENTENCES]),
        planted=len(compared),
        inside=len(held),
        missed=tuple(str(row["quantity"]) for row in compared if not row["inside"]),
    )


def _compared(measured: Sequence[Quantity], parameters: Any) -> list[dict[str, Any]]:
    """Planted beside measured, for every quantity that has both a value and an interval."""
    specs = [read_model(model) for model in (*parameters.raters, *parameters.completers)]
    models = {spec.name: spec.arguments for spec in specs if spec.name.startswith("sim/")}
    items = load_items(
        parameters.items,
        per_origin=parameters.per_origin,
        sample_seed=parameters.sample_seed,
        base=SHELL_DIRECTORY,
    ).items
    planted = Planted(models, items)
    rows = []
    for one in measured:
        if one.planted is None or not math.isfinite(one.estimate.low):
            continue
        truth = one.planted(planted)
        if math.isfinite(truth):
            inside = one.estimate.low - 1e-9 <= truth <= one.estimate.high + 1e-9
            rows.append(
                {"quantity": one.name, "planted": truth, "measured": one.estimate, "inside": inside}
            )
    return rows


def _planted_section(rows: list[dict[str, Any]]) -> Section:
    inside = sum(row["inside"] for row in rows)
    return Section(
        title="Planted beside measured",
        anchor="planted",
        text=(f"{inside} of {len(rows)} planted values lie in their 95 % intervals.",),
        tables=(
            Table(
                name="planted",
                title="Planted beside measured",
                columns=(
                    Column("quantity", "quantity"),
                    Column("planted", "planted", "number"),
                    Column("measured", "measured"),
                    Column("inside", "in the interval"),
                ),
                rows=rows,
                caption="What the simulated models hold, from their parameters, and what the "
                "study found.",
                first=40,
            ),
        ),
    )


def _opening(sections: Sequence[Section]) -> str:
    """The study's own first figure."""
    plots = [plot for section in sections for plot in section.all_plots()]
    return plots[0].name if plots else ""


def _outcomes(found: Sequence[Cell]) -> Section:
    rows = outcome_rows(found)
    return Section(
        title="Outcomes",
        anchor="outcomes",
        plots=(outcome_plot(rows),) if len(rows) <= 40 else (),
        tables=(outcome_table(rows),),
    )


def _facts(read: LogRecords) -> list[tuple[str, str]]:
    frame = read.frame
    items = frame["item"].drop_nulls().n_unique() or frame["item_first"].n_unique()
    counts = [
        (frame["rater"].n_unique(), "raters"),
        (frame["template"].n_unique(), "templates"),
        (items, "items"),
        (frame.height, "questions"),
        (sum(1 for log in read.logs if log.rows), "logs"),
    ]
    share = float((frame["outcome"] == "answered").mean() or 0.0)  # type: ignore[arg-type]
    return [
        *((number(count, "count"), what) for count, what in counts),
        (number(share, "share"), "answered"),
    ]
