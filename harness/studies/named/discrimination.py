"""Which wordings spread ratings over their scale, and which repeat?"""

from harness.report.parts.table import Section
from harness.report.parts.wording import shown
from harness.studies.ratings import (
    averages,
    cell_table,
    distribution_plots,
    heatmap,
    opposed,
    rater_by_template,
    said,
)
from harness.studies.rehearsed import RATERS, cell_measured, found_cells
from harness.studies.study import Found, Given, Parameters, Study, StudyDesign

__all__ = ["STUDY"]

_COLUMNS = {
    "kl_uniform": "KL, nats",
    "kl_uniform_normalised": "KL ÷ ln K",
    "icc": "ICC(1,1)",
    "icc_without_refused": "ICC without refused",
    "modal_share": "modal share",
    "invalid": "invalid",
}
_AVERAGED = {"kl_uniform_normalised": "KL ÷ ln K", "icc": "ICC(1,1)"}


class _Discrimination(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of discrimination."""

    templates: tuple[str, ...] = (
        "bipolar_neg5_pos5",
        "percentile_1_100",
        "ban_four_1_5",
        "compressed_anchors_1_5",
        "random_scale_27_32",
        "fruit_rating",
        "fruit_qualitative",
    )


def _design(given: _Discrimination) -> StudyDesign:
    return rater_by_template(given, ("ICC(1,1) and KL ÷ ln K of each template",), repeats=2)


def _analyse(given: Given) -> Found:
    found = found_cells(given, repeats=2)
    by_template = averages(found, _AVERAGED, by="template", name="by_template")
    ranked = sorted(by_template.rows, key=lambda row: -row["icc"].estimate)
    best, worst = ranked[0], ranked[-1]
    return Found(
        sentences=(
            f"Repeats agree most in {best['template']}: ICC(1,1) {shown(best['icc'])} "
            f"({said(best['icc'])}).",
            f"They agree least in {worst['template']}: {shown(worst['icc'])} "
            f"({said(worst['icc'])}).",
            f"KL is over the declared levels, between 0 and ln K in all {len(found)} cells; "
            "off-scale answers are invalid and counted.",
        ),
        tables=[
            cell_table(found, _COLUMNS, name="discrimination", title="Spread and agreement",
                       caption="One row a rater and template.")
        ],
        sections=[
            Section(
                title="Spread against agreement",
                anchor="spread",
                plots=(
                    opposed(found, ("kl_uniform_normalised", "KL ÷ ln K"), ("icc", "ICC(1,1)"),
                            name="kl_icc", title="KL from uniform against ICC"),
                    heatmap(found, "icc", title="ICC(1,1)", caption="Agreement of repeats."),
                ),
                tables=(averages(found, _AVERAGED, by="rater", name="by_rater"), by_template),
            ),
            Section(title="Distributions", anchor="distributions",
                    plots=distribution_plots(found)),
        ],
        measured=cell_measured(found, {"mean": "mean", "icc": "ICC", "kl_uniform": "KL"}),
    )  # fmt: skip


STUDY = Study(
    name="discrimination",
    question="Which wordings spread ratings over their scale, and which repeat?",
    parameters=_Discrimination,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 8, "seeds": 3},
    rehearsal={"raters": RATERS[:4]},
)
