"""Choices between two items: what place does, what content does, and which pairs hold."""

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from harness.analysis.choices import ChoiceCell
from harness.analysis.names import slugs
from harness.report.parts.bars import stacked
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.style import GREY, Plot
from harness.report.parts.table import Column, Section, Table, drawn_first
from harness.report.sections.outcomes import NAMES
from harness.stats.intervals import Estimate, estimate_of

__all__ = ["choice_findings", "choice_section"]

_CLASS_COLOURS = {"robust": "#0072B2", "indifferent": GREY, "fragile": "#D55E00"}


def choice_findings(found: Sequence[ChoiceCell], fitted: Mapping[str, Estimate]) -> Table:
    """The main table: one row a cell. `fitted` are position effects of utilities' fits by cell."""
    return Table(
        name="choices",
        title="Choices: main findings",
        columns=(
            *NAMES,
            Column("records", "questions", "count"),
            Column("pairs", "pairs asked both ways", "count"),
            Column("first_choice_rate", "first-choice rate", "share"),
            Column("position_effect", "β, pairs asked both ways"),
            Column("fitted", "β, fit of all pairs"),
            Column("content_sd", "content, sd"),
            Column("flip_rate", "flip rate", "share"),
            Column("robust", "robust pairs", "share"),
        ),
        rows=[
            one.cell.row
            | {"records": one.cell.frame.height, "pairs": one.pairs.height}
            | {name: one.quantities[name] for name in _FINDINGS}
            | {"fitted": fitted.get(one.cell.name)}
            for one in found
        ],
        caption="β is the position effect on the probit scale, in units of the response noise σ "
        "(above 0: the item shown first is favoured): once from pairs asked both ways alone, once "
        "from the utilities' fit of all pairs. Content is the spread of pairs on the same "
        "scale. A pair flips when swapping the order changes the item preferred. Brackets: 95 % "
        "intervals over pairs.",
    )


_FINDINGS = ("first_choice_rate", "position_effect", "content_sd", "flip_rate", "robust")


def choice_section(found: Sequence[ChoiceCell], *, drawn: int | None = None) -> Section:
    """Comparison of all cells, then a part for each, the first `drawn` with figures."""
    both = [one for one in found if one.both_ways]
    text = (
        "No pair was answered in both orders, so position and content cannot be told apart here; "
        "the utilities' fit estimates the position effect from the order of all pairs.",
    )
    names = slugs(one.cell.name for one in found)
    return Section(
        title="Choices",
        anchor="choices",
        text=() if both else text,
        plots=tuple(_comparisons(found, both)),
        tables=(_class_table(both),) if both else (),
        parts=drawn_first([_cell_section(one, names[one.cell.name]) for one in found], drawn),
    )


def _comparisons(found: Sequence[ChoiceCell], both: Sequence[ChoiceCell]) -> Iterable[Plot]:
    panels = [("first_choice_rate", "first-choice rate", "share", 0.5)]
    if both:
        panels += [
            ("position_effect", "position effect β", "number", 0.0),
            ("flip_rate", "flip rate", "share", 0.5),
        ]
    yield dots(
        [
            Panel(
                title=heading,
                dots=[Dot(one.cell.name, one.quantities[name]) for one in found],
                form=form,  # type: ignore[arg-type]
                zero=zero,
                limits=(0, 1) if form == "share" else None,
            )
            for name, heading, form, zero in panels
        ],
        name="position",
        title="What place does to a choice",
        caption="First-choice rate, position effect β (probit scale, units of σ) and flip rate, "
        "with 95 % intervals over pairs. Dashed: no effect of place; for the flip rate, coin "
        "tosses.",
    )
    if both:
        yield stacked(
            {one.cell.name: {c: one.quantities[c] for c in _CLASS_COLOURS} for one in both},
            name="pair_classes",
            title="Pairs asked in both orders",
            caption="Robust: the same item is preferred in both orders. Indifferent: neither "
            "item in either order. Fragile: the preference turns or goes away when the order is "
            "swapped. n counts pairs.",
            colours=_CLASS_COLOURS,
            counts={one.cell.name: one.pairs.height for one in both},
        )


def _class_table(both: Sequence[ChoiceCell]) -> Table:
    names = ("position", "position_effect", "content_sd", "flip_rate", *_CLASS_COLOURS)
    shares = ("flip_rate", *_CLASS_COLOURS)
    return Table(
        name="position_content",
        title="Position and content",
        columns=(
            *NAMES,
            Column("pairs", "pairs", "count"),
            *(
                Column(name, name.replace("_", " "), "share" if name in shares else "number")
                for name in names
            ),
        ),
        rows=[
            one.cell.row
            | {"pairs": one.pairs.height}
            | {name: one.quantities[name] for name in names}
            for one in both
        ],
        caption="Position is (p₁ − p₂)/2 of an item's win rate in first and second place.",
    )


def _cell_section(one: ChoiceCell, name: str) -> Section:
    plots, tables, text = [], [], []
    if one.both_ways:
        plots.append(_origin_plot(one, name))
        tables += [_origin_table(one, name), _pair_table(one, name)]
    if one.adaptive:
        text.append(
            "Part of this campaign's pairs were chosen by what earlier answers said, which pulls "
            "win rates to one half; the win rates here are of the pairs drawn at random alone."
        )
    if one.expected.height:
        plots.append(_win_plot(one, name))
        tables.append(_win_table(one, name))
    return Section(
        title=one.cell.name,
        anchor=f"choices_{name}",
        about=one.cell.row,
        text=tuple(text),
        plots=tuple(plots),
        tables=tuple(tables),
    )


def _origin_plot(one: ChoiceCell, name: str) -> Plot:
    panels = {
        "position": ("position, raw", (-0.5, 0.5)),
        "position_effect": ("position β", None),
        "content": ("content, raw", (-0.5, 0.5)),
    }
    rows = list(one.by_origin.iter_rows(named=True))
    return dots(
        [
            Panel(
                title=heading,
                dots=[
                    Dot(f"{row['origin_1']} – {row['origin_2']}", _honest(estimate_of(row)))
                    for row in rows
                    if row["quantity"] == quantity
                ],
                zero=0.0,
                limits=limits,
            )
            for quantity, (heading, limits) in panels.items()
        ],
        name=f"position_by_origin_{name}",
        title=f"Position and content by origin pair, {one.cell.name}",
        caption="Position: (p₁ − p₂)/2, raw and on the probit scale. Content: how far the first "
        "origin named is preferred to the second, whatever the order (above 0: the first). 95 % "
        "intervals over pairs; one that reaches the edge goes on.",
    )


def _origin_table(one: ChoiceCell, name: str) -> Table:
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for row in one.by_origin.iter_rows(named=True):
        pair = (row["origin_1"], row["origin_2"])
        value = _honest(estimate_of(row))
        entry = rows.setdefault(pair, {"origin_1": pair[0], "origin_2": pair[1], "pairs": value.n})
        entry[row["quantity"]] = value
    return Table(
        name=f"position_by_origin_{name}",
        title="Position and content by origin pair",
        columns=(
            Column("origin_1", "origin"),
            Column("origin_2", "against"),
            Column("pairs", "pairs", "count"),
            Column("position", "position, raw"),
            Column("content", "content, raw"),
            Column("position_effect", "position β"),
            Column("content_effect", "content, probit"),
        ),
        rows=list(rows.values()),
        caption="Content is that of the first origin against the second; “–” within one origin, "
        "where it is 0 by definition.",
    )


def _honest(value: Estimate) -> Estimate:
    """Without an interval of no width: a few pairs that all agree leave no doubt only on paper."""
    if value.low < value.high or math.isnan(value.low):
        return value
    note = "all pairs alike: no interval"
    return msgspec.structs.replace(value, low=math.nan, high=math.nan, note=note)


def _pair_table(one: ChoiceCell, name: str) -> Table:
    columns = (
        Column("a", "item"),
        Column("b", "against"),
        Column("origin_a", "origin"),
        Column("origin_b", "origin of the other"),
        Column("a_wins_first", "wins when first", "share"),
        Column("a_wins_second", "wins when second", "share"),
        Column("answers", "answers", "count"),
        Column("class", "class"),
    )
    return Table(
        name=f"pairs_{name}",
        title="Pairs",
        columns=columns,
        rows=one.pairs.sort("class", "a", "b").to_dicts(),
        first=0,
    )


def _win_plot(one: ChoiceCell, name: str) -> Plot:
    return dots(
        [
            Panel(
                title="win rate against other origins",
                dots=[
                    Dot(row["origin"], estimate_of(row, key="rate"), expected=row["expected"])
                    for row in one.expected.iter_rows(named=True)
                ],
                form="share",
                zero=0.5,
                limits=(0, 1),
            )
        ],
        name=f"win_rate_by_origin_{name}",
        title=f"Win rate by origin, {one.cell.name}",
        caption="Win rate of an origin's items against those of other origins, beside what the "
        "mix of places alone would give. 95 % intervals over pairs.",
        expected="expected from place alone",
    )


def _win_table(one: ChoiceCell, name: str) -> Table:
    return Table(
        name=f"win_rate_by_origin_{name}",
        title="Win rate by origin",
        columns=(
            Column("origin", "origin"),
            Column("pairs", "pairs", "count"),
            Column("rate", "win rate", "share"),
            Column("shown_first", "shown first", "share"),
            Column("expected", "expected from place alone", "share"),
        ),
        rows=[
            row | {"rate": estimate_of(row, key="rate"), "pairs": row["n"]}
            for row in one.expected.iter_rows(named=True)
        ],
    )
