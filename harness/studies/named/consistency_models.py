"""Are the same items consistent for every rater?"""

from itertools import combinations

import numpy as np

from harness.errors import UsageError
from harness.report.parts.scatter import Cloud, Point, scatters
from harness.report.parts.style import palette
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import shown
from harness.stats.effects.correlation import pearson, spearman
from harness.studies.ratings import rater_by_template
from harness.studies.rehearsed import RATERS, cell_measured, found_cells
from harness.studies.steadiness import by_rater, steady_plot, summaries, summary_table
from harness.studies.study import Found, Given, Parameters, Study, StudyDesign

__all__ = ["STUDY"]


class _ConsistencyModels(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of consistency-models."""


def _design(given: _ConsistencyModels) -> StudyDesign:
    if len(given.raters) < 2:
        raise UsageError("consistency-models with one rater; give two or more (--models A,B)")
    return rater_by_template(given, ("Spearman's ρ of item consistency between raters",), repeats=2)


def _analyse(given: Given) -> Found:
    ratings = given.ratings
    found = summaries(ratings)
    tables = by_rater(ratings)
    if len(tables) < 2:
        raise UsageError(
            f"consistency-models compares raters; these records have {', '.join(tables)} alone"
        )
    rows, panels = [], []
    for one, two in combinations(tables, 2):
        both = tables[one].join(tables[two], on="item", suffix="_two").sort("item")
        x, y = (
            both[name].fill_null(np.nan).to_numpy() for name in ("consistency", "consistency_two")
        )
        rows.append(
            {"rater": one, "other": two, "pearson": pearson(x, y), "spearman": spearman(x, y)}
        )
        panels.append(
            Cloud(
                f"{one} and {two}",
                [
                    Point(float(a), float(b), str(origin))
                    for a, b, origin in zip(x, y, both["origin"], strict=True)
                ],
            )
        )
    origins = {str(origin) for table in tables.values() for origin in table["origin"]}
    return Found(
        sentences=[
            *(
                f"{rater}: consistency {shown(value['consistency'])}, never differing "
                f"{shown(value['zero_variance'], 'share')} ({value['consistency'].n} items)."
                for (rater, _), value in found.items()
            ),
            *(
                f"{row['rater']} and {row['other']}: ρ {shown(row['spearman'])}."
                for row in rows
            ),
        ][:5],
        tables=[summary_table(found)],
        sections=[
            Section(
                title="Between raters",
                anchor="between",
                plots=(
                    steady_plot(tables),
                    scatters(panels, name="between_raters", title="Consistency between raters",
                             caption="One point an item. Items that never differ pile up at 1 and "
                             "hide what agreement there is.", x="consistency of the first",
                             y="of the second", colours=palette(origins)),
                ),
                tables=(
                    Table(
                        name="between_raters",
                        title="Agreement on which items are consistent",
                        columns=(
                            Column("rater", "rater"),
                            Column("other", "other"),
                            Column("pearson", "r"),
                            Column("spearman", "ρ"),
                        ),
                        rows=rows,
                    ),
                ),
            )
        ],
        measured=cell_measured(found_cells(given, repeats=2), {"mean": "mean"}),
    )  # fmt: skip


STUDY = Study(
    name="consistency-models",
    question="Are the same items consistent for every rater?",
    parameters=_ConsistencyModels,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 12},
    rehearsal={"raters": RATERS[:3]},
)
