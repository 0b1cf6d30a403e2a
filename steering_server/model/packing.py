"""Lanes of one prompt that differ in their last tokens alone, side by side in one sequence.

Up to the layer at which they part, a prompt is one row. From there on the row is

    prompt | last tokens of lane 1 | of lane 2 | …

(the first lane keeps the prompt's own last tokens), under a mask in which each lane's tokens see
the tokens before them and their own lane's, never another lane's. So a sweep over the last token
costs one pass over the prompt and a few tokens more, and the weights are read once.
"""

import inspect
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from steering_server.model.planning import Batch

__all__ = ["Packing", "can_pack", "pack"]

_LONGEST = 1024
"""Columns up to which packing pays: the mask grows with their square, while the second pass over
the weights that packing saves weighs less and less beside the prompt."""


@dataclass(frozen=True, eq=False)
class Packing:
    """Where tokens stand once the lanes have parted; all prompts have the same columns.

    `source` [columns] is each column's column before, of `width`; `slot` [columns] says which
    lane's it is (−1: every lane's). Lane l is in row `prompt[l]`, its last tokens begin at column
    `offset[l]`; `ends` [slots] is the last column of each slot and `slot_of[l]` the slot of lane l.
    """

    width: int
    source: torch.Tensor
    slot: torch.Tensor
    prompt: torch.Tensor
    offset: torch.Tensor
    ends: torch.Tensor
    slot_of: torch.Tensor

    def spread(self, hidden: torch.Tensor) -> torch.Tensor:
        """`hidden` [prompts, width, d] with the lanes parted: [prompts, columns, d]."""
        return hidden.index_select(1, self.source.to(hidden.device))

    def argument(self, name: str, value: Any, hidden: torch.Tensor) -> Any:
        """An argument of a decoder layer, for the parted lanes of `hidden`.

        Positions and rotary embeddings go with their tokens; the mask keeps lanes apart.
        """
        if name == "attention_mask":
            return self._mask(value, hidden)
        if isinstance(value, tuple):
            return tuple(self.argument(name, part, hidden) for part in value)
        if isinstance(value, torch.Tensor) and value.ndim > 1 and value.shape[1] == self.width:
            return value.index_select(1, self.source.to(value.device))
        return value

    def _mask(self, mask: torch.Tensor | None, hidden: torch.Tensor) -> torch.Tensor:
        source = self.source.to(hidden.device)
        slot = self.slot.to(hidden.device)
        own = (slot == -1) | (slot[:, None] == slot)
        if mask is None:
            return (own & (source <= source[:, None]))[None, None]
        gathered = mask.index_select(-2, source).index_select(-1, source)
        if gathered.dtype == torch.bool:
            return gathered & own
        return gathered.masked_fill(~own, torch.finfo(gathered.dtype).min)


def can_pack(model: Any, layer: nn.Module, batch: Batch) -> bool:
    """Whether `batch` can be packed, and gains by it.

    The model has to hand mask and rotary positions to each layer; GPT-2, whose positions are in
    its input, holds on to the input's length.
    """
    arguments = inspect.signature(layer.forward).parameters
    lanes = max(Counter(lane.prompt for lane in batch.lanes).values())
    return (
        batch.tail > 0
        and not batch.common
        and batch.width + (lanes - 1) * batch.tail <= _LONGEST
        and model.config.get_text_config(decoder=True)._attn_implementation in ("sdpa", "eager")
        and {"attention_mask", "position_embeddings"} <= set(arguments)
    )


def pack(batch: Batch, device: torch.device) -> Packing:
    """The packing of `batch`, whose lanes differ in their last `batch.tail` tokens."""
    width, tail = batch.width, batch.tail
    seen: Counter[int] = Counter()
    slots = []
    for lane in batch.lanes:
        slots.append(seen[lane.prompt])
        seen[lane.prompt] += 1
    most = max(seen.values())
    start = width - tail
    columns = torch.arange(width + (most - 1) * tail, device=device)
    extra = (columns - width).clamp(min=0)
    slot_of = torch.tensor(slots, device=device)
    return Packing(
        width=width,
        source=torch.where(columns < width, columns, start + extra % tail),
        slot=torch.where(columns < start, -1, torch.where(columns < width, 0, 1 + extra // tail)),
        prompt=torch.tensor([lane.prompt for lane in batch.lanes], device=device),
        offset=start + slot_of * tail,
        ends=width - 1 + tail * torch.arange(most, device=device),
        slot_of=slot_of,
    )
