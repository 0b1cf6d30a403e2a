"""From records to utilities from a zero: `penchant utilities --zero`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.records.pooling import require_one
from harness.stats.zero.answers import ZEROS, ZeroAnswers, zero_answers
from harness.stats.zero.below import Below, ZerosApart, agreement, below, place_of, placed
from harness.stats.zero.fit import ZeroFit, zero_fit

__all__ = ["FromZero", "from_zero", "zero_records"]

YES_NO = "yes_no"
FACTORS = ("kind", "template", "template_hash", "wording", "labels", "max_tokens")
"""What may differ between the records that one zero is fitted to."""
_THIRD = {"Neither": "neither", "Equal": "indifferent"}
_Z = 1.959964


@dataclass(frozen=True, eq=False)
class FromZero:
    """A fit; its `table` (item, utility from the zero, se, low, high, placed, rank, origin and
    answers, best first); shares below it; zeros against each other; plain numbers for JSON."""

    fit: ZeroFit
    table: pl.DataFrame
    shares: list[Below]
    zeros: list[ZerosApart]
    summary: dict[str, Any]


def zero_records(records: pl.DataFrame, *, where: str = "") -> ZeroAnswers:
    """Answered choices and `yes_no` ratings of a table as answers; UsageError where they may not be
    pooled, or probabilities were read off a model."""
    is_taken = (pl.col("kind") == "rating") & (pl.col("template") == YES_NO)
    kept = records.filter((pl.col("kind") == "choice") | is_taken)
    answered = kept.filter(pl.col("outcome") == "answered")
    if not len(answered):
        raise UsageError(f"no answered choice in {where}")
    require_one(kept, factors=FACTORS, where=where)
    if (answered["readout"] != "sample").any():
        raise UsageError(
            f"probabilities read off the model in {where}; a zero is fitted to answers, expected "
            "records with read-out sample"
        )
    rows = _choices(answered.filter(pl.col("kind") == "choice"))
    taken = answered.filter(is_taken).select(
        first="item",
        second=pl.lit(YES_NO),
        said=pl.when(pl.col("value") > 0.5).then(1).otherwise(-1),
        third=pl.lit(""),
        origin_first="origin",
        origin_second=pl.lit(None, pl.String),
    )
    rows = pl.concat([rows, taken.select(rows.columns)], how="vertical_relaxed")
    known = pl.concat(
        [
            rows.select(item="first", origin="origin_first"),
            rows.select(item="second", origin="origin_second"),
        ]
    ).filter(~pl.col("item").is_in(ZEROS))
    origins = known.group_by("item").agg(pl.col("origin").drop_nulls().first()).sort("item")
    return zero_answers(
        origins["item"].to_list(),
        origins["origin"].fill_null("").to_list(),
        first=rows["first"].to_list(),
        second=rows["second"].to_list(),
        said=rows["said"].to_list(),
        third=rows["third"].to_list(),
    )


def _choices(choices: pl.DataFrame) -> pl.DataFrame:
    """`first, second, said, third, origin_first, origin_second`; the opt-out by one name."""
    against = pl.col("zero") == "optout"
    last = pl.col("labels").str.split(",").list.last()
    said = pl.when(pl.col("choice") == "first").then(1).when(pl.col("choice") == "second").then(-1)
    named = [
        pl.when(against & (pl.col(f"origin_{place}") == "optout"))
        .then(pl.lit("optout"))
        .otherwise(pl.col(f"item_{place}"))
        .alias(place)
        for place in ("first", "second")
    ]
    return choices.select(
        *named,
        said=said.otherwise(0),
        third=last.replace_strict(_THIRD, default="", return_dtype=pl.String),
        origin_first="origin_first",
        origin_second="origin_second",
    )


def from_zero(records: pl.DataFrame, zero: str, *, seed: int = 0, where: str = "") -> FromZero:
    """Fit, and measure utilities from `zero`: one of `ZEROS`, or an item by name."""
    answers = zero_records(records, where=where)
    fitted = zero_fit(answers)
    place_of(fitted, zero)
    utility, se = placed(fitted, zero)
    low, high = utility - _Z * se, utility + _Z * se
    n = len(answers.items)
    counts = np.bincount(np.r_[answers.first, answers.second], minlength=n)[:n]
    table = pl.DataFrame(
        {
            "item": answers.items,
            "utility": utility,
            "se": se,
            "low": low,
            "high": high,
            "placed": np.where(low > 0, "above", np.where(high < 0, "below", "")),
            "rank": np.argsort(np.argsort(-utility, kind="stable")) + 1,
            "origin": answers.groups,
            "answers": counts,
        }
    ).sort("rank", "item")
    shares = below(fitted, zero, rng=np.random.default_rng(seed))
    apart = agreement(fitted)
    return FromZero(fitted, table, shares, apart, _summary(fitted, zero, shares, apart))


def _summary(
    fitted: ZeroFit, zero: str, shares: Sequence[Below], apart: Sequence[ZerosApart]
) -> dict[str, Any]:
    answers = fitted.answers
    at = place_of(fitted, zero)
    notes = []
    if not fitted.converged:
        notes.append("expectation propagation did not converge")
    return {
        "zero": zero,
        "items": len(answers.items),
        "answers": len(answers.said),
        "neither": int(((answers.said == 0) & (answers.third >= 0)).sum()),
        "indifferent": int(((answers.said == 0) & answers.threshold).sum()),
        "position_effect": fitted.effect,
        "position_effect_se": fitted.effect_se,
        "threshold": fitted.threshold,
        "tau": fitted.tau,
        "zeros": {
            name: float(fitted.mean[len(answers.items) + k] - fitted.mean[at])
            for k, name in enumerate(answers.zeros)
        },
        "below": [asdict(one) for one in shares],
        "agreement": [asdict(one) for one in apart],
        "notes": notes,
    }
