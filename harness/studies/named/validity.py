"""Can this model be measured with this wording? The first study to run on a new model.

Every verdict's rule is written in `harness.studies.cards.rows.RULES`; the design names them and the
page shows them.
"""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from harness.analysis.cells import cells
from harness.prompts.catalogue import get_template
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.style import Plot, palette
from harness.report.parts.table import Column, Section, Table
from harness.report.sections.outcomes import NAMES
from harness.stats.choices.cycles import COINS
from harness.studies.cards.rows import (
    AGREE,
    FLIPS,
    RULES,
    CardRow,
    base_cells,
    choice_rows,
    rating_rows,
)
from harness.studies.choosing import choice_cell
from harness.studies.forecast import plan_of
from harness.studies.models import read_model
from harness.studies.ratings import distribution_plots, dot_plot, rater_by_template
from harness.studies.rehearsed import RATERS, cell_measured, found_cells
from harness.studies.study import (
    DesignCell,
    Found,
    Given,
    Parameters,
    Study,
    StudyDesign,
    rating_cell,
)
from harness.where import SHELL_DIRECTORY

__all__ = ["STUDY"]

_NONE = "none"


class _Validity(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of validity.

    pre: ask before the task too, in the templates that can
    reasoned: ask with chain of thought too
    pairwise: template of choices between all pairs of some items, in both orders; none for none
    chosen: so many items of each origin are chosen between
    """

    templates: tuple[str, ...] = ("anchored_1_5", "anchored_precise_1_5", "fruit_rating")
    per_origin: int | None = 20
    pre: bool = True
    reasoned: bool = True
    pairwise: str = "simple_preference"
    chosen: int = 3


def _design(given: _Validity) -> StudyDesign:
    plain = rater_by_template(given, (), repeats=2)
    rules = [f"{quantity}: {rule}" for quantity, rule, _ in RULES]
    return StudyDesign(
        tuple(one for cell in plain.cells for one in (cell, *_asked_else(given, cell)))
        + _choices(given),
        tuple(rules),
    )


def _asked_else(given: _Validity, cell: DesignCell) -> list[DesignCell]:
    """The same question before the task, and with chain of thought."""
    template = str(cell.options["template"])
    timings = get_template(template, kind="rating", base=SHELL_DIRECTORY).timings
    also: list[dict[str, str]] = []
    if given.pre and len(timings) > 1:
        also.append({"timing": next(one for one in timings if one != timings[0])})
    if given.reasoned:
        also.append({"response": "reasoned"})
    return [
        rating_cell(
            given,
            cell.rater,
            template,
            completer=cell.completer,
            levels=cell.levels | {"asked": next(iter(options.values()))},
            **options,
        )
        for options in also
    ]


def _choices(given: _Validity) -> tuple[DesignCell, ...]:
    if given.pairwise == _NONE:
        return ()
    few = min(given.chosen, given.per_origin or given.chosen)
    return tuple(
        choice_cell(
            given,
            rater,
            given.pairwise,
            levels={"rater": rater, "template": given.pairwise},
            pairs="all",
            orders="both",
            per_origin=few,
        )
        for rater in given.raters
    )


def _analyse(given: Given) -> Found:
    asked = cells(given.ratings, "rating")
    choices = cells(given.frame, "choice")
    # Only cells that get a card are analysed whole: of the others the item means are enough.
    direct = pl.concat([one.frame for one in base_cells(asked)])
    base = found_cells(replace(given, frame=direct), repeats=2)
    rows = [row for one in base for row in rating_rows(one, asked)]
    rows += [row for cell in choices for row in choice_rows(cell)]
    # A rater's choices stand with its ratings, not behind those of all others.
    raters = list(dict.fromkeys(row.cell.rater for row in rows))
    rows.sort(key=lambda row: raters.index(row.cell.rater))
    return Found(
        sentences=_sentences(rows),
        tables=[_card(rows), _calls(given)],
        sections=[
            Section(
                title="Agreement and use of the scale",
                anchor="agreement",
                plots=(
                    dot_plot(
                        base,
                        {"icc": "ICC(1,1)", "kl_uniform_normalised": "KL ÷ ln K",
                         "answered": "answered"},
                        name="validity", title="What the verdicts rest on",
                    ),
                    *_beside_plots(rows),
                ),
            ),
            Section(title="Rules", anchor="rules", tables=(_rules(),)),
            Section(title="Distributions", anchor="distributions",
                    plots=distribution_plots(base)),
        ],
        measured=[
            *cell_measured(base, {"mean": "mean"}),
            *(row.compared for row in rows if row.planted is not None),
        ],
    )  # fmt: skip


def _sentences(rows: Sequence[CardRow]) -> list[str]:
    """One a rater: what fails, in which wordings, and how much stays open."""
    sentences = []
    for rater in dict.fromkeys(row.cell.rater for row in rows):
        mine = [row for row in rows if row.cell.rater == rater]
        failing: dict[str, list[str]] = {}
        for row in mine:
            if row.verdict == "fails":
                failing.setdefault(row.quantity, []).append(row.cell.template)
        told = "; ".join(
            f"{quantity} ({', '.join(dict.fromkeys(where))})" for quantity, where in failing.items()
        )
        unclear = sum(row.verdict == "open" for row in mine)
        asked = len({row.cell.name for row in mine})
        sentences.append(
            f"{rater}: {f'fails {told}' if told else 'fails nothing'}; {unclear} of {len(mine)} "
            f"verdicts open ({asked} cells)."
        )
    return sentences


def _card(rows: Sequence[CardRow]) -> Table:
    return Table(
        name="card",
        title="Validity card",
        columns=(
            *NAMES,
            Column("quantity", "quantity"),
            Column("value", "value"),
            Column("rule", "rule"),
            Column("verdict", "verdict"),
            Column("calls", "calls", "count"),
        ),
        rows=[
            row.cell.row
            | {"cell": row.cell.name, "quantity": row.quantity, "value": row.value}
            | {"rule": row.rule, "verdict": row.verdict, "calls": row.calls}
            | {"fails": row.verdict == "fails"}
            for row in rows
        ],
        caption="A rule holds or fails by the whole 95 % interval; it is open where the limit lies "
        "inside. What each quantity is, and why its limit: under Rules. Shares are from 0 to 1; "
        "calls are the questions behind a value, of this template asked after the task and "
        "directly unless the quantity names another.",
        first=80,
        bad="fails",
    )


def _rules() -> Table:
    return Table(
        name="rules",
        title="The rules of the verdicts",
        columns=(Column("quantity", "quantity"), Column("rule", "rule"), Column("why", "why")),
        rows=[{"quantity": quantity, "rule": rule, "why": why} for quantity, rule, why in RULES],
        caption="Conventions, written down so that a verdict can be argued with.",
    )


def _calls(given: Given) -> Table:
    """Questions of each cell of the design, and those that the records hold."""
    rows = []
    for cell in _design(given.parameters).cells:
        plan = plan_of(cell)
        assert plan.measure is not None
        rater, template = read_model(cell.rater).name, str(cell.options["template"])
        response, timing = plan.measure.options.response, plan.measure.timing
        held = given.frame.filter(
            pl.col("rater") == rater,
            pl.col("template") == template,
            pl.col("timing") == timing,
            pl.col("response") == response,
        )
        rows.append(
            {"rater": rater, "template": template, "timing": timing, "response": response}
            | {"planned": plan.forecast.questions, "asked": held.height}
            | {"answered": held.filter(pl.col("outcome") == "answered").height}
        )
    return Table(
        name="calls",
        title="Calls",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("timing", "asked"),
            Column("response", "answer"),
            Column("planned", "planned", "count"),
            Column("asked", "questions", "count"),
            Column("answered", "answered", "count"),
        ),
        rows=rows,
        caption="Planned by these parameters; a question that was asked twice would show here.",
    )


def _beside_plots(rows: Sequence[CardRow]) -> tuple[Plot, ...]:
    """Agreement with the other ways of asking, and the choices, where they were asked."""
    agreement = [row for row in rows if row.quantity.startswith("r ")]
    limits = {"flip rate": FLIPS, "circular triads": COINS}
    choices = [row for row in rows if row.quantity in limits]
    drawn = (
        (agreement, "agreement", "Agreement of ways to ask"),
        (choices, "choices", "Choices in both orders"),
    )
    return tuple(
        dots(
            [
                _panel(quantity, [row for row in part if row.quantity == quantity],
                       limits.get(quantity, AGREE))
                for quantity in dict.fromkeys(row.quantity for row in part)
            ],
            name=name,
            title=title,
            caption="95 % intervals; dashed: the rule's limit.",
            colours=palette(row.cell.rater for row in part),
        )
        for part, name, title in drawn
        if part
    )  # fmt: skip


def _panel(quantity: str, rows: Sequence[CardRow], limit: float) -> Panel:
    smallest = min(row.value.n for row in rows)
    return Panel(
        quantity,
        [Dot(row.cell.template, row.value, row.cell.rater) for row in rows],
        label=f"n ≥ {smallest} {'pairs' if quantity == 'flip rate' else 'items'}",
        zero=limit,
    )


STUDY = Study(
    name="validity",
    question="Can this model be measured with this wording?",
    parameters=_Validity,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 10, "chosen": 2, "seeds": 3},
    rehearsal={
        "raters": (
            "sim/faithful",
            RATERS[2],
            "sim/rambler(position_bias=-1.5, template_correlation=0.5)",
        )
    },
)
