"""Concept vectors from two conditions over the same items.

Each item is put to the model under the positive and under the negative system prompt. With span
`completion` the model completes it first, under that prompt. The difference of the activations
at a selected token of the span, over items, is the direction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import torch

from harness.errors import UsageError
from harness.items.item import Item, text_hash
from harness.prompts.conditions import Condition
from harness.wire import Message
from steering_server.engine.completing import Completed, complete
from steering_server.engine.runner import Sizes
from steering_server.extraction.activations import Activations, SpanName, activations, sequence
from steering_server.extraction.chunks import Chunks, Plan, Tensors
from steering_server.model.conversation import render
from steering_server.model.models import Loaded
from steering_server.model.recorder import Selector
from steering_server.model.requests import ApiError
from steering_server.vectors.directions import METHODS, FittedMethod
from steering_server.vectors.reference import norm_errors, reference_norms
from steering_server.vectors.vectors import Norms

__all__ = ["Extracted", "Settings", "check_conditions", "extract", "fit", "items_hash", "plan_for"]

_SIDES = ("positive", "negative")


@dataclass(frozen=True)
class Settings:
    """What is extracted. `layers` increasing; `chunk` items are worked on at once."""

    positive: Condition
    negative: Condition
    selectors: tuple[Selector, ...]
    span: SpanName
    layers: tuple[int, ...]
    completion_tokens: int = 48
    temperature: float = 0.0
    seed: int = 0
    chunk: int = 8


@dataclass(frozen=True)
class Extracted:
    """Activations [items, selectors, layers, width] of both conditions, and norms.

    `norms` are the reference norms; `at_selector` [selectors, layers] the mean norm of the
    selected activations. `dropped` counts items with an empty completion under either condition.
    `errors` are standard errors of two of the norms over conversations; `paired` says whether the
    conditions have the same items.
    """

    positive: torch.Tensor
    negative: torch.Tensor
    norms: Norms
    at_selector: torch.Tensor
    dropped: int
    errors: Norms
    paired: bool = True

    @property
    def count(self) -> int:
        """Items used."""
        return len(self.positive)


def items_hash(items: Sequence[Item]) -> str:
    """Hash of the items' ids and texts, in order."""
    return text_hash("\n".join(f"{item.id} {item.hash}" for item in items))


def plan_for(loaded: Loaded, items: Sequence[Item], settings: Settings) -> Plan:
    """Identifies the work, for resuming."""
    return Plan(
        weights=loaded.weights,
        template=loaded.template,
        dtype=loaded.dtype_name,
        positive=text_hash(settings.positive.text),
        negative=text_hash(settings.negative.text),
        items=items_hash(items),
        span=settings.span,
        selectors=settings.selectors,
        layers=settings.layers,
        completion_tokens=settings.completion_tokens if settings.span == "completion" else 0,
        temperature=settings.temperature,
        seed=settings.seed,
        chunk=settings.chunk,
        system_as=loaded.style.system_as,
        template_options=msgspec.json.encode(loaded.style.options, order="sorted").decode(),
    )


def _messages(condition: Condition, item: Item) -> tuple[Message, ...]:
    system = (Message("system", condition.text),) if condition.text else ()
    return (*system, Message("user", item.text))


def _completions(
    loaded: Loaded, items: Sequence[Item], settings: Settings, sizes: Sizes
) -> list[list[Completed]]:
    """By condition, then item."""
    conditions = (settings.positive, settings.negative)
    turns = [_messages(condition, item) for condition in conditions for item in items]
    texts = complete(
        loaded,
        turns,
        max_tokens=settings.completion_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
        sizes=sizes,
    )
    return [texts[: len(items)], texts[len(items) :]]


def _chunk(loaded: Loaded, items: Sequence[Item], settings: Settings, sizes: Sizes) -> Tensors:
    """Activations of one chunk of items, as it is kept."""
    texts: list[list[Completed]] | None = None
    if settings.span == "completion":
        texts = _completions(loaded, items, settings, sizes)
    used = [
        index
        for index in range(len(items))
        if texts is None or all(side[index].text.strip() for side in texts)
    ]
    tensors: Tensors = {"dropped": torch.tensor(len(items) - len(used))}
    if not used:
        return tensors
    for number, side in enumerate(_SIDES):
        condition = (settings.positive, settings.negative)[number]
        found = _pass(
            loaded,
            [
                (items[index], None if texts is None else texts[number][index].tokens)
                for index in used
            ],
            condition.text or None,
            settings,
        )
        tensors |= {
            side: found.selected,
            f"{side}.norms": found.norms,
            f"{side}.first": found.first,
            f"{side}.last": found.last,
        }
    return tensors


def _pass(
    loaded: Loaded,
    texts: Sequence[tuple[Item, tuple[int, ...] | None]],
    system: str | None,
    settings: Settings,
) -> Activations:
    sequences = [
        sequence(loaded, system, item, completion, settings.span) for item, completion in texts
    ]
    with torch.inference_mode():
        return activations(loaded, sequences, selectors=settings.selectors, layers=settings.layers)


def extract(
    loaded: Loaded,
    items: Sequence[Item],
    settings: Settings,
    *,
    chunks: Chunks,
    sizes: Sizes,
    advance: Callable[[int], None] = lambda items: None,
) -> Extracted:
    """Gather activations of all items, chunk by chunk; finished chunks are not done again.

    `advance` is told how many items each chunk had. UsageError when fewer than two items are
    left.
    """
    done: list[Tensors] = []
    for number, at in enumerate(range(0, len(items), settings.chunk)):
        part = items[at : at + settings.chunk]
        tensors = chunks.read(number)
        if tensors is None:
            tensors = _chunk(loaded, part, settings, sizes)
            chunks.write(number, tensors)
        done.append(tensors)
        advance(len(part))
    used = [tensors for tensors in done if "positive" in tensors]
    dropped = sum(int(tensors["dropped"]) for tensors in done)
    if sum(len(tensors["positive"]) for tensors in used) < 2:
        raise UsageError(
            f"only {len(items) - dropped} of {len(items)} items were completed under both "
            "conditions; expected at least 2"
        )
    return _gather(used, settings.layers, dropped)


def check_conditions(loaded: Loaded, items: Sequence[Item], settings: Settings) -> None:
    """UsageError, before anything is completed, where the chat template refuses a condition, or an
    item is too long for its completion to fit."""
    new = settings.completion_tokens if settings.span == "completion" else 0
    for condition in (settings.positive, settings.negative):
        for item in items:
            try:
                prompt = render(loaded.tokenizer, _messages(condition, item), loaded.style)
            except ApiError as error:
                raise UsageError(f"condition {condition.name!r}: {error.message}") from error
            if len(prompt.tokens) + new > loaded.context:
                more = f" and {new} new ones" if new else ""
                raise UsageError(
                    f"item {item.id!r} has {len(prompt.tokens)} tokens under "
                    f"{condition.name!r}{more}; {loaded.id} takes {loaded.context}"
                )


def _gather(used: Sequence[Tensors], layers: Sequence[int], dropped: int) -> Extracted:
    positive, negative = (torch.cat([one[side] for one in used]) for side in _SIDES)
    norms, first, last = (
        torch.cat([one[f"{side}.{what}"] for one in used for side in _SIDES], dim=-1)
        for what in ("norms", "first", "last")
    )
    table = reference_norms(norms, first, last, layers)
    both = torch.cat([positive, negative])
    errors = norm_errors(norms, first, layers)
    return Extracted(positive, negative, table, both.norm(dim=-1).mean(0), dropped, errors)


def fit(
    extracted: Extracted, settings: Settings, method: FittedMethod
) -> list[dict[int, torch.Tensor]]:
    """Directions by selector, then layer; not yet of unit norm."""
    fitted = METHODS[method]
    found = []
    for number in range(len(settings.selectors)):
        by_layer: dict[int, torch.Tensor] = {}
        for index, layer in enumerate(settings.layers):
            positive, negative = (
                side[:, number, index].numpy().astype(np.float64)
                for side in (extracted.positive, extracted.negative)
            )
            by_layer[layer] = torch.from_numpy(fitted(positive, negative))
        found.append(by_layer)
    return found
