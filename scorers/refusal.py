"""Whether completions refuse their items: by rule, and by the judges of the run's roles."""

from typing import Any

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from harness.prompts.judges import REFUSAL
from scorers.completion_judging import judged_completions
from scorers.judge_metrics import judgement_metrics
from scorers.judging import read_judge_options

__all__ = ["refusal"]


@scorer(metrics=[judgement_metrics()])
def refusal(**options: Any) -> Scorer:
    """Judge each completion of the sample: content_policy, ethical, capability, ambiguous or none.

    Without a model role `judge` the rule alone decides. `options`: `scorers.judging.JudgeOptions`.

        inspect score LOG --scorer refusal --action append --overwrite --model-role judge=MODEL
    """
    chosen = read_judge_options(options, scorer="refusal")

    async def score(state: TaskState, target: Target) -> Score:
        return await judged_completions(state, REFUSAL, chosen)

    return score
