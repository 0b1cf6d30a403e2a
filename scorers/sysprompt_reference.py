"""Whether completions refer to the system prompt under which they were written."""

from typing import Any

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from harness.prompts.judges import SYSPROMPT_REFERENCE
from scorers.completion_judging import judged_completions
from scorers.judge_metrics import judgement_metrics
from scorers.judging import read_judge_options

__all__ = ["sysprompt_reference"]


@scorer(metrics=[judgement_metrics()])
def sysprompt_reference(sysprompt: str | None = None, **options: Any) -> Scorer:
    """Judge whether each completion refers to its system prompt.

    The log names the prompt; `sysprompt` gives the file of one that is not built in. A completion
    without a system prompt has none to refer to. `options`: `scorers.judging.JudgeOptions`.
    """
    chosen = read_judge_options(options, scorer="sysprompt_reference")

    async def score(state: TaskState, target: Target) -> Score:
        return await judged_completions(
            state, SYSPROMPT_REFERENCE, chosen, sysprompt=sysprompt or ""
        )

    return score
