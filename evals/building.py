"""From a plan to an Inspect task: what every eval of this project has in common."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import msgspec
from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import Scorer
from inspect_ai.solver import Solver

from harness.errors import PenchantError
from harness.measuring.judge import JudgeSettings, judge_settings
from harness.measuring.judge_calls import run_kinds
from harness.measuring.options import OpenOptions, Options
from harness.measuring.plan import (
    ALWAYS_OPEN,
    Plan,
    PlannedSample,
    choice_plan,
    completion_plan,
    open_plan,
    rating_plan,
)
from harness.models.inspect_api import PrerequisiteError
from harness.prompts.conditions import CONDITIONS
from scorers.attitude import attitude
from scorers.coherence import coherence
from scorers.completion import completion
from scorers.executed_task import executed_task
from scorers.preference import preference
from scorers.rating import rating
from scorers.refusal import refusal
from scorers.sysprompt_reference import sysprompt_reference
from solvers.answer import answer
from solvers.choose import choose
from solvers.complete import complete
from solvers.rate import rate

__all__ = [
    "answer_judging",
    "choice_task",
    "completion_task",
    "judging",
    "metadata_of",
    "one_line",
    "open_task",
    "rating_task",
    "sample_of",
    "solvers_of",
]

P = ParamSpec("P")


def one_line(build: Callable[P, Task]) -> Callable[P, Task]:
    """Turn our errors into the kind that Inspect shows as one line, without a traceback."""

    @wraps(build)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Task:
        try:
            return build(*args, **kwargs)
        except PenchantError as error:
            raise PrerequisiteError(f"penchant: {error}") from None

    return guarded


@one_line
def rating_task(template: str, given: Mapping[str, Any], *, task: str) -> Task:
    """Ratings of every item in one template. `given` are the task's `-T` options."""
    plan = rating_plan(template, given, task=task)
    assert plan.measure is not None
    asks = rate(plan.measure, plan.completer, plan.items)
    return _task(plan, asks, rating(**answer_judging(plan)))


@one_line
def choice_task(template: str, given: Mapping[str, Any], *, task: str) -> Task:
    """Choices between pairs of items in one template. `given` are the task's `-T` options."""
    plan = choice_plan(template, given, task=task)
    assert plan.measure is not None
    asks = choose(plan.measure, plan.completer, plan.items)
    return _task(plan, asks, preference(**answer_judging(plan)))


@one_line
def completion_task(given: Mapping[str, Any], *, task: str) -> Task:
    """Completions of every item, for `-T completions=LOG` of the other evals."""
    plan = completion_plan(given, task=task)
    assert plan.completer is not None
    return Task(
        dataset=_dataset(plan),
        solver=complete(plan.completer, plan.items, keep=True),
        scorer=[completion(), *judging(plan)],
        metadata=metadata_of(plan),
    )


@one_line
def open_task(given: Mapping[str, Any], *, task: str) -> Task:
    """Answers to open questions, whose attitude and coherence are always judged."""
    plan = open_plan(given, task=task)
    assert plan.completer is not None
    assert isinstance(plan.options, OpenOptions)
    return Task(
        dataset=_dataset(plan),
        solver=answer(plan.completer, plan.options, plan.items),
        scorer=[completion(), *judging(plan, ALWAYS_OPEN)],
        metadata=metadata_of(plan),
    )


def judging(plan: Plan, always: Sequence[str] = ()) -> list[Scorer]:
    """Scorers that judge what the run completes: `always`, and those its option `judges` names.

    Where a question is followed by the task itself, what was done is always judged.
    """
    options = plan.options
    kinds = run_kinds(options, plan.measure, always)
    given = _given_settings(options)
    made: list[Scorer] = []
    for kind in kinds:
        own: dict[str, Any] = dict(given)
        if kind == "attitude":
            own["topic"] = options.topic
        if kind == "sysprompt_reference" and options.completion_sysprompt not in CONDITIONS:
            own["sysprompt"] = options.completion_sysprompt
        made.append(_JUDGING[kind](**own))
    return made


def answer_judging(plan: Plan) -> dict[str, Any]:
    """Arguments of the scorer that reads answers: whether a judge settles the open ones."""
    settles = bool(getattr(plan.options, "answer_judge", False))
    return {"judge": settles, **(_given_settings(plan.options) if settles else {})}


def _given_settings(options: Options) -> dict[str, Any]:
    """The judges' settings that differ from the defaults, so that the log names those alone."""
    plain = msgspec.structs.asdict(JudgeSettings())
    given = msgspec.structs.asdict(judge_settings(options))
    return {name: value for name, value in given.items() if value != plain[name]}


_JUDGING: dict[str, Callable[..., Scorer]] = {
    "refusal": refusal,
    "attitude": attitude,
    "coherence": coherence,
    "sysprompt_reference": sysprompt_reference,
    "executed_task": executed_task,
}


def solvers_of(plan: Plan, asks: Solver) -> Solver | list[Solver]:
    """Complete first where the run makes its completions itself, then ask."""
    if plan.completes is None:
        return asks
    before = None if plan.measure is None else plan.measure.askable
    return [complete(plan.completes, plan.items, before=before), asks]


def sample_of(planned: PlannedSample) -> Sample:
    """A planned sample as Inspect's."""
    return Sample(id=planned.id, input=planned.input, metadata=dict(planned.metadata))


def _task(plan: Plan, asks: Solver, scorer: Scorer) -> Task:
    return Task(
        dataset=_dataset(plan),
        solver=solvers_of(plan, asks),
        scorer=[scorer, *judging(plan)],
        metadata=metadata_of(plan),
    )


def _dataset(plan: Plan) -> MemoryDataset:
    return MemoryDataset([sample_of(one) for one in plan.samples], name=plan.options.items)


def metadata_of(plan: Plan) -> dict[str, Any]:
    """What a log's header says of the plan: the forecast, and what was asked, as hashes."""
    return {"forecast": msgspec.to_builtins(plan.forecast), "ingredients": plan.ingredients}
