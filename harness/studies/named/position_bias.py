"""Does place or content decide a choice, and what do labels and chain of thought do to it?"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from harness.analysis.choices import ChoiceCell, choice_cells
from harness.errors import UsageError
from harness.pairs.winners import first_answers
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.style import Plot, palette
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import shown
from harness.report.sections.choices import choice_findings, choice_section
from harness.stats.intervals import FloatArray, clustered_rate
from harness.studies.choosing import choice_cell, choices_of
from harness.studies.planted import Planted
from harness.studies.study import Found, Given, Parameters, Quantity, Study, StudyDesign
from harness.where import SHELL_DIRECTORY

__all__ = ["STUDY"]


class _PositionBias(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of position-bias.

    pairs: which pairs are chosen between, as in the pairwise evals
    source: logs of a campaign from which the pairs are drawn, by which place won there
    by_winner: pairs of each winner that are drawn from it
    responses: forms of answer, `reasoned` is chain of thought
    labels: pairs of labels
    """

    templates: tuple[str, ...] = ("simple_preference",)
    pairs: str = "origins:20"
    source: str = ""
    by_winner: int = 40
    responses: tuple[str, ...] = ("plain", "reasoned")
    labels: tuple[str, ...] = ("A,B", "Task A,Task B")


def _design(given: _PositionBias) -> StudyDesign:
    if not given.raters:
        raise UsageError("position-bias asks its pairs anew; give --rater PROVIDER/MODEL")
    pairs = f"won:{given.by_winner}:{given.source}" if given.source else given.pairs
    return StudyDesign(
        tuple(
            choice_cell(
                given,
                rater,
                template,
                levels={"rater": rater, "template": template, "response": response}
                | {"labels": labels},
                pairs=pairs,
                orders="both",
                response=response,
                labels=labels,
            )
            for rater in given.raters
            for template in given.templates
            for response in given.responses
            for labels in given.labels
        ),
        ("β of each rater, with and without chain of thought", "flip rate of each cell"),
    )


def _sentence(one: ChoiceCell) -> str:
    beta = one.quantities["position_effect"]
    side = "the first" if beta.low > 0 else "the second" if beta.high < 0 else "neither surely"
    favours = "no interval" if math.isnan(beta.low) else f"favours {side}"
    return (
        f"{one.cell.name}: β {shown(beta)} ({favours}), content sd "
        f"{shown(one.quantities['content_sd'])}, flips "
        f"{shown(one.quantities['flip_rate'], 'share')} of {one.pairs.height} pairs."
    )


def _surest(one: ChoiceCell) -> float:
    """Largest effects for their intervals first; one without an interval last."""
    beta = one.quantities["position_effect"]
    wide = beta.high - beta.low
    return -abs(beta.estimate) / wide if wide > 0 else 0.0


def _analyse(given: Given) -> Found:
    found = choice_cells(choices_of(given), bootstrap=given.bootstrap)
    both = [one for one in found if one.both_ways]
    if not both:
        raise UsageError(
            "position-bias needs pairs asked in both orders; these records have none "
            "(orders=both of the pairwise evals)"
        )
    again = _again(both, given.parameters.source)
    return Found(
        sentences=[_sentence(one) for one in sorted(both, key=_surest)[:5]],
        tables=[choice_findings(found, {})],
        sections=[
            Section(
                title="Place, content, labels and chain of thought",
                anchor="place",
                plots=(_effects(both), *_wins(both)),
                tables=(_win_table(both), *([_again_table(again)] if again else [])),
            ),
            choice_section(found),
        ],
        measured=[one for cell in both for one in _measured(cell)],
        cautions=tuple(
            f"{one.cell.name}: part of the pairs were chosen by earlier answers, and win rates by "
            "place are over all pairs asked in both orders."
            for one in found
            if one.adaptive
        ),
    )


def _asked(one: ChoiceCell) -> str:
    """What tells the cells of one rater and template apart."""
    return f"{one.cell.key['response']}, {one.cell.labels}"


def _effects(both: Sequence[ChoiceCell]) -> Plot:
    panels = (
        ("position_effect", "position β", "number", 0.0, None),
        ("content_sd", "content, sd", "number", 0.0, None),
        ("flip_rate", "flip rate", "share", 0.5, (0.0, 1.0)),
    )
    return dots(
        [
            Panel(
                title,
                [
                    Dot(f"{one.cell.template}, {_asked(one)}", one.quantities[name], one.cell.rater)
                    for one in both
                ],
                label=f"n ≥ {min(one.quantities[name].n for one in both)} pairs",
                form=form,  # type: ignore[arg-type]
                zero=zero,
                limits=limits,
            )
            for name, title, form, zero, limits in panels
        ],
        name="reasoned",
        title="Reasoned against direct, by labels",
        caption="Position effect β and spread of content on the probit scale (units of σ), and "
        "how often swapping the order changes the item; 95 % intervals over pairs. Dashed: no "
        "effect; coin tosses.",
        colours=palette(one.cell.rater for one in both),
    )


def _places(one: ChoiceCell) -> list[dict[str, object]]:
    """Win rate of the first-named origin of each origin pair in each place, over its pairs."""
    turned = pl.col("origin_a") > pl.col("origin_b")
    table = one.pairs.filter(pl.col("origin_a") != pl.col("origin_b")).with_columns(
        origin_1=pl.min_horizontal("origin_a", "origin_b"),
        origin_2=pl.max_horizontal("origin_a", "origin_b"),
        first=pl.when(turned).then(1 - pl.col("a_wins_second")).otherwise("a_wins_first"),
        second=pl.when(turned).then(1 - pl.col("a_wins_first")).otherwise("a_wins_second"),
    )
    return [
        {"origin_1": key[0], "origin_2": key[1], "pairs": part.height}
        | {
            name: clustered_rate(part[name].to_numpy(), np.ones(part.height))
            for name in ("first", "second")
        }
        for key, part in sorted(table.partition_by("origin_1", "origin_2", as_dict=True).items())
    ]


def _wins(both: Sequence[ChoiceCell]) -> list[Plot]:
    figures: dict[tuple[str, str], list[ChoiceCell]] = {}
    for one in both:
        figures.setdefault((one.cell.rater, one.cell.template), []).append(one)
    plots = []
    for number, (figure, found) in enumerate(figures.items(), 1):
        panels = [
            Panel(
                _asked(one),
                [
                    Dot(f"{row['origin_1']} – {row['origin_2']} ({row['pairs']})", row[place],  # type: ignore[arg-type]
                        f"shown {place}")
                    for row in _places(one)
                    for place in ("first", "second")
                ],
                form="share",
                zero=0.5,
                limits=(0.0, 1.0),
            )
            for one in found
        ]  # fmt: skip
        if any(panel.dots for panel in panels):
            plots.append(
                dots(
                    [panel for panel in panels if panel.dots],
                    name=f"win_by_position_{number}",
                    title=f"Win rate by position, {', '.join(figure)}",
                    caption="Win rate of the first-named origin over the second, shown first and "
                    "shown second, 95 % intervals over pairs (their number in brackets). Place "
                    "parts the two marks, content moves both from one half.",
                )
            )
    return plots


def _win_table(both: Sequence[ChoiceCell]) -> Table:
    return Table(
        name="win_by_position",
        title="Win rate by position",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("response", "response"),
            Column("labels", "labels"),
            Column("origin_1", "origin"),
            Column("origin_2", "against"),
            Column("pairs", "pairs", "count"),
            Column("first", "wins shown first", "share"),
            Column("second", "wins shown second", "share"),
        ),
        rows=[
            {"rater": one.cell.rater, "template": one.cell.template, "labels": one.cell.labels}
            | {"response": one.cell.key["response"]}
            | row
            for one in both
            for row in _places(one)
        ],
        caption="By place alone the two would add up to one, whatever the origins.",
        first=20,
    )


def _again(both: Sequence[ChoiceCell], source: str) -> list[dict[str, object]]:
    """How often the item that won in the campaign wins again, by the place in which it won."""
    if not source:
        return []
    answers = first_answers(SHELL_DIRECTORY / Path(source).expanduser())
    won = {
        frozenset((one, two)): (one if choice == "first" else two, choice)
        for one, two, choice in answers.select("first", "second", "choice").iter_rows()
    }
    rows: list[dict[str, object]] = []
    for one in both:
        found: dict[str, list[tuple[float, float]]] = {"first": [], "second": []}
        for row in one.pairs.iter_rows(named=True):
            winner, place = won.get(frozenset((row["a"], row["b"])), ("", ""))
            if not winner:
                continue
            # a's win rates shown first and second; b is shown in the other place.
            rates = (row["a_wins_first"], row["a_wins_second"])
            mine = rates if winner == row["a"] else (1 - rates[1], 1 - rates[0])
            found[place].append(mine if place == "first" else (mine[1], mine[0]))
        for place, values in found.items():
            if values:
                same, other = (
                    clustered_rate(np.array(part), np.ones(len(values)))
                    for part in zip(*values, strict=True)
                )
                rows.append(
                    {"rater": one.cell.rater, "template": one.cell.template}
                    | {"response": one.cell.key["response"], "labels": one.cell.labels}
                    | {"place": place, "pairs": len(values), "same": same, "other": other}
                )
    return rows


def _again_table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="won_again",
        title="Winners of the campaign asked again",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("response", "response"),
            Column("labels", "labels"),
            Column("place", "won there shown"),
            Column("pairs", "pairs", "count"),
            Column("same", "wins again in that place", "share"),
            Column("other", "in the other place", "share"),
        ),
        rows=rows,
        caption="By content both are high. By place alone the first is high where that place is "
        "the favoured one, and the two add up to one. Pairs were chosen by their answer there, so "
        "both lie nearer to one half than that answer.",
    )


def _measured(one: ChoiceCell) -> list[Quantity]:
    pairs = [(row["a"], row["b"]) for row in one.pairs.iter_rows(named=True)]
    rates = partial(_rates, one, pairs)
    by_hand: dict[str, Callable[[Planted], float]] = {
        "position_effect": partial(_beta, one),
        "position": lambda planted: float(np.mean(np.subtract(*rates(planted)) / 2)),
        "flip_rate": lambda planted: float(np.mean(_flips(*rates(planted)))),
    }
    return [
        Quantity(f"{name.replace('_', ' ')}, {one.cell.name}", one.quantities[name], truth)
        for name, truth in by_hand.items()
    ]


def _rates(
    one: ChoiceCell, pairs: list[tuple[str, str]], planted: Planted
) -> tuple[FloatArray, FloatArray]:
    """Planted win rate of a, shown first and shown second."""
    reasoned = one.cell.key["response"] == "reasoned"
    first = planted.chosen(one.cell.rater, pairs, reasoned=reasoned)
    turned = [(b, a) for a, b in pairs]
    return first, 1 - planted.chosen(one.cell.rater, turned, reasoned=reasoned)


def _flips(first: FloatArray, second: FloatArray) -> FloatArray:
    return first * (1 - second) + (1 - first) * second


def _beta(one: ChoiceCell, planted: Planted) -> float:
    """Planted position effect in units of σ."""
    settings = planted.settings(one.cell.rater)
    kept = 1 - settings.reasoning_debias * (one.cell.key["response"] == "reasoned")
    return settings.position_bias * kept / settings.noise


_FLAT = "spread=0, misfit=0, " + ", ".join(
    f"mean_{origin}=0" for origin in ("math", "alpaca", "wildchat", "stress_test", "bailbench")
)

STUDY = Study(
    name="position-bias",
    question="Does place or content decide a choice?",
    parameters=_PositionBias,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 10, "seeds": 2, "pairs": "origins:8"},
    rehearsal={
        "raters": (
            f"sim/position-biased(position_bias=-2, {_FLAT})",
            "sim/faithful(position_bias=0)",
        )
    },
)
