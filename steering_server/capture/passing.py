"""One pass over placed conversations, unsteered: what is kept of each span, and all norms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from harness.errors import UsageError
from steering_server.capture.placed import Placed, Span
from steering_server.engine.memory import is_out_of_memory
from steering_server.engine.prefill import forward, left_padded
from steering_server.model.hooks import Step
from steering_server.model.models import Loaded

__all__ = ["SELECTORS", "Selector", "Tensors", "Wanted", "capture"]

Tensors = dict[str, torch.Tensor]
Selector = Literal["first", "last", "mean", "all"]
SELECTORS: tuple[Selector, ...] = ("first", "last", "mean", "all")
"""Of a span: its first token, its last, the mean over it, or every token."""


@dataclass(frozen=True)
class Wanted:
    """What is kept: for each of `spans` each of `selectors` at each of `layers` (increasing), in
    `dtype`. `tokens` bounds the padded tokens of one pass, and with it the memory."""

    spans: tuple[Span, ...]
    selectors: tuple[Selector, ...]
    layers: tuple[int, ...]
    dtype: torch.dtype = torch.float32
    tokens: int = 4096


def capture(loaded: Loaded, placed: Sequence[Placed], wanted: Wanted) -> Tensors:
    """Tensors `SPAN.SELECTOR` [conversations, layers, width], `SPAN.all` [tokens, layers, width],
    `SPAN.length` [conversations] (tokens of each span), `norms` [layers, tokens] over all tokens
    in the order of the conversations, `first` and `last` [tokens] (which open and close one).

    UsageError where a conversation lacks a span, or does not fit in memory alone.
    """
    kept: dict[int, Tensors] = {}
    order = sorted(range(len(placed)), key=lambda index: len(placed[index].tokens))
    waiting = _passes([len(placed[index].tokens) for index in order], wanted.tokens)
    waiting = [[order[at] for at in part] for part in waiting]
    while waiting:
        part = waiting.pop()
        try:
            with torch.inference_mode():
                done = _run(loaded, [placed[index] for index in part], wanted)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if len(part) == 1:
                size = len(placed[part[0]].tokens)
                raise UsageError(
                    f"a conversation of {size} tokens does not fit in memory"
                ) from None
            waiting += [part[: len(part) // 2], part[len(part) // 2 :]]
            continue
        kept |= dict(zip(part, done, strict=True))
    return _gathered([kept[index] for index in range(len(placed))], wanted)


def _passes(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Indices of increasing `lengths`, split so that rows × longest stays within `most`."""
    parts: list[list[int]] = []
    for index, length in enumerate(lengths):
        if parts and (len(parts[-1]) + 1) * length <= most:
            parts[-1].append(index)
        else:
            parts.append([index])
    return parts


def _run(loaded: Loaded, placed: Sequence[Placed], wanted: Wanted) -> list[Tensors]:
    padded = left_padded(loaded, [one.tokens for one in placed])
    step = Step(keep=frozenset(wanted.layers))
    forward(loaded, padded.tokens, step, mask=padded.mask, positions=padded.positions)
    found = []
    for row, one in enumerate(placed):
        pad = padded.pads[row]
        hidden = torch.stack(
            [step.kept[layer][row, pad:].to("cpu", torch.float32) for layer in wanted.layers]
        )
        own: Tensors = {"norms": hidden.norm(dim=-1)}
        for span in wanted.spans:
            if span not in one.spans:
                raise UsageError(
                    f"no span {span!r} in a conversation; it has {', '.join(one.spans)}"
                )
            start, end = one.spans[span]
            part = hidden[:, start:end]
            reduced = {"first": part[:, 0], "last": part[:, -1], "mean": part.mean(1)}
            reduced["all"] = part.transpose(0, 1)
            for selector in wanted.selectors:
                # A copy, since a view would keep the whole conversation in memory.
                own[f"{span}.{selector}"] = reduced[selector].to(wanted.dtype, copy=True)
            own[f"{span}.length"] = torch.tensor(end - start)
        found.append(own)
    return found


def _gathered(kept: Sequence[Tensors], wanted: Wanted) -> Tensors:
    tensors: Tensors = {}
    for span in wanted.spans:
        for selector in wanted.selectors:
            name = f"{span}.{selector}"
            join = torch.cat if selector == "all" else torch.stack
            tensors[name] = join([one[name] for one in kept]).contiguous()
        tensors[f"{span}.length"] = torch.stack([one[f"{span}.length"] for one in kept])
    sizes = [one["norms"].shape[1] for one in kept]
    positions = [torch.arange(size) for size in sizes]
    tensors["norms"] = torch.cat([one["norms"] for one in kept], dim=1)
    tensors["first"] = torch.cat([position == 0 for position in positions])
    ends = zip(positions, sizes, strict=True)
    tensors["last"] = torch.cat([position == size - 1 for position, size in ends])
    return tensors
