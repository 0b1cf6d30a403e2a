"""Do wordings of a choice measure the same utilities, once their noise is taken out?"""

from collections.abc import Sequence
from functools import partial
from itertools import combinations

import numpy as np
import polars as pl

from harness.analysis.utilities import UtilityCell, utility_cells
from harness.errors import UsageError
from harness.report.parts.heatmap import Grid, heatmaps
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.utility_plots import origin_means
from harness.report.parts.wording import shown
from harness.report.sections.outcomes import NAMES
from harness.stats.effects.correlation import disattenuated, pearson, weighted_pearson
from harness.stats.intervals import Estimate, FloatArray
from harness.studies.choosing import choice_cell, choices_of
from harness.studies.planted import Planted
from harness.studies.study import Found, Given, Parameters, Quantity, Study, StudyDesign

__all__ = ["STUDY"]

_KINDS = {"r": "Pearson", "weighted": "weighted", "disattenuated": "disattenuated"}


class _PairwiseTemplates(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of pairwise-templates.

    pairs: which pairs are chosen between, as in the pairwise evals; drawn anew for each template
    """

    templates: tuple[str, ...] = ("simple_preference", "enjoy_most", "do_again")
    pairs: str = "regular:10"
    seeds: int = 1


def _design(given: _PairwiseTemplates) -> StudyDesign:
    if len(given.templates) < 2:
        raise UsageError("pairwise-templates needs two templates or more (--template)")
    return StudyDesign(
        tuple(
            choice_cell(
                given,
                rater,
                template,
                levels={"rater": rater, "template": template},
                pairs=_apart(given.pairs, number),
                orders="both",
                timing="post",
            )
            for rater in given.raters
            for number, template in enumerate(given.templates)
        ),
        ("disattenuated correlation of utilities between each two templates, for each rater",),
    )


def _apart(pairs: str, number: int) -> str:
    """Other pairs for each template: what a rater holds of one pair, whatever the wording, would
    else be in both utilities alike and pass for their agreement."""
    drawn = pairs.partition(":")[0] in ("regular", "random", "origins") and "@" not in pairs
    return f"{pairs}@{number}" if drawn else pairs


def _analyse(given: Given) -> Found:
    fitted, notes = utility_cells(choices_of(given), bootstrap=given.bootstrap, traces={})
    raters: dict[str, list[UtilityCell]] = {}
    for one in fitted:
        raters.setdefault(one.cell.rater, []).append(one)
    rows = [
        _pair(rater, one, two, given)
        for rater, found in raters.items()
        for one, two in combinations(found, 2)
    ]
    if not rows:
        raise UsageError(
            f"pairwise-templates needs utilities of two templates of one rater; {'; '.join(notes)}"
        )
    return Found(
        sentences=[
            f"{row['rater']}, {row['one']} and {row['two']}: r {shown(row['r'])}, without noise "
            f"{shown(row['disattenuated'])} ({row['items']} items)."
            for row in rows[:5]
        ],
        tables=[_correlations(rows)],
        sections=[
            Section(
                title="Correlations between templates",
                anchor="correlations",
                plots=tuple(
                    _grids(rater, found, rows, number)
                    for number, (rater, found) in enumerate(raters.items(), 1)
                ),
            ),
            Section(
                title="Origins and refusal",
                anchor="origins",
                plots=tuple(
                    origin_means(
                        one.items, one.means, name=f"origins_{number}",
                        title=f"Mean utility by origin, {one.cell.name}",
                    )
                    for number, one in enumerate(fitted, 1)
                ),
                tables=(_origins(fitted), _refusal(fitted)),
            ),
        ],
        measured=[
            Quantity(
                f"disattenuated r, {row['rater']}, {row['one']} and {row['two']}",
                row["disattenuated"],  # type: ignore[arg-type]
                partial(_planted, rater=str(row["rater"])),
            )
            for row in rows
        ],
        cautions=notes,
    )  # fmt: skip


def _pair(rater: str, one: UtilityCell, two: UtilityCell, given: Given) -> dict[str, object]:
    """Correlations of utilities within origins: what origin means share is no item's."""
    columns = ("item", "origin", "utility", "se")
    both = one.items.select(columns).join(two.items.select(columns), on="item", suffix="_two")
    x, y = (_within(both, name) for name in ("utility", "utility_two"))
    var_x, var_y = (both[name].to_numpy() ** 2 for name in ("se", "se_two"))
    return {
        "rater": rater,
        "one": one.cell.question,
        "two": two.cell.question,
        "items": both.height,
        "across": pearson(both["utility"].to_numpy(), both["utility_two"].to_numpy()),
        "r": pearson(x, y),
        "weighted": weighted_pearson(x, y, var_x, var_y, bootstrap=given.bootstrap),
        "disattenuated": disattenuated(
            x,
            y,
            var_x,
            var_y,
            shrunken=True,
            bootstrap=given.bootstrap,
            means=both["origin"].n_unique(),
        ),
    }


def _within(both: pl.DataFrame, name: str) -> FloatArray:
    found: FloatArray = both.select(
        pl.col(name) - pl.col(name).mean().over("origin")
    )[name].to_numpy()  # fmt: skip
    return found


def _planted(planted: Planted, *, rater: str) -> float:
    """The correlation that every two wordings have over items of one origin."""
    return planted.settings(rater).template_correlation


def _grids(
    rater: str, found: Sequence[UtilityCell], rows: list[dict[str, object]], number: int
) -> Plot:
    names = [_spaced(cell.cell.question) for cell in found]
    mine = [row for row in rows if row["rater"] == rater]
    grids = []
    for kind in ("r", "disattenuated"):
        values: dict[tuple[str, str], Estimate] = {}
        for row in mine:
            value = row[kind]
            assert isinstance(value, Estimate)
            one, two = _spaced(row["one"]), _spaced(row["two"])
            values[one, two] = values[two, one] = value
        title = "plain" if kind == "r" else "without noise"
        grids.append(Grid(title, names, names, values, centred=True, limits=(-1.0, 1.0)))
    return heatmaps(
        grids,
        name=f"correlations_{number}",
        title=f"Correlations of utilities between templates, {rater}",
        caption="Over items, within origins: plain, and corrected for the noise of both "
        "(disattenuated; it may pass 1 in a sample). n counts items.",
        rows="template",
        columns="template",
    )


def _spaced(name: object) -> str:
    """A template's name that a narrow label can wrap."""
    return str(name).replace("_", " ")


def _correlations(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="correlations",
        title="Correlations between templates",
        columns=(
            Column("rater", "rater"),
            Column("one", "template"),
            Column("two", "and"),
            Column("items", "items", "count"),
            Column("across", "Pearson, origins left in"),
            *(Column(key, words) for key, words in _KINDS.items()),
        ),
        rows=rows,
        caption="Of utilities over items. All but the first are within origins (each origin's mean "
        "taken out), so that origin means alone give none. Disattenuated: divided by the root of "
        "both reliabilities, with an interval over items. Each template has pairs of "
        "its own; with the same pairs, what is held of a pair whatever the wording "
        "would count as agreement.",
    )


def _origins(fitted: Sequence[UtilityCell]) -> Table:
    return Table(
        name="by_origin",
        title="Mean utility by origin",
        columns=(*NAMES, Column("origin", "origin"), Column("mean", "mean μ")),
        rows=[
            one.cell.row | {"origin": origin, "mean": mean}
            for one in fitted
            for origin, mean in one.means.items()
        ],
        caption="Utilities have mean 0 over the items of a fit, in units of σ.",
    )


def _refusal(fitted: Sequence[UtilityCell]) -> Table:
    return Table(
        name="refusal",
        title="Refusal and utility",
        columns=(
            *NAMES,
            Column("refused", "items refused", "count"),
            Column("r", "r"),
            Column("within", "r within origins"),
        ),
        rows=[
            one.cell.row
            | {"refused": int(np.sum(one.items["refused"].to_numpy()))}
            | {"r": one.refusal.point_biserial, "within": one.refusal.within_origin}
            for one in fitted
        ],
        caption="Point-biserial r of an item's being refused with its utility; within origins, "
        "the permutation stays inside each.",
    )


STUDY = Study(
    name="pairwise-templates",
    question="Do wordings of a choice measure the same utilities?",
    parameters=_PairwiseTemplates,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 12, "pairs": "regular:6"},
    rehearsal={
        "raters": (
            "sim/faithful(template_correlation=0.9)",
            "sim/faithful@half(template_correlation=0.5, utility_seed=1)",
            "sim/faithful@apart(template_correlation=0, utility_seed=2)",
        )
    },
)
