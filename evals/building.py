"""From a plan to an Inspect task: what every eval of this project has in common."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec

import msgspec
from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import Scorer
from inspect_ai.solver import Solver

from harness.errors import PenchantError
from harness.measuring.plan import Plan, PlannedSample, choice_plan, completion_plan, rating_plan
from harness.models.inspect_api import PrerequisiteError
from scorers.completion import completion
from scorers.preference import preference
from scorers.rating import rating
from solvers.choose import choose
from solvers.complete import complete
from solvers.rate import rate

__all__ = [
    "choice_task",
    "completion_task",
    "metadata_of",
    "one_line",
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
    return _task(plan, rate(plan.measure, plan.completer, plan.items), rating())


@one_line
def choice_task(template: str, given: Mapping[str, Any], *, task: str) -> Task:
    """Choices between pairs of items in one template. `given` are the task's `-T` options."""
    plan = choice_plan(template, given, task=task)
    assert plan.measure is not None
    return _task(plan, choose(plan.measure, plan.completer, plan.items), preference())


@one_line
def completion_task(given: Mapping[str, Any], *, task: str) -> Task:
    """Completions of every item, for `-T completions=LOG` of the other evals."""
    plan = completion_plan(given, task=task)
    assert plan.completer is not None
    return Task(
        dataset=_dataset(plan),
        solver=complete(plan.completer, plan.items, keep=True),
        scorer=completion(),
        metadata=metadata_of(plan),
    )


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
        scorer=scorer,
        metadata=metadata_of(plan),
    )


def _dataset(plan: Plan) -> MemoryDataset:
    return MemoryDataset([sample_of(one) for one in plan.samples], name=plan.options.items)


def metadata_of(plan: Plan) -> dict[str, Any]:
    """What a log's header says of the plan: the forecast, and what was asked, as hashes."""
    return {"forecast": msgspec.to_builtins(plan.forecast), "ingredients": plan.ingredients}
