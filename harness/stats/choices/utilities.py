"""From questions to utilities, their table and their summary: what `penchant utilities` prints."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from harness.records.pooling import require_one
from harness.stats.choices.one_sided import first_choice_rate, order_notes, position_as_known
from harness.stats.choices.questions import (
    PositionBy,
    build,
    origins_of,
    questions_from_records,
)
from harness.stats.thurstone.comparisons import Comparisons, FloatArray
from harness.stats.thurstone.fit import Fit, Options, fit
from harness.stats.thurstone.graph import between_parts, bottleneck, one_sided
from harness.stats.thurstone.heldout import Heldout, held_out
from harness.stats.thurstone.ranking import expected_rho, parts_known, within_groups
from harness.stats.thurstone.sigma import choose_sigma
from harness.stats.thurstone.table import position_effects, utilities

THIN = 3.0
"""Pairs an item below which intervals are wide: .99 covered at two (benchmarks.coverage)."""
MANY = 100_000
"""Rows above which draws cost more than the fit."""
FEW_BETWEEN = 20
"""Comparisons with other origins below which an origin's mean is known no better than ± .6."""

__all__ = [
    "FEW_BETWEEN",
    "MANY",
    "THIN",
    "Analysis",
    "analyse",
    "analyse_records",
    "origins_of",
    "random_rows",
]


@dataclass(frozen=True, eq=False)
class Analysis:
    """A fit with all that is reported of it.

    `origins` are one an item (None where unknown), in the order of `fit.data.items`.
    `heldout` is None where there are too few pairs to hold any out. `summary` holds plain numbers,
    texts, lists and objects, for JSON.
    """

    fit: Fit
    table: pl.DataFrame
    effects: pl.DataFrame
    heldout: Heldout | None
    origins: tuple[str | None, ...]
    summary: dict[str, Any]


def analyse_records(
    records: pl.DataFrame,
    *,
    options: Options | None = None,
    position_by: PositionBy = "none",
    reference: str | None = None,
    seed: int = 0,
    where: str = "",
) -> Analysis:
    """As `analyse`, from the record table; refuses to pool what must not be pooled."""
    choices = records.filter(pl.col("kind") == "choice")
    factors = ("template", "template_hash") if position_by == "template" else ()
    require_one(choices, factors=factors, where=where)
    return analyse(
        questions_from_records(choices),
        options=options,
        position_by=position_by,
        reference=reference,
        seed=seed,
    )


def analyse(
    questions: pl.DataFrame,
    *,
    options: Options | None = None,
    position_by: PositionBy = "none",
    reference: str | None = None,
    seed: int = 0,
    items: Sequence[str] | None = None,
) -> Analysis:
    """Fit `questions` (see `choices.QUESTION_SCHEMA`) and report.

    `items` fixes the items of the fit; by default those in at least one answered question. `seed`
    is that of posterior draws and of the held-out split.
    """
    options = position_as_known(questions, options or Options(), position_by)
    rng = np.random.default_rng(seed)
    data = build(questions, items=items, position_by=position_by)
    origins = origins_of(questions, data.items)
    eligible = random_rows(questions, data)
    if options.sigma == "per-item":
        choice = choose_sigma(data, options, rng=np.random.default_rng(seed), eligible=eligible)
        fitted = choice.fit
        heldout = choice.per_item if len(fitted.sigma) else choice.fixed
        scores = {"heldout_nll_fixed": choice.fixed, "heldout_nll_per_item": choice.per_item}
    else:
        fitted = fit(data, options)
        heldout, scores = _held_out(fitted, eligible, seed), {}
    summary = _summary(fitted, questions, origins, heldout, rng)
    summary |= {name: value and value.nll for name, value in scores.items()}
    return Analysis(
        fit=fitted,
        table=utilities(fitted, rng=rng, reference=reference),
        effects=position_effects(fitted),
        heldout=heldout,
        origins=origins,
        summary=summary,
    )


def random_rows(questions: pl.DataFrame, data: Comparisons) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(m,) whether a row's pair was drawn at random; all of them where none is marked."""
    marked = questions.filter(pl.col("random") & (pl.col("outcome") == "answered"))
    if not len(marked):
        return np.ones(len(data.first), dtype=bool)
    index = {item: i for i, item in enumerate(data.items)}
    pairs = {frozenset((index[a], index[b])) for a, b in marked.select("first", "second").rows()}
    rows = zip(data.first.tolist(), data.second.tolist(), strict=True)
    return np.array([frozenset(row) in pairs for row in rows], dtype=bool)


def _held_out(
    fitted: Fit, eligible: np.ndarray[Any, np.dtype[np.bool_]], seed: int
) -> Heldout | None:
    if fitted.options.prior_sd is None:
        # Without its held-out pairs the graph may have no finite estimate: a wide prior stands in.
        options = replace(fitted.options, prior_sd=10.0)
    else:
        options = replace(fitted.options, prior_sd=fitted.tau)
    rng = np.random.default_rng(seed)
    return held_out(fitted.data, options, rng=rng, eligible=eligible)


def _summary(
    fitted: Fit,
    questions: pl.DataFrame,
    origins: Sequence[str | None],
    heldout: Heldout | None,
    rng: np.random.Generator,
) -> dict[str, Any]:
    data = fitted.data
    weak = bottleneck(data)
    # With so many items a rank correlation hardly differs from draw to draw.
    drawn = fitted.posterior.draws(256 if len(data.first) <= MANY else 32, rng)
    labels = [origin or "" for origin in origins]
    return {
        "items": data.n,
        "comparisons": data.total,
        "outcomes": data.outcomes,
        **_position(fitted, questions),
        "components": fitted.components,
        "tau": fitted.tau,
        "group_sd": fitted.group_sd,
        "heldout_nll": heldout and heldout.nll,
        "heldout_accuracy": heldout and heldout.accuracy,
        "heldout_comparisons": heldout and heldout.comparisons,
        "expected_rho": _expected(fitted, drawn, None, weak),
        "expected_rho_within_origin": _expected(fitted, drawn, labels, weak),
        "dispersion": fitted.dispersion,
        "shared_by_pair": fitted.shares.pair,
        "shared_by_presentation": fitted.shares.shown,
        "link": fitted.options.link,
        "method": fitted.method,
        "sigma": "per-item" if len(fitted.sigma) else "fixed",
        "notes": [*_notes(fitted, questions, weak), *order_notes(questions, fitted)],
    }


def _position(fitted: Fit, questions: pl.DataFrame) -> dict[str, Any]:
    """The position effect over all groups, weighted by comparisons, and each group's."""
    data, effects = fitted.data, position_effects(fitted)
    rate = first_choice_rate(questions)
    if not len(effects):
        empty = dict.fromkeys(
            ("position_effect", "position_effect_low", "position_effect_high"), None
        )
        return {**empty, "position_effects": [], "first_choice_rate": rate}
    weight = effects["comparisons"].to_numpy() / effects["comparisons"].sum()
    right = np.zeros((fitted.posterior.design.size, 1))
    right[data.n :, 0] = weight
    se = float(np.sqrt(right[:, 0] @ fitted.posterior.solve(right)[:, 0]))
    mean = float(weight @ fitted.effects)
    low, high = mean - 1.959964 * se, mean + 1.959964 * se
    return {
        "position_effect": mean,
        "position_effect_low": low,
        "position_effect_high": high,
        "position_effects": effects.to_dicts(),
        "first_choice_rate": rate,
        "without_position": _without_position(fitted),
    }


def _without_position(fitted: Fit) -> dict[str, float]:
    """How far the utilities move when the position effect is left out of the model."""
    options = replace(fitted.options, position=False, prior_sd=fitted.tau, sigma="fixed")
    other: FloatArray = fit(fitted.data, options).utilities
    here = fitted.utilities
    constant = np.ptp(here) == 0 or np.ptp(other) == 0
    return {
        "pearson": 1.0 if constant else float(np.corrcoef(here, other)[0, 1]),
        "largest_change": float(np.abs(here - other).max()),
    }


def _loose(fitted: Fit, weak: float | None) -> list[str]:
    """What to know where few comparisons tie parts of the graph, or named groups, together."""
    notes = []
    modelled = "graph" in fitted.group_sd
    if weak is not None:
        what = (
            "how far the parts lie apart has a prior of its own, and intervals contain it; they "
            "may still be too narrow of items that met only those near them"
            if modelled
            else "how far the parts lie apart is the prior's guess; intervals are too narrow, and "
            "an expected rank correlation would be too favourable: it is left out"
        )
        notes.append(
            "few comparisons tie parts of the graph together (algebraic connectivity "
            f"{weak:.3f}): {what}"
        )
    across = between_parts(fitted.data)
    if across is not None and across < FEW_BETWEEN:
        notes.append(
            f"an origin has {across:g} comparisons with items of other origins: how far its mean "
            "lies from theirs is uncertain, and part of every interval of its items"
        )
    return notes


def _expected(
    fitted: Fit, drawn: FloatArray, labels: Sequence[str] | None, weak: float | None
) -> float | None:
    """None where the graph's parts hang together loosely, or not at all, under one normal: the
    prior alone says how far they lie apart, and a number would be its guess. `weak` is the
    connectivity where it is low."""
    if not parts_known(fitted, weak):
        return None
    if labels is None:
        return expected_rho(fitted.utilities, drawn)
    return within_groups(fitted.utilities, drawn, labels)


def _notes(fitted: Fit, questions: pl.DataFrame, weak: float | None) -> list[str]:
    notes = list(fitted.notes)
    if fitted.components > 1:
        notes.append(
            f"{fitted.components} components of the comparison graph: utilities of different "
            "components are comparable through the prior alone"
        )
    notes += _loose(fitted, weak)
    if fitted.tails is not None:
        notes.append(
            "a few items lie farther from the rest than a normal prior allows for: the prior is "
            f"two normals, one of {fitted.tails.share:.0%} of the items and "
            f"{fitted.tails.wider:g} times as wide"
        )
    perfect = [fitted.data.items[k] for k in np.flatnonzero(one_sided(fitted.data))]
    if perfect and fitted.method == "ep":
        notes.append(
            f"{len(perfect)} of {fitted.data.n} items won or lost all their comparisons "
            f"({', '.join(perfect[:3])}{', …' if perfect[3:] else ''}): their utilities rest on "
            "the prior; 95 % intervals hold 94 to 97 of 100 such items where utilities are normal, "
            "62 to 74 where a few lie far out"
        )
    density = 2 * len(fitted.data.pair_index()[0]) / max(fitted.data.n, 1)
    if density < THIN and fitted.method == "ep":
        notes.append(
            f"{density:.1f} pairs an item: below three, intervals are too wide (95 % ones contain "
            "97 to 99 % of utilities)"
        )
    if fitted.shares.total > 0:
        notes.append(
            f"answers to one pair are not independent: {fitted.shares.pair:.2f} of the response "
            f"noise is the pair's, {fitted.shares.shown:.2f} the presentation's, and the fit "
            "counts repeats accordingly"
        )
    asked = set(questions["first"]) | set(questions["second"])
    absent = sorted(asked - set(fitted.data.items))
    if absent:
        notes.append(
            f"{len(absent)} items without a single answered comparison are left out: "
            + ", ".join(absent[:5])
            + (", …" if len(absent) > 5 else "")
        )
    return notes
