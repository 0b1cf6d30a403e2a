"""One batch of prompts through the model: last-token logits, and the cache to go on from.

This is the only place that runs prompts; scoring reads its logits, generation goes on from its
cache.
"""

from dataclasses import dataclass
from typing import Any

import torch

from steering_server.cache import RowCache
from steering_server.hooks import Step
from steering_server.models import Loaded
from steering_server.patches import patches
from steering_server.planning import Batch

__all__ = ["Prefilled", "forward", "prefill"]


@dataclass
class Prefilled:
    """`logits` [lanes, vocabulary] in fp32 for the token after each lane's prompt.

    With a cache: its rows are the lanes, and the lane's tokens start at column `pads[lane]`.
    """

    logits: torch.Tensor
    pads: list[int]
    cache: RowCache | None


def forward(
    loaded: Loaded,
    tokens: torch.Tensor,
    step: Step,
    *,
    mask: torch.Tensor | None = None,
    positions: torch.Tensor | None = None,
    cache: RowCache | None = None,
    keep: int = 1,
) -> torch.Tensor:
    """Logits [rows, keep, vocabulary] in fp32 of the last `keep` tokens (0: of all).

    `tokens` [rows, new], `mask` [rows, old + new] (None: nothing is padding), `positions`
    [rows, new]; `cache` holds the old tokens and takes the new ones.
    """
    named: dict[str, Any] = {"use_cache": cache is not None, "logits_to_keep": keep}
    named |= {"attention_mask": mask, "past_key_values": cache, "position_ids": positions}
    given = {name: value for name, value in named.items() if value is not None}
    with loaded.hooks.during(step):
        logits: torch.Tensor = loaded.model(input_ids=tokens, **given).logits
    return logits.float()


def _padded(loaded: Loaded, prompts: list[tuple[int, ...]], width: int) -> torch.Tensor:
    rows = [[loaded.pad] * (width - len(prompt)) + list(prompt) for prompt in prompts]
    return torch.tensor(rows, device=loaded.device)


def _record(batch: Batch, pads: list[int], step: Step) -> None:
    """Hand kept outputs to the recorders. Before the expansion, a prompt's row is its lanes'."""
    for index, lane in enumerate(batch.lanes):
        for recorder in (row.recorder for row in lane.rows if row.recorder is not None):
            recorder.restart()
            for layer in recorder.layers:
                hidden = step.kept[layer]
                parted = len(hidden) == len(batch.lanes)
                row = hidden[index if parted else lane.prompt]
                recorder.take(layer, row[pads[index] :], 0)


def prefill(loaded: Loaded, batch: Batch, *, keep_cache: bool, late: bool = True) -> Prefilled:
    """Run `batch`. `late` False expands before the first layer and shares no prefix: the plain
    batch that late expansion is measured against."""
    width = batch.width
    prompt_pads = [width - len(prompt) for prompt in batch.prompts]
    owner = [lane.prompt for lane in batch.lanes]
    pads = [prompt_pads[prompt] for prompt in owner]
    tokens = _padded(loaded, batch.prompts, width)
    row_of = torch.tensor(owner, device=loaded.device)
    parting = late and batch.expand_at is not None
    if not parting:
        tokens, prompt_pads = tokens[row_of], pads
    mask, positions = _mask(prompt_pads, width, loaded.device)
    tail = batch.tail if late else 0
    cache = RowCache(loaded.depth) if keep_cache or tail else None
    start = width - tail if tail else 0
    if tail:
        assert cache is not None
        forward(
            loaded,
            tokens[:, :start],
            Step(),
            mask=None if mask is None else mask[:, :start],
            positions=None if positions is None else positions[:, :start],
            cache=cache,
        )
        cache.expand_by(row_of)
    step = Step(
        patches=patches(
            [lane.additions for lane in batch.lanes],
            [pad - start for pad in pads],
            width - start,
            devices=loaded.devices,
            dtype=loaded.dtype,
        ),
        expand_at=batch.expand_at if parting else None,
        row_of=row_of if parting else None,
        keep=frozenset(
            layer for row in batch.rows if row.recorder for layer in row.recorder.layers
        ),
    )
    logits = forward(
        loaded,
        tokens[:, start:],
        step,
        mask=mask,
        positions=None if positions is None else positions[:, start:],
        cache=cache,
    )[:, -1]
    _record(batch, pads, step)
    if cache is not None and keep_cache and parting:
        cache.settle(row_of)
    return Prefilled(logits, pads, cache if keep_cache else None)


def _mask(
    pads: list[int], width: int, device: torch.device
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Attention mask and positions [rows, width] for left padding; None where there is none."""
    if not any(pads):
        return None, None
    column = torch.arange(width, device=device)
    positions = column - torch.tensor(pads, device=device)[:, None]
    return (positions >= 0).long(), positions.clamp(min=0)
