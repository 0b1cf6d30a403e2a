"""Do prompts for and against move ratings equally far?"""

from functools import partial

import polars as pl

from harness.errors import UsageError
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.style import Plot, palette
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import shown
from harness.stats.effects.effects import condition_asymmetry
from harness.stats.effects.power import smallest_asymmetry
from harness.stats.intervals import estimate_of
from harness.studies.prompted import effect_rows, effect_table, planted_deltas, prompt_design
from harness.studies.study import (
    Basis,
    Contrast,
    Found,
    Given,
    JudgedParameters,
    Study,
    StudyDesign,
    estimate_in,
)

__all__ = ["STUDY"]

_OWN_NAMES = {"math": ("loves_math", "hates_math")}


class _SyspromptV2(JudgedParameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of sysprompt-v2.

    pairs: categories of system prompts, each with one for and one against
    """

    items: str = "builtin:alpaca+builtin:math"
    pairs: tuple[str, ...] = ("affective", "math", "ethical", "trend")


def _signs(name: str) -> tuple[str, str]:
    return _OWN_NAMES.get(name, (f"{name}_pos", f"{name}_neg"))


def _design(given: _SyspromptV2) -> StudyDesign:
    if "memory" in given.pairs:
        raise UsageError("pairs=memory; it has a prompt against alone, so no asymmetry")
    prompts = [one for pair in given.pairs for one in _signs(pair)]
    return prompt_design(
        given,
        prompts,
        ("Δ⁺ + Δ⁻ of each pair, Holm's correction",),
        contrasts=(Contrast("Δ⁺ + Δ⁻ of one pair", partial(_smallest, pairs=len(given.pairs))),),
        judges="sysprompt_reference",
    )


def _smallest(basis: Basis, *, pairs: int) -> float:
    return smallest_asymmetry(basis.spread, items=basis.items, repeats=basis.repeats, tests=pairs)


def _analyse(given: Given) -> Found:
    parameters: _SyspromptV2 = given.parameters
    ratings = given.ratings
    # A completion that speaks of its prompt tells the rater of it: such items are left out.
    spoken = ratings.filter(pl.col("sysprompt_referenced").fill_null(False))
    kept = ratings.filter(~pl.col("sysprompt_referenced").fill_null(False))
    rows = effect_rows(kept)
    pairs = {name: _signs(name) for name in parameters.pairs}
    sums = []
    for (rater, template), part in sorted(
        kept.partition_by("rater", "template", as_dict=True).items()
    ):
        found = condition_asymmetry(part, factor="completion_sysprompt", pairs=pairs,
                                    neutral="none")  # fmt: skip
        sums += [
            {"rater": rater, "template": template, "pair": row["condition"]}
            | {"asymmetry": estimate_of(row), "p": row["p"], "p_holm": row["p_holm"]}
            for row in found.iter_rows(named=True)
        ]
    return Found(
        sentences=[
            f"{row['rater']}, {row['pair']}: Δ⁺ + Δ⁻ {shown(row['asymmetry'])} "
            f"({estimate_in(row, 'asymmetry').n} items), p after Holm {row['p_holm']:.3f}."
            for row in sums
        ][:5],
        tables=[effect_table(rows), _asymmetries(sums)],
        sections=[
            Section(
                title="For and against",
                anchor="pairs",
                text=(_left_out(ratings, spoken),),
                plots=(_plot(rows, pairs),),
            )
        ],
        measured=planted_deltas(kept, rows),
    )  # fmt: skip


def _left_out(ratings: pl.DataFrame, spoken: pl.DataFrame) -> str:
    if not ratings["sysprompt_referenced"].is_not_null().any():
        return (
            "Nobody judged whether completions speak of their system prompt, so none are left out."
        )
    return (
        f"{spoken.height:,} of {ratings.height:,} ratings are left out, because their completion "
        "speaks of its system prompt."
    )


def _plot(rows: list[dict[str, object]], pairs: dict[str, tuple[str, str]]) -> Plot:
    place = {(row["rater"], row["prompt"]): row for row in rows}
    raters = list(dict.fromkeys(row["rater"] for row in rows))
    smallest = min(estimate_in(row, "delta").n for row in rows)
    return dots(
        [
            Panel(
                str(rater),
                [
                    Dot(name, estimate_in(place[rater, prompt], "delta"), series)
                    for name, both in pairs.items()
                    for series, prompt in zip(("for", "against"), both, strict=True)
                    if (rater, prompt) in place
                ],
                label=f"Δ from no prompt, n ≥ {smallest}",
                zero=0.0,
            )
            for rater in raters
        ],
        name="pairs",
        title="Prompts for and against, paired",
        caption="Mean difference from no prompt over items, with 95 % intervals; the bars of a "
        "pair lie equally far from 0 where there is no asymmetry.",
        colours=palette(["for", "against"]),
    )


def _asymmetries(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="asymmetry",
        title="Asymmetry",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("pair", "pair"),
            Column("asymmetry", "Δ⁺ + Δ⁻"),
            Column("p", "p", "p"),
            Column("p_holm", "p after Holm", "p"),
        ),
        rows=rows,
        caption="0 where both prompts of a pair move ratings equally far; below 0 the one against "
        "moves them further.",
    )


STUDY = Study(
    name="sysprompt-v2",
    question="Do prompts for and against move ratings equally far?",
    parameters=_SyspromptV2,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 15, "seeds": 2},
    rehearsal={
        "raters": (
            "sim/faithful(completion_effect=1, tone_affective_pos=0.5, tone_trend_pos=0, "
            "tone_trend_neg=0)",
        )
    },
    needs=("judge (optional)",),
)
