"""Do completions speak of their system prompt, and do effects hold without those that do?"""

import json
from functools import partial

import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.prompts.conditions import condition
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.style import Plot, palette
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import shown
from harness.stats.effects.effects import paired_delta
from harness.stats.effects.power import smallest_effect
from harness.stats.intervals import Estimate, clustered_rate
from harness.stats.ratings.matrix import item_means, matched_matrices
from harness.studies.planted import Planted
from harness.studies.prompted import FACTOR, effect_rows, effect_table, planted_deltas
from harness.studies.study import (
    Basis,
    Contrast,
    Found,
    Given,
    JudgedParameters,
    Quantity,
    Study,
    StudyDesign,
    crossed,
    estimate_in,
)
from harness.where import SHELL_DIRECTORY

__all__ = ["STUDY"]

_SPOKEN = pl.col("sysprompt_referenced").fill_null(False)
_PREFIXES = {"with": pl.col("completion_prefix").fill_null(True),
             "without": ~pl.col("completion_prefix").fill_null(True)}  # fmt: skip
_MOST = 5


class _SyspromptConfound(JudgedParameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of sysprompt-confound.

    prompts: the system prompts, each set against none, with and without the request not to
        mention it
    """

    items: str = "builtin:alpaca+builtin:math"
    seeds: int = 2
    prompts: tuple[str, ...] = ("affective_pos", "affective_neg", "loves_math", "hates_math")


def _design(given: _SyspromptConfound) -> StudyDesign:
    prompts = [name for name in given.prompts if name != "none"]
    if not prompts:
        raise UsageError("no system prompt given; expected at least one (--prompt NAME)")
    for name in prompts:
        condition(name, base=SHELL_DIRECTORY)
    made = [("none", "with"), *((name, prefix) for prefix in _PREFIXES for name in prompts)]
    return StudyDesign(
        crossed(
            given,
            [
                (
                    {"completed under": prompt, "request not to mention it": prefix},
                    {"completion_sysprompt": prompt, "completion_prefix": prefix == "with"}
                    | {"judges": "sysprompt_reference"},
                )
                for prompt, prefix in made
            ],
        ),
        ("Δ of each prompt with all completions and with those that do not speak of it",),
        (Contrast("Δ of one prompt, all completions", partial(_smallest, prompts=len(prompts))),),
    )


def _smallest(basis: Basis, *, prompts: int) -> float:
    return smallest_effect(basis.spread, items=basis.items, repeats=basis.repeats, tests=prompts)


def _analyse(given: Given) -> Found:
    ratings = given.ratings
    prompted = ratings.filter(pl.col(FACTOR) != "none")
    if not prompted["sysprompt_referenced"].is_not_null().any():
        raise UsageError(
            "sysprompt-confound needs verdicts on whether completions speak of their prompt; these "
            "records have none (-T judges=sysprompt_reference, or inspect score)"
        )
    rates = _rates(prompted, given.judgements)
    effects, measured = _effects(ratings)
    gone = [
        abs(estimate_in(row, "delta").estimate - estimate_in(row, "kept").estimate)
        for row in effects
    ]
    spread = sorted(rates, key=lambda row: -estimate_in(row, "rate").estimate)
    return Found(
        sentences=[
            *(
                f"{row['rater']}, {row['prompt']}, {row['prefix']} the request not to mention it: "
                f"{shown(row['rate'], 'share')} of completions speak of it "
                f"({estimate_in(row, 'rate').n} items)."
                for row in spread[:3]
            ),
            f"Leaving those out moves a difference from no prompt by at most {max(gone):.2f} "
            f"({len(gone)} differences).",
        ],
        tables=[_rate_table(rates), _effect_table(effects)],
        sections=[
            Section(title="Reference rates", anchor="rates", plots=(_plot(rates),)),
            Section(
                title="Items that moved most",
                anchor="moved",
                tables=(_moved_table(_moved(ratings)),),
            ),
        ],
        measured=[*_planted_rates(prompted, rates), *measured],
    )


def _rates(prompted: pl.DataFrame, judgements: pl.DataFrame) -> list[dict[str, object]]:
    """Shares of completions, one an item, that speak of their prompt, or refuse."""
    tones = _sentiments(judgements)
    rows: list[dict[str, object]] = []
    for prefix, chosen in _PREFIXES.items():
        of = prompted.filter(chosen)
        for (rater, prompt), part in sorted(of.partition_by("rater", FACTOR, as_dict=True).items()):
            items = part.group_by("item").agg(
                _SPOKEN.any().alias("rate"),
                pl.col("completion_refused").fill_null(False).any().alias("refused"),
            )
            count = np.ones(items.height)
            spoken = part.filter(_SPOKEN)["completion_hash"].unique()
            said = [tones[key] for key in spoken if key in tones]
            rows.append(
                {"rater": rater, "prompt": prompt, "prefix": prefix}
                | {
                    name: clustered_rate(items[name].cast(pl.Float64).to_numpy(), count)
                    for name in ("rate", "refused")
                }
                | {tone: said.count(tone) if said else None for tone in _TONES}
            )
    return rows


_TONES = ("positive", "neutral", "negative")


def _sentiments(judgements: pl.DataFrame) -> dict[str, str]:
    """How each text speaks of its prompt, where a judge said so (the rule does not)."""
    told = judgements.filter(
        (pl.col("kind") == "sysprompt_reference") & pl.col("details").is_not_null()
    )
    found = {}
    for subject, details in told.select("subject", "details").iter_rows():
        tone = json.loads(details).get("sentiment")
        if tone in _TONES:
            found[subject] = tone
    return found


def _effects(ratings: pl.DataFrame) -> tuple[list[dict[str, object]], list[Quantity]]:
    """Δ from no prompt with all completions, and with those that do not speak of it."""
    rows: list[dict[str, object]] = []
    measured: list[Quantity] = []
    neutral = pl.col(FACTOR) == "none"
    for prefix, chosen in _PREFIXES.items():
        # The state without a prompt has nothing to ask for, so both requests are set against it.
        part = ratings.filter(neutral | chosen).with_columns(
            completion_prefix=pl.lit(None, dtype=pl.Boolean)
        )
        everything = effect_rows(part)
        named = [row | {"prefix": prefix} for row in everything]
        for row in named:
            rows.append(row | {"kept": _kept(part, row)})
        measured += [
            Quantity(f"{one.name}, {prefix} request", one.estimate, one.planted)
            for one in planted_deltas(part, everything)
        ]
    return rows, measured


def _kept(part: pl.DataFrame, row: dict[str, object]) -> Estimate:
    here = part.filter(*(pl.col(name) == row[name] for name in ("rater", "template")))
    under = here.filter((pl.col(FACTOR) == row["prompt"]) & ~_SPOKEN)
    if not under.height:
        return paired_delta(np.full((1, 1), np.nan), np.full((1, 1), np.nan))
    _, (then, without) = matched_matrices([under, here.filter(pl.col(FACTOR) == "none")])
    return paired_delta(then, without)


def _moved(ratings: pl.DataFrame) -> list[dict[str, object]]:
    """The items of each rater, template and prompt that moved furthest, with what was found."""
    rows: list[dict[str, object]] = []
    for (rater, template), part in sorted(
        ratings.partition_by("rater", "template", as_dict=True).items()
    ):
        none = part.filter(pl.col(FACTOR) == "none")
        for (prompt, prefix), under in sorted(
            part.filter(pl.col(FACTOR) != "none")
            .with_columns(prefix=pl.when(_PREFIXES["with"]).then(pl.lit("with"))
                          .otherwise(pl.lit("without")))
            .partition_by(FACTOR, "prefix", as_dict=True).items()
        ):  # fmt: skip
            items, (then, without) = matched_matrices([under, none])
            gap = item_means(then) - item_means(without)
            told = {
                item: (spoken, refused)
                for item, spoken, refused in under.group_by("item")
                .agg(_SPOKEN.any(), pl.col("completion_refused").fill_null(False).any())
                .iter_rows()
            }
            order = np.argsort(-np.abs(np.where(np.isfinite(gap), gap, 0.0)), kind="stable")
            rows += [
                {"rater": rater, "template": template, "prompt": prompt, "prefix": prefix}
                | {"item": items[i], "moved": float(gap[i])}
                | {"spoken": _yes(told[items[i]][0]), "refused": _yes(told[items[i]][1])}
                for i in order[:_MOST]
            ]
    return rows


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _planted_rates(prompted: pl.DataFrame, rates: list[dict[str, object]]) -> list[Quantity]:
    items = tuple(sorted(prompted["item"].unique()))
    completers = dict(prompted.select("rater", "completer").unique().iter_rows())
    return [
        Quantity(
            f"speak of {row['prompt']} {row['prefix']} request, {row['rater']}",
            estimate_in(row, "rate"),
            partial(
                _planted_rate,
                completer=str(completers[row["rater"]]),
                items=items,
                hushed=row["prefix"] == "with",
            ),
        )
        for row in rates
    ]


def _planted_rate(
    planted: Planted, *, completer: str, items: tuple[str, ...], hushed: bool
) -> float:
    """A refused completion speaks of nothing."""
    settings = planted.settings(completer)
    share = settings.mentions * (1 - settings.hush * hushed)
    return float((share * (1 - planted.refusals(completer, items))).mean())


def _rate_table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="reference_rates",
        title="Completions that speak of their system prompt",
        columns=(
            Column("rater", "rater"),
            Column("prompt", "completed under"),
            Column("prefix", "request not to mention it"),
            Column("rate", "speak of it", "share"),
            Column("refused", "refused", "share"),
            *(Column(tone, f"speak {tone}ly of it", "count") for tone in _TONES),
        ),
        rows=rows,
        caption="One completion an item. How a text speaks of its prompt is known of a judge alone "
        "(model role judge), not of the rule.",
    )


def _effect_table(rows: list[dict[str, object]]) -> Table:
    plain = effect_table(rows)
    at = [column.key for column in plain.columns].index("delta")
    return Table(
        name="deltas",
        title="Difference from no prompt, and without completions that speak of theirs",
        columns=(
            *plain.columns[:at],
            Column("prefix", "request not to mention it"),
            Column("delta", "Δ, all"),
            Column("kept", "Δ, without those"),
            *plain.columns[at + 1 :],
        ),
        rows=rows,
        caption=plain.caption + " P and p are of all completions.",
    )


def _moved_table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="moved",
        title="Items whose rating moved most, with what was found of their completion",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("prompt", "completed under"),
            Column("prefix", "request not to mention it"),
            Column("item", "item"),
            Column("moved", "moved by", "number"),
            Column("spoken", "speaks of its prompt"),
            Column("refused", "refused"),
        ),
        rows=rows,
        caption=f"The {_MOST} furthest of each; picked for their size, so they overstate it.",
    )


def _plot(rates: list[dict[str, object]]) -> Plot:
    raters = list(dict.fromkeys(str(row["rater"]) for row in rates))
    smallest = min(estimate_in(row, "rate").n for row in rates)
    return dots(
        [
            Panel(
                rater,
                [
                    Dot(
                        str(row["prompt"]), estimate_in(row, "rate"), f"{row['prefix']} the request"
                    )
                    for row in rates
                    if row["rater"] == rater
                ],
                label=f"speak of their prompt, n ≥ {smallest} items",
                form="share",
                limits=(0.0, 1.0),
            )
            for rater in raters
        ],
        name="reference_rates",
        title="Completions that speak of their system prompt",
        caption="Share of items with its 95 % interval, with and without the request not to "
        "mention the instructions.",
        colours=palette(["with the request", "without the request"]),
    )


STUDY = Study(
    name="sysprompt-confound",
    question="Do completions speak of their system prompt, and do effects hold without those?",
    parameters=_SyspromptConfound,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 15, "seeds": 2},
    rehearsal={"raters": ("sim/faithful(mentions=0.5, hush=0.6, completion_effect=0.6)",)},
    needs=("judge (optional)",),
)
