"""Can this model be measured with this wording? The first study to run on a new model."""

import math
from collections.abc import Sequence

import numpy as np

from harness.analysis.ratings import RatingCell
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import number, shown
from harness.report.sections.outcomes import NAMES
from harness.stats.effects.correlation import pearson
from harness.stats.intervals import Estimate
from harness.stats.ratings.matrix import item_means, matched_matrices
from harness.studies.ratings import distribution_plots, dot_plot, rater_by_template
from harness.studies.rehearsed import RATERS, cell_measured, found_cells
from harness.studies.study import Found, Given, Parameters, Study, StudyDesign

__all__ = ["STUDY"]


class _Validity(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of validity."""

    templates: tuple[str, ...] = ("anchored_1_5", "anchored_precise_1_5", "fruit_rating")
    per_origin: int | None = 20


_RULES: tuple[tuple[str, str, str, float], ...] = (
    ("answered", "answered", "at least", 0.9),
    ("invalid", "invalid, off-scale among them", "at most", 0.05),
    ("disclaimed", "disclaimed", "at most", 0.05),
    ("modal_share", "at the commonest level", "at most", 0.8),
    ("kl_uniform_normalised", "KL ÷ ln K", "at most", 0.6),
    ("icc", "ICC(1,1)", "at least", 0.5),
    ("icc_without_refused", "ICC without refused items", "at least", 0.5),
    ("outcome_consistency", "outcomes agree over repeats", "at least", 0.9),
)
"""Quantity, words, sense and limit. The limits are conventions, written down so that a verdict can
be argued with: .5 is where half of a single rating's variance is the item's (moderate by Koo & Li
2016); at .8 on one level four repeats in ten tell no two items apart."""


_WORDINGS = 0.5
"""Least r over items of two wordings of one rater: below it less than a quarter of what one
wording tells of items is told by the other."""


def _verdict(value: Estimate, sense: str, limit: float) -> str:
    """By the whole interval: holds, fails, or open where the limit lies inside it."""
    if not math.isfinite(value.estimate):
        return "not defined"
    known = math.isfinite(value.low)
    low, high = (value.low, value.high) if known else (value.estimate,) * 2
    if sense == "at most":
        return "holds" if high <= limit else "fails" if low > limit else "open"
    return "holds" if low >= limit else "fails" if high < limit else "open"


def _design(given: _Validity) -> StudyDesign:
    rules = [f"{words} {sense} {limit:g}" for _, words, sense, limit in _RULES]
    rules += ["informative r above its value without signal", "seed honoured at least 1"]
    if len(given.templates) > 1:
        rules.append(f"r with each other wording at least {_WORDINGS:g}")
    return rater_by_template(given, rules, repeats=2)


def _analyse(given: Given) -> Found:
    found = found_cells(given, repeats=2)
    rows = [row for one in found for row in (*_card(one), *_beside(one, found))]
    sentences = []
    for one in found[:5]:
        mine = [row for row in rows if row["cell"] == one.cell.name]
        failing = [str(row["quantity"]) for row in mine if row["verdict"] == "fails"]
        unclear = sum(row["verdict"] == "open" for row in mine)
        told = f"fails: {', '.join(failing)}" if failing else "fails nothing"
        sentences.append(
            f"{one.cell.name}: {told}; {unclear} of {len(mine)} open "
            f"({one.quantities['mean'].n} items)."
        )
    return Found(
        sentences=sentences,
        tables=[_card_table(rows), _honoured(found)],
        sections=[
            Section(
                title="Agreement and use of the scale",
                anchor="agreement",
                plots=(
                    dot_plot(
                        found,
                        {"icc": "ICC(1,1)", "kl_uniform_normalised": "KL ÷ ln K",
                         "answered": "answered"},
                        name="validity", title="What the verdicts rest on",
                    ),
                ),
            ),
            Section(title="Distributions", anchor="distributions",
                    plots=distribution_plots(found)),
        ],
        measured=cell_measured(found, {"mean": "mean", "icc": "ICC"}),
    )  # fmt: skip


def _card(one: RatingCell) -> list[dict[str, object]]:
    return [
        one.cell.row
        | {"cell": one.cell.name, "quantity": words, "value": one.quantities[key]}
        | {"rule": f"{sense} {limit:g}"}
        | {"verdict": _verdict(one.quantities[key], sense, limit)}
        for key, words, sense, limit in _RULES
    ]


def _beside(one: RatingCell, found: Sequence[RatingCell]) -> list[dict[str, object]]:
    """Rows whose limit is another quantity, or which need another cell or no interval."""
    floor = one.quantities["informative_r_no_signal"].estimate
    informative = one.quantities["informative_r"]
    honoured = one.cell.frame["seed_honoured"].fill_null(False).to_numpy()
    share = Estimate(estimate=float(np.mean(honoured)), n=len(honoured))
    told: list[tuple[str, Estimate, str, str]] = [
        (
            "informative r",
            informative,
            f"above {floor:.2f}, its value without signal",
            _verdict(informative, "at least", floor) if math.isfinite(floor) else "not defined",
        ),
        ("seed honoured", share, "at least 1", _verdict(share, "at least", 1.0)),
    ]
    for other in found:
        if other.cell.rater == one.cell.rater and other.cell.template != one.cell.template:
            _, pair = matched_matrices([one.cell.frame, other.cell.frame], column="normalised")
            r = pearson(*(item_means(values) for values in pair))
            rule = f"at least {_WORDINGS:g}"
            told.append((f"r with {other.cell.template}", r, rule,
                         _verdict(r, "at least", _WORDINGS)))  # fmt: skip
    return [
        one.cell.row
        | {"cell": one.cell.name, "quantity": words, "value": value}
        | {"rule": rule, "verdict": verdict}
        for words, value, rule, verdict in told
    ]


def _card_table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="card",
        title="Validity card",
        columns=(
            *NAMES,
            Column("quantity", "quantity"),
            Column("value", "value"),
            Column("rule", "rule"),
            Column("verdict", "verdict"),
        ),
        rows=rows,
        caption="A rule holds or fails by the whole 95 % interval; it is open where the limit lies "
        "inside. Shares are from 0 to 1.",
    )


def _honoured(found: Sequence[RatingCell]) -> Table:
    rows = []
    for one in found:
        honoured = one.cell.frame["seed_honoured"].fill_null(False).mean()
        informative = one.quantities["informative_r"]
        rows.append(
            one.cell.row
            | {"informative_r": informative}
            | {"no_signal": one.quantities["informative_r_no_signal"]}
            | {"honoured": number(float(str(honoured)), "share")}
            | {"said": shown(informative)}
        )
    return Table(
        name="beside",
        title="Beside the card",
        columns=(
            *NAMES,
            Column("informative_r", "informative r"),
            Column("no_signal", "without signal"),
            Column("honoured", "seed honoured"),
        ),
        rows=rows,
        caption="Informative r is read against its value without signal. Where seeds are not "
        "honoured a run cannot be repeated to the letter.",
    )


STUDY = Study(
    name="validity",
    question="Can this model be measured with this wording?",
    parameters=_Validity,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 10},
    rehearsal={"raters": ("sim/faithful", RATERS[2], "sim/rambler")},
)
