"""Metrics of a log: outcome rates and the first statistics, over every epoch.

They see unreduced scores, because an ordinary metric sees the first epoch's records alone.
Intervals and everything else are the report's (`penchant report`).
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl
from inspect_ai.scorer import Metric, SampleScore, metric

from harness.records.kept import Completion
from harness.records.record import Record, frame
from harness.stats.choices.position import position_content
from harness.stats.intervals import Bootstrap
from harness.stats.outcomes import outcome_rates
from harness.stats.ratings.distribution import kl_uniform, level_counts, modal_share
from harness.stats.ratings.icc import icc
from harness.stats.ratings.matrix import rating_matrix
from scorers.recording import as_metric, records_in

__all__ = ["completion_metrics", "preference_metrics", "rating_metrics"]

_NO_INTERVALS = Bootstrap(resamples=0)


@metric(scores="unreduced")
def rating_metrics() -> Metric:
    """Outcome rates, mean, modal share, KL from uniform (nats, ÷ ln K) and ICC(1,1) of ratings."""

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        records = records_in(scores)
        if not records:
            return {"questions": 0.0}
        table = frame(records)
        found = _outcomes(table)
        ratings = rating_matrix(table).values
        given = ratings[np.isfinite(ratings)]
        if not len(given):
            return found
        found["mean"] = float(given.mean())
        if _sampled(records):
            found["modal_share"] = modal_share(ratings)[1].estimate
            counts = level_counts(ratings, _levels(scores))
            kl = kl_uniform(counts, bootstrap=_NO_INTERVALS)
            found["kl_uniform"] = kl.nats.estimate
            found["kl_uniform_normalised"] = kl.normalised.estimate
            if ratings.shape[1] >= 2:
                found["icc_1_1"] = icc(ratings)["icc_1_1"].estimate
        return found

    return as_metric(compute)


@metric(scores="unreduced")
def preference_metrics() -> Metric:
    """Outcome rates, first-choice rate and, for pairs asked both ways, the position effect β."""

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        records = records_in(scores)
        if not records:
            return {"questions": 0.0}
        table = frame(records)
        found = _outcomes(table)
        if not found["answered"]:
            return found
        # Wordings and contexts are spread over pairs, both orders of a pair under one.
        drawn = ("wording", "context")
        effects = position_content(table, bootstrap=_NO_INTERVALS, factors=drawn)
        for name in ("first_choice_rate", "position_effect", "flip_rate"):
            if math.isfinite(effects[name].estimate):
                found[name] = effects[name].estimate
        return found

    return as_metric(compute)


@metric(scores="unreduced")
def completion_metrics() -> Metric:
    """Completions made, refused (by rule), truncated and failed, as shares of all."""

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        made = [
            msgspec.convert(kept, Completion)
            for score in scores
            for kept in (score.score.metadata or {}).get("completions", ())
        ]
        if not made:
            return {"completions": 0.0}
        return {
            "completions": float(len(made)),
            "refused": sum(one.refused for one in made) / len(made),
            "truncated": sum(one.truncated for one in made) / len(made),
            "failed": sum(one.error is not None for one in made) / len(made),
        }

    return as_metric(compute)


def _outcomes(table: pl.DataFrame) -> dict[str, float]:
    rates = outcome_rates(table)
    return {"questions": float(len(table))} | {
        name: estimate.estimate for name, estimate in rates.items()
    }


def _sampled(records: Sequence[Record]) -> bool:
    return all(record.readout == "sample" for record in records)


def _levels(scores: Sequence[SampleScore]) -> list[float]:
    return list((scores[0].score.metadata or {})["levels"])
