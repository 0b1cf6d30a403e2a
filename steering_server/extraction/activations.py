"""Residual activations of given texts: at selected tokens of a span, and norms of all tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from harness.errors import UsageError
from harness.items.item import Item
from harness.wire import Message
from steering_server.engine.prefill import forward, left_padded
from steering_server.model.conversation import render
from steering_server.model.hooks import Step
from steering_server.model.locating import system_end
from steering_server.model.models import Loaded
from steering_server.model.recorder import Selector

__all__ = ["Activations", "SpanName", "Spanned", "activations", "sequence"]

SpanName = Literal["prompt", "completion", "item", "turn_end", "differing"]
"""Of a conversation of system prompt, item and completion: `prompt` or `completion` alone."""


@dataclass(frozen=True)
class Spanned:
    """Tokens of a whole conversation, and the span [start, end) that selectors refer to."""

    tokens: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Activations:
    """Of a batch of sequences.

    `selected` [sequences, selectors, layers, width], fp32; `norms` [layers, tokens] over the
    tokens of all sequences; `first` and `last` [tokens] say which tokens open and close one.
    """

    selected: torch.Tensor
    norms: torch.Tensor
    first: torch.Tensor
    last: torch.Tensor


def sequence(
    loaded: Loaded,
    system: str | None,
    item: Item,
    completion: tuple[int, ...] | None,
    span: SpanName,
) -> Spanned:
    """The conversation system, item, completion; the span is the item's turn or the completion.

    The completion is the tokens that the model generated, after the very prompt it was given:
    rendered anew, a template may change what stands before.

    The span `prompt` runs from the end of the system prompt to the last token before the reply;
    without a completion the sequence ends there. UsageError for what is longer than the context:
    beyond it some models answer otherwise, and so do the rows beside it.
    """
    before = () if system is None else (Message("system", system),)
    asked = (*before, Message("user", item.text))
    prompt = render(loaded.tokenizer, asked, loaded.style)
    tokens = prompt.tokens + (completion or ())
    if len(tokens) > loaded.context:
        raise UsageError(
            f"item {item.id!r} has {len(tokens)} tokens; {loaded.id} takes {loaded.context}"
        )
    if span == "completion":
        start, end = len(prompt.tokens), len(tokens)
    else:
        start = system_end(loaded.tokenizer, before, prompt.tokens, loaded.style)
        end = len(prompt.tokens)
    return Spanned(tokens, min(start, end - 1), end)


def activations(
    loaded: Loaded,
    sequences: Sequence[Spanned],
    *,
    selectors: Sequence[Selector],
    layers: Sequence[int],
) -> Activations:
    """One pass over `sequences`, unsteered."""
    batch = left_padded(loaded, [one.tokens for one in sequences])
    step = Step(keep=frozenset(layers))
    forward(loaded, batch.tokens, step, mask=batch.mask, positions=batch.positions)
    selected, norms, first, last = [], [], [], []
    for row, one in enumerate(sequences):
        pad = batch.pads[row]
        hidden = torch.stack(
            [step.kept[layer][row, pad:].to("cpu", torch.float32) for layer in layers]
        )
        span = hidden[:, one.start : one.end]
        reduced = {"first": span[:, 0], "last": span[:, -1], "mean": span.mean(1)}
        selected.append(torch.stack([reduced[selector] for selector in selectors]))
        norms.append(hidden.norm(dim=-1))
        position = torch.arange(len(one.tokens))
        first.append(position == 0)
        last.append(position == len(one.tokens) - 1)
    return Activations(
        torch.stack(selected), torch.cat(norms, dim=1), torch.cat(first), torch.cat(last)
    )
