"""What a run will do, whole and checked, before there is an Inspect task: the same reckoning for
evals, studies, notebooks and the pilot.

    -T options → checked → items, measure, completer → samples, counts, forecast
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec
import numpy as np

from harness.errors import UsageError
from harness.items.item import Item
from harness.items.open_questions import open_questions
from harness.items.optout import OPTOUT
from harness.measuring.checked import checked, completer_of, makes, measure_of, run_items
from harness.measuring.completer import Completer
from harness.measuring.forecast import Forecast, forecast_of
from harness.measuring.ingredients import ingredients_of
from harness.measuring.measure import Measure
from harness.measuring.options import (
    ChoiceOptions,
    CompletionOptions,
    OpenOptions,
    Options,
    RatingOptions,
)
from harness.pairs.balance import Balance, Levels, spread_items
from harness.pairs.optout import optout_pairs
from harness.pairs.presentations import Shown, pair_name, presentations
from harness.prompts.catalogue import get_template
from harness.prompts.labels import label_pair
from harness.where import SHELL_DIRECTORY

__all__ = [
    "ALWAYS_OPEN",
    "Plan",
    "PlannedSample",
    "choice_plan",
    "completion_plan",
    "item_samples",
    "open_plan",
    "pair_sample",
    "rating_plan",
]

ALWAYS_OPEN = ("attitude", "coherence")
"""What of answers to open questions is judged whatever the options say."""

T = TypeVar("T")

_LINE = 60
"""Characters of a question's texts in the listing of a sample."""

_FORMULA = re.compile(r"(\$(?!\s)[^$]*(?<!\s)\$(?!\d))|\$")
"""A formula, or else a dollar sign that would open one which runs on into the next line."""


@dataclass(frozen=True)
class PlannedSample:
    """One Inspect sample to be: `input` is what a log lists, `metadata` what its solvers read."""

    id: str
    input: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """A run with everything checked that can be told wrong before a call.

    `items` are those of the run by id. `measure` is None where items are only completed,
    `completer` where they are not completed at all (pre-task questions). `samples` are all, or an
    adaptive campaign's first.
    """

    options: Options
    items: Mapping[str, Item]
    measure: Measure | None
    completer: Completer | None
    samples: Sequence[PlannedSample]
    forecast: Forecast

    @property
    def completes(self) -> Completer | None:
        """Who makes completions in this run; None where they are given or not wanted."""
        return self.completer if makes(self.completer) else None

    @property
    def ingredients(self) -> dict[str, str]:
        """What a resumed run must have in common with this one; see `ingredients_of`."""
        samples = [one.metadata for one in self.samples]
        return ingredients_of(self.items.values(), self.measure, self.completer, samples)


def rating_plan(template: str, given: Mapping[str, Any], *, task: str) -> Plan:
    """Ratings of every item in one template. `given` are the task's `-T` options."""
    options = checked(RatingOptions, given, task=task)
    form = get_template(template, kind="rating", base=SHELL_DIRECTORY)
    items = run_items(options)
    measure = measure_of(form, options, labels=form.labels)
    names = [item.id for item in items]
    starts = None
    if measure.variants.drawn:
        rng = np.random.default_rng((options.sample_seed, 16))
        starts = dict(zip(names, spread_items(names, measure.variants.sizes, rng), strict=True))
    samples = item_samples(items, options.block, starts=starts)
    questions = len(items) * options.seeds
    return _plan(options, items, measure, samples, questions=questions)


def choice_plan(template: str, given: Mapping[str, Any], *, task: str) -> Plan:
    """Choices between pairs of items in one template. `given` are the task's `-T` options."""
    options = checked(ChoiceOptions, given, task=task)
    form = get_template(template, kind="choice", base=SHELL_DIRECTORY)
    items = run_items(options)
    measure = measure_of(form, options, labels=form.choice_labels(label_pair(options.labels)))
    shown = presentations(
        options.pairs,
        [item.id for item in items],
        orders=options.orders,
        seed=options.sample_seed,
        base=SHELL_DIRECTORY,
        task=task,
        origins=[item.origin for item in items],
    )
    by_id = {item.id: item for item in items}
    against = _against(options, shown, items)
    used = {name for pair in shown for one in pair for name in one[:2]}
    with_out = by_id | {one.id: one for one in OPTOUT} if against else by_id
    samples = [
        *_pair_samples(shown, measure, by_id, options),
        *_pair_samples(against, measure, with_out, options, zero="optout"),
    ]
    plan = _plan(
        options,
        items,
        measure,
        samples,
        questions=sum(len(pair) for pair in (*shown, *against)) * options.seeds,
        asked=[item for item in items if item.id in used],
    )
    return replace(plan, items=with_out)


def _against(
    options: ChoiceOptions, shown: Sequence[Sequence[Shown]], items: Sequence[Item]
) -> list[list[Shown]]:
    """Pairs with the opt-out, a share `optout` of the questions."""
    count = round(options.optout * sum(len(pair) for pair in shown))
    if not options.optout:
        return []
    rng = np.random.default_rng((options.sample_seed, 17))
    return optout_pairs([item.id for item in items], max(2, count), rng)


def completion_plan(given: Mapping[str, Any], *, task: str) -> Plan:
    """Completions of every item, for `-T completions=LOG` of the other evals."""
    options = checked(CompletionOptions, given, task=task)
    if options.completions != "self":
        raise UsageError(f"completions={options.completions!r} of {task}; it makes them itself")
    items = run_items(options)
    samples = item_samples(items, options.block)
    return _plan(options, items, None, samples, questions=0)


def open_plan(given: Mapping[str, Any], *, task: str) -> Plan:
    """Answers to open questions about a topic."""
    for name in ("items", "per_origin", "sample_seed", "completions"):
        if given.get(name) is not None:
            raise UsageError(f"{name}={given[name]!r} of {task}; its items are its questions")
    options = checked(OpenOptions, given, task=task)
    items = open_questions(options.questions, options.topic, base=SHELL_DIRECTORY)
    samples = item_samples(items, options.block)
    plan = _plan(
        options, items, None, samples, questions=0, always=ALWAYS_OPEN
    )  # fmt: skip
    answers = msgspec.structs.replace(
        plan.forecast,
        items=len(items) * options.seeds,
        completions_each=options.seeds,
        judged=tuple(
            msgspec.structs.replace(one, calls=one.calls * options.seeds)
            for one in plan.forecast.judged
        ),
    )
    return replace(plan, forecast=answers)


def _plan(
    options: Options,
    items: Sequence[Item],
    measure: Measure | None,
    samples: Sequence[PlannedSample],
    *,
    questions: int,
    asked: Sequence[Item] | None = None,
    always: Sequence[str] = (),
) -> Plan:
    """`asked` are the items that questions show, by default all; `always` kinds that are judged."""
    completer = completer_of(options, items) if measure is None or measure.post else None
    forecast = forecast_of(
        options,
        items if asked is None else asked,
        measure,
        samples=len(samples),
        questions=questions,
        completer=completer if makes(completer) else None,
        always=always,
    )
    by_id = {item.id: item for item in items}
    return Plan(options, by_id, measure, completer, samples, forecast)


def item_samples(
    items: Sequence[Item], block: int, *, starts: Mapping[str, Levels] | None = None
) -> list[PlannedSample]:
    """Samples of up to `block` items each; `starts` are the levels of each item's first repeat."""
    found = []
    for part in _blocks(items, block):
        metadata: dict[str, Any] = {"items": [item.id for item in part]}
        if starts is not None:
            metadata["variants"] = [starts[item.id] for item in part]
        found.append(
            PlannedSample(
                id=_block_id([item.id for item in part]),
                input=_listing([(item.id, [item.text]) for item in part]),
                metadata=metadata,
            )
        )
    return found


def _pair_samples(
    shown: Sequence[Sequence[Shown]],
    measure: Measure,
    items: Mapping[str, Item],
    options: ChoiceOptions,
    *,
    zero: str | None = None,
) -> list[PlannedSample]:
    blocks = _blocks(shown, options.block)
    if not measure.variants.drawn:
        return [pair_sample(block, items, zero=zero) for block in blocks]
    rng = np.random.default_rng((options.sample_seed, 16))
    levels = Balance(measure.variants.sizes).assign(shown, rng)
    return [
        pair_sample(block, items, levels=own, zero=zero)
        for block, own in zip(blocks, _blocks(levels, options.block), strict=True)
    ]


def pair_sample(
    pairs: Sequence[Sequence[Shown]],
    items: Mapping[str, Item],
    *,
    prefix: str = "",
    drawn: str | None = None,
    levels: Sequence[Sequence[Levels]] | None = None,
    zero: str | None = None,
) -> PlannedSample:
    """A sample of some pairs, each in all orders it is asked in.

    `items` by id are those of the pairs. `prefix` begins its id; `drawn` says how its pairs came
    about (`initial`, `reserve`, `selected`), for the record; `levels` the wording and context of
    each presentation's first repeat; `zero` says that one of each pair is no item (`optout`).
    """
    metadata: dict[str, Any] = {"presentations": [list(one) for pair in pairs for one in pair]}
    if drawn is not None:
        metadata["drawn"] = drawn
    if zero is not None:
        metadata["zero"] = zero
    if levels is not None:
        metadata["variants"] = [one for pair in levels for one in pair]
    return PlannedSample(
        id=prefix + _block_id([pair_name(pair) for pair in pairs]),
        input=_listing(
            [
                (f"{first} vs {second}", [items[first].text, items[second].text])
                for pair in pairs
                for first, second, _ in pair
            ]
        ),
        metadata=metadata,
    )


def _blocks(values: Sequence[T], size: int) -> list[Sequence[T]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def _block_id(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]} ({len(names)})"


def _listing(questions: Sequence[tuple[str, Sequence[str]]]) -> str:
    """The sample's input as a log lists it: numbered, one line a question, its texts shortened.

    A question is its name and the texts of its items. The viewer takes the input for Markdown and,
    where it cuts a long one short, joins the lines of a list: these are lines of one paragraph.
    """
    if len(questions) == 1:
        [(name, texts)] = questions
        return texts[0] if len(texts) == 1 else f"{name}: {_starts(texts)}"
    return "\n".join(
        f"{number} · {' '.join(name.split())}: {_starts(texts)}"
        for number, (name, texts) in enumerate(questions, start=1)
    )


def _starts(texts: Sequence[str]) -> str:
    return " | ".join(_start(text, _LINE // len(texts)) for text in texts)


def _start(text: str, width: int) -> str:
    line = " ".join(text.split())
    if len(line) > width:
        whole = line[:width].rpartition(" ")[0]
        line = f"{whole} …" if len(whole) > width // 2 else line[: width - 1] + "…"
    return _FORMULA.sub(lambda found: found[1] or "$ ", line.replace("`", "'"))
