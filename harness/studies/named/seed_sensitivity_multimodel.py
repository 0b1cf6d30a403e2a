"""Do ratings repeat over seeds, rater by rater?"""

from harness.report.parts.table import Section
from harness.report.parts.wording import shown
from harness.stats.intervals import average_cells
from harness.studies.ratings import averages, cell_table, heatmap, rater_by_template, said
from harness.studies.rehearsed import RATERS, cell_measured, found_cells
from harness.studies.study import Found, Given, Parameters, Study, StudyDesign

__all__ = ["STUDY"]

_COLUMNS = {
    "cross_seed_r": "cross-seed r",
    "cross_seed_r_without_refused": "without refused",
    "icc": "ICC(1,1)",
}


class _SeedSensitivityMultimodel(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of seed-sensitivity-multimodel."""

    templates: tuple[str, ...] = ("anchored_1_5", "anchored_precise_1_5")


def _design(given: _SeedSensitivityMultimodel) -> StudyDesign:
    return rater_by_template(given, ("mean cross-seed r of each rater",), repeats=2)


def _analyse(given: Given) -> Found:
    found = found_cells(given, repeats=2)
    name = "cross_seed_r"
    overall = average_cells([one.quantities[name] for one in found], quantity=name)
    by_rater = averages(found, _COLUMNS, by="rater", name="by_rater")
    ranked = sorted(by_rater.rows, key=lambda row: -row["cross_seed_r"].estimate)
    pairs = sum(one.quantities["cross_seed_r"].cells for one in found)
    return Found(
        sentences=(
            f"Mean cross-seed r {shown(overall)} over {pairs} pairs of seeds ({said(overall)}).",
            *(
                f"{row['rater']}: {shown(row['cross_seed_r'])} ({said(row['cross_seed_r'])})."
                for row in (ranked if len(ranked) < 4 else [ranked[0], ranked[-1]])
            ),
        ),
        tables=[
            cell_table(found, _COLUMNS, name="cross_seed_r", title="Agreement over seeds",
                       caption="r is the mean over pairs of seeds.")
        ],
        sections=[
            Section(
                title="Rater by template",
                anchor="rater_by_template",
                plots=(
                    heatmap(found, "cross_seed_r", title="Cross-seed r",
                            caption="Mean of Pearson's r over pairs of seeds; n counts items."),
                ),
                tables=(by_rater, averages(found, _COLUMNS, by="template", name="by_template")),
            )
        ],
        measured=cell_measured(found, {"cross_seed_r": "cross-seed r"}),
    )  # fmt: skip


STUDY = Study(
    name="seed-sensitivity-multimodel",
    question="Do ratings repeat over seeds, rater by rater?",
    parameters=_SeedSensitivityMultimodel,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 10},
    rehearsal={"raters": RATERS, "completers": ("sim/faithful@writer",)},
)
