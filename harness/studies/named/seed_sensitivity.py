"""Do ratings repeat over seeds, by wording and origin, and do they go with choices?"""

import numpy as np
import polars as pl

from harness.analysis.cells import cells
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.style import palette
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import shown
from harness.stats.choices.utilities import analyse_records
from harness.stats.effects.correlation import pearson
from harness.stats.intervals import average_cells, estimate_of
from harness.stats.ratings.matrix import item_means, rating_matrix
from harness.stats.ratings.reliability import reliability_table
from harness.studies.ratings import averages, cell_table, rater_by_template, said
from harness.studies.rehearsed import cell_measured, found_cells
from harness.studies.study import DesignCell, Found, Given, Parameters, Study, StudyDesign

__all__ = ["STUDY"]

_COLUMNS = {
    "cross_seed_r": "cross-seed r",
    "cross_seed_r_without_refused": "without refused",
    "icc": "ICC(1,1)",
}


class _SeedSensitivity(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of seed-sensitivity.

    pairs: which pairs are chosen between, as in the pairwise evals
    """

    templates: tuple[str, ...] = (
        "anchored_1_5",
        "stated_1_5",
        "qualitative_binary",
        "likert_qualitative",
        "likert_agreement",
    )
    pairs: str = "regular:5"


def _design(given: _SeedSensitivity) -> StudyDesign:
    rated = rater_by_template(
        given, ("mean cross-seed r of each template", "r of ratings with utilities"), repeats=2
    )
    chosen = []
    for rater in given.raters:
        first = next(cell for cell in rated.cells if cell.rater == rater)
        chosen.append(
            DesignCell(
                task="pairwise",
                options=first.options | {"template": "simple_preference", "pairs": given.pairs},
                rater=rater,
                completer=first.completer,
                levels={"rater": rater, "template": "simple_preference"},
            )
        )
    return StudyDesign((*rated.cells, *chosen), rated.primary)


def _analyse(given: Given) -> Found:
    found = found_cells(given, repeats=2)
    name = "cross_seed_r"
    overall = average_cells([one.quantities[name] for one in found], quantity=name)
    by_template = averages(found, _COLUMNS, by="template", name="by_template")
    revealed = _revealed(given)
    origins = _by_origin(given)
    ranked = sorted(by_template.rows, key=lambda row: -row["cross_seed_r"].estimate)
    return Found(
        sentences=[
            f"Mean cross-seed r {shown(overall)} ({said(overall)}).",
            *(
                f"{row['template']}: {shown(row['cross_seed_r'])} ({said(row['cross_seed_r'])})."
                for row in (ranked[0], ranked[-1])
            ),
            *(
                f"{row['rater']}, {row['template']}: r with utilities {shown(row['r'])}."
                for row in revealed
            ),
        ][:5],
        tables=[
            cell_table(found, _COLUMNS, name="cross_seed_r", title="Agreement over seeds",
                       caption="r is the mean over pairs of seeds.")
        ],
        sections=[
            Section(
                title="By template and origin",
                anchor="by_template",
                plots=(
                    dots(
                        [
                            Panel(
                                "cross-seed r",
                                [Dot(one.cell.template, one.quantities["cross_seed_r"],
                                     one.cell.rater) for one in found],
                                label=f"n = {found[0].quantities['cross_seed_r'].n} items",
                                zero=0.0,
                            )
                        ],
                        name="cross_seed_r",
                        title="Agreement over seeds by template",
                        caption="Mean of Pearson's r over pairs of seeds, 95 % intervals over "
                        "items.",
                        colours=palette(one.cell.rater for one in found),
                    ),
                ),
                tables=(by_template, origins, *([_revealed_table(revealed)] if revealed else [])),
            )
        ],
        measured=cell_measured(found, {"mean": "mean", "cross_seed_r": "cross-seed r"}),
    )  # fmt: skip


def _by_origin(given: Given) -> Table:
    table = reliability_table(given.ratings, bootstrap=given.bootstrap, by=("origin",)).filter(
        pl.col("quantity") == "cross_seed_r"
    )
    groups: dict[str, list[dict[str, object]]] = {}
    for row in table.iter_rows(named=True):
        groups.setdefault(str(row["origin"]), []).append(row)
    return Table(
        name="by_origin",
        title="By origin, averaged over cells",
        columns=(
            Column("origin", "origin"),
            Column("cells", "cells", "count"),
            Column("r", "cross-seed r"),
        ),
        rows=[
            {"origin": origin, "cells": len(rows)}
            | {"r": average_cells([estimate_of(row) for row in rows], quantity="r")}
            for origin, rows in groups.items()
        ],
        caption="Intervals are over cells.",
    )


def _revealed(given: Given) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    rated = cells(given.frame, "rating")
    for chosen in cells(given.frame, "choice"):
        fitted = analyse_records(chosen.frame).table
        utility = dict(fitted.select("item", "utility").iter_rows())
        for cell in rated:
            if cell.rater != chosen.rater:
                continue
            ratings = rating_matrix(cell.frame)
            values = np.array([utility.get(item, np.nan) for item in ratings.items])
            rows.append(
                {"rater": cell.rater, "template": cell.template, "choices": chosen.template}
                | {"r": pearson(item_means(ratings.values), values)}
            )
    return rows


def _revealed_table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="stated_revealed",
        title="Ratings against utilities from choices",
        columns=(
            Column("rater", "rater"),
            Column("template", "ratings"),
            Column("choices", "choices"),
            Column("r", "r over items"),
        ),
        rows=rows,
        caption="Mean ratings over seeds against Thurstonian utilities of the same items.",
    )


STUDY = Study(
    name="seed-sensitivity",
    question="Do ratings repeat over seeds, by wording and origin, and go with choices?",
    parameters=_SeedSensitivity,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 10, "seeds": 3, "pairs": "regular:3"},
    rehearsal={"raters": ("sim/faithful(template_correlation=0.8)",)},
)
