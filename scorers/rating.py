"""Records of a sample's ratings, from its log alone."""

import math
from typing import Any

import msgspec
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from harness.records.record import Record
from scorers.answers import settled_rows
from scorers.metrics import rating_metrics
from scorers.recording import answers, judgements_of, levels_of, table

__all__ = ["rating"]


@scorer(metrics=[rating_metrics()])
def rating(judge: bool | None = None, **options: Any) -> Scorer:
    """Read every reply of the sample as a rating.

    `Score.value` has the `mean_rating`, the mean `normalised` rating in [0, 1] (NaN where nothing
    was answered) and the share of `valid` answers; `Score.metadata["records"]` one record a
    question. Runs on an existing log too: `inspect score LOG --scorer rating`. `judge`: whether the
    model role `judge` settles what the rules leave open (see `scorers.answers`), by default where a
    log is scored afterwards; `options` are then those of `scorers.judging.JudgeOptions`.
    """

    async def score(state: TaskState, target: Target) -> Score:
        records, settled = await settled_rows(state, judge, options, scorer="rating")
        values = [record.value for record in records if record.value is not None]
        shares = [record.normalised for record in records if record.normalised is not None]
        return Score(
            value={
                "mean_rating": _mean(values),
                "normalised": _mean(shares),
                "valid": len(values) / len(records) if records else math.nan,
            },
            answer=answers([record.answer or record.outcome for record in records]),
            explanation=table(records, ("item", "repeat"), _shown),
            metadata={
                "records": [msgspec.to_builtins(record) for record in records],
                "levels": list(levels_of(state)),
                "judgements": judgements_of(state, settled),
            },
        )

    return score


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _shown(record: Record) -> tuple[str, ...]:
    return (record.item or "", str(record.repeat))
