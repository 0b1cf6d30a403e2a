"""From checked options to an Inspect task: what every eval of this project has in common."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import msgspec
from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample

from harness.errors import PenchantError, UsageError
from harness.items.item import Item
from harness.measuring.completer import COMPLETION_TOKENS
from harness.measuring.measure import Measure, default_tokens
from harness.measuring.money import Forecast
from harness.measuring.options import (
    ChoiceOptions,
    CompletionOptions,
    Options,
    RatingOptions,
)
from harness.measuring.plan import checked, completer_of, makes, measure_of, run_items
from harness.models.inspect_api import PrerequisiteError
from harness.pairs.presentations import pair_name, presentations
from harness.prompts.catalogue import get_template
from harness.prompts.labels import label_pair
from harness.where import SHELL_DIRECTORY
from scorers.completion import completion
from scorers.preference import preference
from scorers.rating import rating
from solvers.choose import choose
from solvers.complete import complete
from solvers.rate import rate

__all__ = [
    "block_id",
    "choice_task",
    "completion_task",
    "one_line",
    "rating_task",
    "shown_text",
    "task_metadata",
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
    options = checked(RatingOptions, given, task=task)
    form = get_template(template, kind="rating", base=SHELL_DIRECTORY)
    items = run_items(options)
    measure = measure_of(form, options, labels=form.labels)
    completer = completer_of(options, items) if measure.post else None
    samples = _item_samples(items, options.block)
    by_id = {item.id: item for item in items}
    asks = rate(measure, completer, by_id)
    return Task(
        dataset=MemoryDataset(samples, name=options.items),
        solver=[complete(completer, by_id), asks] if makes(completer) else asks,
        scorer=rating(),
        metadata=task_metadata(
            options,
            samples=len(samples),
            questions=len(items) * options.seeds,
            items=items,
            per_question=1,
            completes=makes(completer),
            measure=measure,
        ),
    )


@one_line
def choice_task(template: str, given: Mapping[str, Any], *, task: str) -> Task:
    """Choices between pairs of items in one template. `given` are the task's `-T` options."""
    options = checked(ChoiceOptions, given, task=task)
    form = get_template(template, kind="choice", base=SHELL_DIRECTORY)
    items = run_items(options)
    measure = measure_of(form, options, labels=label_pair(options.labels))
    completer = completer_of(options, items) if measure.post else None
    shown = presentations(options, items, task=task)
    samples = [
        Sample(
            id=block_id([pair_name(pair) for pair in block]),
            input=shown_text(
                [f"{first} | {second}" for pair in block for first, second, _ in pair]
            ),
            metadata={"presentations": [list(one) for pair in block for one in pair]},
        )
        for block in _blocks(shown, options.block)
    ]
    by_id = {item.id: item for item in items}
    asks = choose(measure, completer, by_id)
    used = {name for pair in shown for one in pair for name in one[:2]}
    return Task(
        dataset=MemoryDataset(samples, name=options.items),
        solver=[complete(completer, by_id), asks] if makes(completer) else asks,
        scorer=preference(),
        metadata=task_metadata(
            options,
            samples=len(samples),
            questions=sum(len(pair) for pair in shown) * options.seeds,
            items=[item for item in items if item.id in used],
            per_question=2,
            completes=makes(completer),
            measure=measure,
        ),
    )


@one_line
def completion_task(given: Mapping[str, Any], *, task: str) -> Task:
    """Completions of every item, for `-T completions=LOG` of the other evals."""
    options = checked(CompletionOptions, given, task=task)
    if options.completions != "self":
        raise UsageError(f"completions={options.completions!r} of {task}; it makes them itself")
    items = run_items(options)
    completer = completer_of(options, items)
    samples = _item_samples(items, options.block)
    by_id = {item.id: item for item in items}
    return Task(
        dataset=MemoryDataset(samples, name=options.items),
        solver=complete(completer, by_id, keep=True),
        scorer=completion(),
        metadata=task_metadata(
            options,
            samples=len(samples),
            questions=0,
            items=items,
            per_question=0,
            completes=True,
            measure=None,
        ),
    )


def _item_samples(items: Sequence[Item], block: int) -> list[Sample]:
    return [
        Sample(
            id=block_id([item.id for item in part]),
            input=shown_text([item.text for item in part]),
            metadata={"items": [item.id for item in part]},
        )
        for part in _blocks(items, block)
    ]


def _blocks(values: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def block_id(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]} ({len(names)})"


def shown_text(texts: Sequence[str]) -> str:
    """The sample's input as the log lists it: a short line a question."""
    if len(texts) == 1:
        return texts[0]
    return "\n".join(f"{number}. {_start(text)}" for number, text in enumerate(texts, start=1))


def _start(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79] + "…"


def task_metadata(
    options: Options,
    *,
    samples: int,
    questions: int,
    items: Sequence[Item],
    per_question: int,
    completes: bool,
    measure: Measure | None,
) -> dict[str, Any]:
    item_chars = sum(len(item.text) for item in items) / max(1, len(items))
    made = options.completion_max_tokens or COMPLETION_TOKENS
    question_chars = 0.0
    if measure is not None:
        wording = len(measure.template.questions[measure.timing]) + len(measure.condition.text)
        answered = made * 4 if measure.post else 0
        question_chars = wording + per_question * (item_chars + answered)
    forecast = Forecast(
        samples=samples,
        questions=questions,
        items=len(items),
        makes_completions=completes,
        question_chars=question_chars,
        item_chars=item_chars,
        question_output=None
        if measure is None
        else measure.options.measurement_max_tokens
        or default_tokens(measure.template, measure.options.response),
        completion_output=made,
        price=options.price,
    )
    return {"forecast": msgspec.to_builtins(forecast)}
