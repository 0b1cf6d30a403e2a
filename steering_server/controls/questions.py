"""Pairs of items asked in both orders, with the tokens of each item in the prompt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import UsageError
from harness.items.item import Item
from harness.prompts.render import choice_messages
from harness.prompts.template import Template
from steering_server.capture.placed import rendered, tokens_between
from steering_server.model.models import Loaded
from steering_server.model.requests import ApiError

__all__ = ["Asked", "Question", "ask", "draw_pairs"]

Pair = tuple[Item, Item]


@dataclass(frozen=True)
class Asked:
    """One presentation: `item` and `other` are the tokens [start, end) of the item of interest and
    of the other one, `choices` the labels as tokens, the item of interest first."""

    tokens: tuple[int, ...]
    item: tuple[int, int]
    other: tuple[int, int]
    choices: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Question:
    """A pair in both orders: the item of interest shown first, and shown second."""

    first: Asked
    second: Asked


def draw_pairs(
    items: Sequence[Item], count: int, towards: str | None, rng: np.random.Generator
) -> list[Pair]:
    """`count` different pairs, the item of interest first: any item, or one of origin `towards`
    against one of another. UsageError where there are too few."""
    chosen = range(len(items))
    interest = [at for at in chosen if towards in (None, items[at].origin)]
    if not interest:
        known = ", ".join(dict.fromkeys(item.origin for item in items))
        raise UsageError(f"--towards {towards!r}; the items' origins are {known}")
    possible = [
        (one, other)
        for one in interest
        for other in chosen
        if (one != other if towards is None else items[other].origin != towards)
    ]
    found: dict[frozenset[int], Pair] = {}
    for at in rng.permutation(len(possible)):
        one, other = possible[at]
        found.setdefault(frozenset((one, other)), (items[one], items[other]))
        if len(found) == count:
            return list(found.values())
    raise UsageError(f"{len(found)} pairs; {count} were asked for (--pairs)")


def ask(
    loaded: Loaded, pair: Pair, template: Template, labels: tuple[str, str], system: str | None
) -> Question:
    """The question before the task, in both orders. UsageError where an item is not found exactly,
    or a label does not continue the prompt."""
    item, other = pair
    shown = _asked(loaded, template, (item, other), labels, system)
    turned = _asked(loaded, template, (other, item), labels, system)
    return Question(
        shown, Asked(turned.tokens, turned.other, turned.item, tuple(reversed(turned.choices)))
    )


def _asked(
    loaded: Loaded, template: Template, pair: Pair, labels: tuple[str, str], system: str | None
) -> Asked:
    where = f"{pair[0].id} vs {pair[1].id}"
    turns = choice_messages(
        template,
        response="plain",
        first=pair[0].text,
        second=pair[1].text,
        completion_first=None,
        completion_second=None,
        labels=labels,
        timing="pre",
        system=system,
    )
    prompt = rendered(loaded, turns, where=where)
    content = turns[-1].content.strip()
    at = prompt.text.rfind(content)
    if at < 0 or prompt.text.count(content) != 1:
        raise UsageError(f"{where}: the chat template of {loaded.id} changes the question's text")
    spans = []
    start = at
    for item in pair:
        opened = f">\n{item.text}\n</"
        start = prompt.text.index(opened, start) + 2
        end = start + len(item.text)
        spans.append(tokens_between(loaded, prompt, start, end, where))
        start = end
    try:
        choices = prompt.choices(labels)
    except ApiError as error:
        raise UsageError(f"{where}: {error.message}") from error
    assert choices is not None
    if len(prompt.tokens) + max(map(len, choices)) > loaded.context:
        raise UsageError(f"{where} has {len(prompt.tokens)} tokens; {loaded.id} takes fewer")
    return Asked(prompt.tokens, spans[0], spans[1], choices)
