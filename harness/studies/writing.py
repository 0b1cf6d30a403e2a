"""A study's page: what was found, the figures, and what stands behind them."""

import csv
import math
from collections.abc import Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from harness.analysis.cells import cells
from harness.errors import UsageError
from harness.items.load import load_items
from harness.records.logs import LogRecords
from harness.report.folder import write_report
from harness.report.page import Report
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import number
from harness.report.sections.outcomes import outcome_plot, outcome_rows, outcome_table
from harness.stats.intervals import Bootstrap
from harness.studies.models import read_model
from harness.studies.planted import Planted
from harness.studies.study import Given, Quantity, Study
from harness.where import SHELL_DIRECTORY

__all__ = ["Written", "published", "write_study"]

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
) -> Written:
    """Analyse the records and write the report; UsageError where they do not hold the design."""
    if not read.frame.height:
        raise UsageError(f"{study.name}: no records in {len(read.logs)} logs; nothing to report")
    found = study.analyse(Given(read.frame, parameters, bootstrap, read.judgements, read.logs))
    sections = list(found.sections)
    compared = _compared(found.measured, parameters) if rehearsal else []
    if compared:
        sections.insert(0, _planted_section(compared))
    reported = published(study.name)
    if reported:
        sections.append(_log_section(reported))
    sections.append(_outcomes(read))
    report = Report(
        title=study.name,
        subtitle=f"{study.question} {day.isoformat()}.",
        facts=_facts(read),
        findings=[_sentences(found.sentences), *found.tables],
        cautions=list(found.cautions),
        sections=sections,
        footer="Written by penchant. Each estimate has its interval, n and, where cells were "
        "averaged, their number.",
    )
    facts = {"study": study.name, "parameters": msgspec.to_builtins(parameters)}
    written = write_report(report, folder, day=day, name=study.name, facts=facts)
    for name, text in found.files.items():
        (folder / "tables" / name).write_text(text, encoding="utf-8")
    inside = [row for row in compared if row["inside"]]
    return Written(
        page=written[0],
        sentences=tuple(found.sentences[:_SENTENCES]),
        planted=len(compared),
        inside=len(inside),
        missed=tuple(str(row["quantity"]) for row in compared if not row["inside"]),
    )


def published(study: str) -> list[dict[str, str]]:
    """The figures that the research log reported of a study; notes say which cannot be right."""
    text = (files("harness.studies") / "published_log.csv").read_text(encoding="utf-8")
    return [row for row in csv.DictReader(text.splitlines()) if row["study"] == study]


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


def _log_section(rows: list[dict[str, str]]) -> Section:
    names = ("table", "row", "column", "value", "note")
    return Section(
        title="What the research log reported",
        anchor="log",
        text=("Other models, so no target: these show what each table looks like.",),
        tables=(
            Table(
                name="log_reported",
                title="The log's figures",
                columns=tuple(Column(name, name) for name in names),
                rows=[{name: row[name] for name in names} for row in rows],
                first=12,
            ),
        ),
    )


def _sentences(sentences: Sequence[str]) -> Table:
    return Table(
        name="finding",
        title="In words",
        columns=(Column("sentence", "finding"),),
        rows=[{"sentence": sentence} for sentence in sentences[:_SENTENCES]],
    )


def _outcomes(read: LogRecords) -> Section:
    found = [*cells(read.frame, "rating"), *cells(read.frame, "choice")]
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
