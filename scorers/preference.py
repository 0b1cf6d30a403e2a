"""Records of a sample's choices, from its log alone."""

import math
from typing import Any

import msgspec
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from harness.records.record import Record
from scorers.answers import settled_rows
from scorers.metrics import preference_metrics
from scorers.recording import answers, judgements_of, table

__all__ = ["preference"]


@scorer(metrics=[preference_metrics()])
def preference(judge: bool | None = None, **options: Any) -> Scorer:
    """Read every reply of the sample as a choice between two items.

    `Score.value` has the `first_choice_rate` (the mean probability of the first item where the
    read-out gives one; NaN where nothing was answered) and the share of `valid` answers;
    `Score.metadata["records"]` one record a question. Refused, disclaimed, invalid and failed
    questions count for neither item. `judge` and `options` as for `scorers.rating.rating`.
    """

    async def score(state: TaskState, target: Target) -> Score:
        records, settled = await settled_rows(state, judge, options, scorer="preference")
        firsts = [first for record in records if (first := _first(record)) is not None]
        return Score(
            value={
                "first_choice_rate": sum(firsts) / len(firsts) if firsts else math.nan,
                "valid": len(firsts) / len(records) if records else math.nan,
            },
            answer=answers([record.choice or record.outcome for record in records]),
            explanation=table(records, ("first", "second", "repeat"), _shown),
            metadata={
                "records": [msgspec.to_builtins(record) for record in records],
                "judgements": judgements_of(state, settled),
            },
        )

    return score


def _first(record: Record) -> float | None:
    if record.p_first is not None:
        return record.p_first
    return None if record.choice is None else float(record.choice == "first")


def _shown(record: Record) -> tuple[str, ...]:
    return (record.item_first or "", record.item_second or "", str(record.repeat))
