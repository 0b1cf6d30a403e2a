"""Whether completions are language: by statistics, and by the judges of the run's roles."""

from typing import Any

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from harness.prompts.judges import COHERENCE
from scorers.completion_judging import judged_completions
from scorers.judge_metrics import judgement_metrics
from scorers.judging import read_judge_options

__all__ = ["coherence"]


@scorer(metrics=[judgement_metrics()])
def coherence(**options: Any) -> Scorer:
    """Judge each completion of the sample from 0 (gibberish) to 1.

    Without a model role `judge` the statistics alone decide. `options`:
    `scorers.judging.JudgeOptions`.
    """
    chosen = read_judge_options(options, scorer="coherence")

    async def score(state: TaskState, target: Target) -> Score:
        return await judged_completions(state, COHERENCE, chosen)

    return score
