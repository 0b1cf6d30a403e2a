"""Do raters use the scale, and does agreement hold off the commonest rating?"""

from harness.report.parts.table import Section
from harness.report.parts.wording import shown
from harness.stats.intervals import average_cells
from harness.studies.ratings import (
    averages,
    cell_table,
    distribution_plots,
    opposed,
    rater_by_template,
    said,
)
from harness.studies.rehearsed import RATERS, cell_measured, found_cells
from harness.studies.study import Found, Given, Parameters, Study, StudyDesign

__all__ = ["STUDY"]

_COLUMNS = {
    "modal_share": "modal share",
    "item_sd": "sd of item means",
    "kl_uniform_normalised": "KL ÷ ln K",
    "discrimination_rate": "discrimination rate",
    "cross_seed_r": "cross-seed r",
    "informative_r": "informative r",
    "informative_r_no_signal": "informative r without signal",
}


class _RatingVariance(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of rating-variance."""

    templates: tuple[str, ...] = ("anchored_1_5", "anchored_precise_1_5")


def _design(given: _RatingVariance) -> StudyDesign:
    return rater_by_template(given, ("informative r against r over all items",), repeats=2)


def _analyse(given: Given) -> Found:
    found = found_cells(given, repeats=2)
    overall, informative, rate = (
        average_cells([one.quantities[name] for one in found], quantity=name)
        for name in ("cross_seed_r", "informative_r", "discrimination_rate")
    )
    rates = [one.quantities["discrimination_rate"].estimate for one in found]
    return Found(
        sentences=(
            f"Cross-seed r {shown(overall)} over all items ({said(overall)}).",
            f"Informative r {shown(informative)}, off the commonest rating ({said(informative)}); "
            "read it against its value without signal, in the table.",
            f"Discrimination rate {shown(rate, 'share')}, from {min(rates):.0%} to "
            f"{max(rates):.0%} ({said(rate)}).",
        ),
        tables=[
            cell_table(found, _COLUMNS, name="variance", title="Use of the scale",
                       caption="One row a rater and template.")
        ],
        sections=[
            Section(
                title="Agreement on and off the commonest rating",
                anchor="informative",
                plots=(
                    opposed(found, ("cross_seed_r", "cross-seed r"),
                            ("informative_r", "informative r"), name="informative",
                            title="r against informative r", diagonal=True),
                ),
                tables=(
                    averages(found, _COLUMNS, by="rater", name="by_rater"),
                    averages(found, _COLUMNS, by="template", name="by_template"),
                ),
            ),
            Section(title="Distributions", anchor="distributions",
                    plots=distribution_plots(found)),
        ],
        measured=cell_measured(
            found, {"mean": "mean", "cross_seed_r": "cross-seed r", "kl_uniform": "KL"}
        ),
    )  # fmt: skip


STUDY = Study(
    name="rating-variance",
    question="Do raters use the scale, and does agreement hold off the commonest rating?",
    parameters=_RatingVariance,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 12},
    rehearsal={"raters": RATERS[:4]},
)
