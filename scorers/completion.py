"""Completions of a run of evals/completions.py, counted."""

import math

import msgspec
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from harness.errors import UsageError
from harness.models.sample_limit import ended_by
from harness.records.kept import Completion
from scorers.metrics import completion_metrics

__all__ = ["completion"]


@scorer(metrics=[completion_metrics()])
def completion() -> Scorer:
    """Count made, refused and failed completions of the sample.

    `Score.metadata["completions"]` holds them (`harness.records.kept.Completion`),
    refusals as the rule-based detector sees them.
    """

    async def score(state: TaskState, target: Target) -> Score:
        kept = (state.output.metadata or {}).get("completions")
        if kept is None:
            if (limit := ended_by()) is not None:
                raise UsageError(f"{limit} ended the sample before its items were completed")
            raise ValueError("this sample holds no completions: was it evals/completions.py?")
        made = [one for one in msgspec.convert(kept, list[Completion]) if one.error is None]
        judged = [msgspec.to_builtins(one.judgement()) for one in made]
        return Score(
            value={
                "made": len(made) / len(kept) if kept else math.nan,
                "refused": sum(one.refused for one in made) / len(made) if made else math.nan,
            },
            metadata={"completions": kept, "judgements": judged},
        )

    return score
