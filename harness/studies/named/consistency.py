"""Which items get the same rating each time?"""

import polars as pl

from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import number, shown
from harness.studies.ratings import rater_by_template
from harness.studies.rehearsed import RATERS, cell_measured, found_cells
from harness.studies.steadiness import by_rater, item_file, steady_plot, summaries, summary_table
from harness.studies.study import Found, Given, Parameters, Study, StudyDesign

__all__ = ["STUDY"]


class _Consistency(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of consistency.

    least: items of at least this consistency are written for other evals
    """

    templates: tuple[str, ...] = ("anchored_1_5", "anchored_precise_1_5")
    least: float = 0.7


def _design(given: _Consistency) -> StudyDesign:
    return rater_by_template(given, ("share of items with consistency ≥ .7",), repeats=2)


def _analyse(given: Given) -> Found:
    ratings = given.ratings
    found = summaries(ratings)
    tables = by_rater(ratings)
    files, sentences = {}, []
    for number_, (rater, table) in enumerate(tables.items(), start=1):
        name = "items.jsonl" if len(tables) == 1 else f"items_{number_}.jsonl"
        files[name] = item_file(table, given.parameters, least=given.parameters.least)
        kept = files[name].count("\n")
        sentences.append(
            f"{rater}: {kept} of {table.height} items reach {number(given.parameters.least)}; "
            f"take them with -T items=tables/{name}."
        )
    sentences += [
        f"{rater}, {template}: consistency {shown(value['consistency'])}, never differing "
        f"{shown(value['zero_variance'], 'share')} ({value['consistency'].n} items)."
        for (rater, template), value in found.items()
    ]
    return Found(
        sentences=sentences[:5],
        tables=[summary_table(found)],
        sections=[
            Section(
                title="Items",
                anchor="items",
                plots=(steady_plot(tables),),
                tables=tuple(_ranked(rater, table, i) for i, (rater, table) in
                             enumerate(tables.items(), start=1)),
            )
        ],
        measured=cell_measured(found_cells(given, repeats=2), {"mean": "mean"}),
        files=files,
    )  # fmt: skip


def _ranked(rater: str, table: pl.DataFrame, place: int) -> Table:
    columns = {
        "item": "item",
        "origin": "origin",
        "answers": "answers",
        "mean": "mean (0–1)",
        "consistency": "consistency",
        "outcome_consistency": "of outcomes",
        "overall": "the smaller",
        "combined": "repeats and templates",
        "repeats_alone": "repeats alone",
    }
    return Table(
        name=f"ranked_{place}",
        title=f"Items of {rater}, most consistent first",
        columns=tuple(
            Column(key, words, "count" if key == "answers" else "text")
            for key, words in columns.items()
        ),
        rows=table.select(*columns).to_dicts(),
        first=15,
    )


STUDY = Study(
    name="consistency",
    question="Which items get the same rating each time?",
    parameters=_Consistency,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 12},
    rehearsal={"raters": RATERS[:1]},
)
