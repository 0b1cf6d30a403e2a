"""The attitude toward a topic that speaks from completions, which takes a judge."""

from typing import Any

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from harness.prompts.judges import ATTITUDE
from scorers.completion_judging import judged_completions
from scorers.judge_metrics import judgement_metrics
from scorers.judging import read_judge_options

__all__ = ["attitude"]


@scorer(metrics=[judgement_metrics()])
def attitude(topic: str = "mathematics", **options: Any) -> Scorer:
    """Judge each completion's attitude toward `topic` from -1 (hatred) to 1 (love).

    Without a model role `judge` nothing is scored, and the judgements say so: no list of words
    tells warmth. A text that is not coherent by rule has no attitude, whatever a judge would say,
    and is not shown to one. `options`: `scorers.judging.JudgeOptions`.
    """
    chosen = read_judge_options(options, scorer="attitude")

    async def score(state: TaskState, target: Target) -> Score:
        values = {"topic": topic}
        return await judged_completions(state, ATTITUDE, chosen, values=values, coherent=True)

    return score
