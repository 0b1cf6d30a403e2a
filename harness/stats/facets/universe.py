"""From choice records to utilities over a universe of levels: `penchant utilities --over`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.records.pooling import items_only
from harness.stats.choices.questions import origins_of, questions_from_records
from harness.stats.facets.answers import FacetAnswers, facet_answers
from harness.stats.facets.columns import levels_of, one_but_for
from harness.stats.facets.joint import JointFit, joint_fit
from harness.stats.facets.shares import Share, choice_shares
from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.ranking import expected_rho

__all__ = ["Universe", "answers_of", "over_records", "universe_table"]

_Z = 1.959964
DRAWS = 400
"""Ten lie beyond each end of a 95 % interval of ranks."""


@dataclass(frozen=True, eq=False)
class Universe:
    """A joint fit with its table (one row an item, best first), its shares of variance, and plain
    numbers and texts for JSON."""

    fit: JointFit
    table: pl.DataFrame
    shares: list[Share]
    summary: dict[str, Any]


def answers_of(
    records: pl.DataFrame,
    facets: Sequence[str],
    *,
    items: Sequence[str] | None = None,
    where: str = "",
) -> FacetAnswers:
    """Answered choices of a record table with their levels; the items are those in one of them
    unless given. UsageError where they may not be
    pooled but for the facets, and where probabilities were read off a model."""
    choices = items_only(records.filter(pl.col("kind") == "choice"))
    if not len(choices):
        raise UsageError(f"no choice records in {where}")
    one_but_for(choices, facets, where=where)
    answered = choices.filter(
        (pl.col("outcome") == "answered")
        & (pl.col("choice").is_in(["first", "second"]) | pl.col("p_first").is_not_null())
    )
    questions = questions_from_records(answered)
    if bool(questions["soft"].any()):
        raise UsageError(
            f"records with read-out logprobs in {where}: a joint fit takes answers, not "
            "probabilities read off the model; expected read-out sample"
        )
    if items is None:
        items = pl.concat([questions["first"], questions["second"]]).unique().sort().to_list()
    index = pl.Enum(items)
    wins = questions["p"].to_numpy()
    return facet_answers(
        items,
        questions["first"].cast(index).to_physical().to_numpy(),
        questions["second"].cast(index).to_physical().to_numpy(),
        wins,
        1 - wins,
        levels=[levels_of(answered, name).to_list() for name in facets],
        facets=facets,
    )


def over_records(
    records: pl.DataFrame,
    facets: Sequence[str],
    *,
    reference: str | None = None,
    seed: int = 0,
    where: str = "",
) -> Universe:
    """The joint fit of a record table's choices over `facets`, and all that is reported of it."""
    answers = answers_of(records, facets, where=where)
    fitted = joint_fit(answers, seed=seed)
    shares = choice_shares(fitted, seed=seed)
    rng = np.random.default_rng(seed)
    table = universe_table(fitted, rng=rng, reference=reference)
    questions = questions_from_records(records)
    origins = pl.DataFrame(
        {"item": answers.data.items, "origin": origins_of(questions, answers.data.items)},
        schema={"item": pl.String, "origin": pl.String},
    )
    table = table.join(origins, on="item", how="left", maintain_order="left")
    outcomes = records.filter(pl.col("kind") == "choice").group_by("outcome").len().sort("outcome")
    return Universe(fitted, table, shares, _summary(fitted, shares, dict(outcomes.rows()), rng))


def universe_table(
    fitted: JointFit, *, rng: np.random.Generator, reference: str | None = None
) -> pl.DataFrame:
    """`item, utility, se, low, high, rank, rank_low, rank_high, comparisons`, best first; with
    `reference` contrasts to that item. UsageError where there is no such item."""
    data, utility, se = fitted.answers.data, fitted.utilities, fitted.se
    if reference is not None:
        if reference not in data.items:
            raise UsageError(f"no item {reference!r} to refer to among {data.n} items")
        at = data.items.index(reference)
        c = fitted.covariance
        se = np.sqrt(np.maximum(np.diagonal(c) + c[at, at] - 2 * c[at], 0))
        utility = utility - utility[at]
    low_rank, high_rank = _rank_interval(fitted, rng)
    return (
        pl.DataFrame(
            {
                "item": data.items,
                "utility": utility,
                "se": se,
                "low": utility - _Z * se,
                "high": utility + _Z * se,
                "rank": _ranks(utility[:, None])[:, 0],
                "rank_low": low_rank,
                "rank_high": high_rank,
                "comparisons": data.per_item(),
            }
        )
        .with_columns(
            pl.min_horizontal("rank", "rank_low").alias("rank_low"),
            pl.max_horizontal("rank", "rank_high").alias("rank_high"),
            pl.col("comparisons").round().cast(pl.Int64),
        )
        .sort("rank", "item")
    )


def _ranks(values: FloatArray) -> Any:
    """1 for the most preferred of each column."""
    return np.argsort(np.argsort(-values, axis=0, kind="stable"), axis=0) + 1


def _rank_interval(fitted: JointFit, rng: np.random.Generator) -> tuple[Any, Any]:
    ranks = np.sort(_ranks(fitted.draws(DRAWS, rng)), axis=1)
    return ranks[:, int(0.025 * (DRAWS - 1))], ranks[:, int(np.ceil(0.975 * (DRAWS - 1)))]


def _summary(
    fitted: JointFit, shares: list[Share], outcomes: dict[str, int], rng: np.random.Generator
) -> dict[str, Any]:
    data = fitted.answers.data
    effects = [
        {
            "levels": name,
            "estimate": float(effect),
            "low": float(effect - _Z * se),
            "high": float(effect + _Z * se),
        }
        for name, effect, se in zip(data.groups, fitted.effects, fitted.effect_se, strict=True)
    ]
    return {
        "items": data.n,
        "comparisons": data.total,
        "outcomes": outcomes,
        "over": {
            name: list(levels)
            for name, levels in zip(fitted.answers.facets, fitted.answers.levels, strict=True)
        },
        "sd": {
            name: float(np.sqrt(variance))
            for name, variance in zip(fitted.components, fitted.variances, strict=True)
        },
        "shares": [asdict(share) for share in shares],
        "position_effects": effects,
        "expected_rho": expected_rho(fitted.utilities, fitted.draws(256, rng)),
        "notes": list(fitted.notes),
    }
