"""Which of two tasks a choose-and-complete reply really did."""

from typing import Any

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from harness.measuring.judging import Subject
from harness.prompts.judges import EXECUTED_TASK
from scorers.judge_metrics import judgement_metrics
from scorers.judging import judged_score, judgements, read_judge_options
from scorers.subjects import deeds_of, missing_text

__all__ = ["executed_task"]


@scorer(metrics=[judgement_metrics()])
def executed_task(**options: Any) -> Scorer:
    """Judge what the text after each label does: first, second, both, neither or refusal.

    `options`: `scorers.judging.JudgeOptions`. Only templates that complete after the choice have
    anything to judge.
    """
    chosen = read_judge_options(options, scorer="executed_task")

    async def score(state: TaskState, target: Target) -> Score:
        deeds = deeds_of(state)
        known = [one for one in deeds if one.first is not None and one.second is not None]
        subjects = [
            Subject(
                key=one.hash,
                parts={
                    "first_task": one.first or "",
                    "second_task": one.second or "",
                    "text": one.text,
                },
            )
            for one in known
        ]
        found = await judgements(EXECUTED_TASK, subjects, chosen)
        found += [
            missing_text("executed_task", one.hash, None) for one in deeds if one not in known
        ]
        replies = {f"{one.prompt_hash}#{one.repeat}": one.hash for one in deeds}
        return judged_score("executed_task", found, {"replies": replies})

    return score
