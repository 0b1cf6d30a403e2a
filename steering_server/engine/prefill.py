"""One batch of prompts through the model: last-token logits, and the cache to go on from.

This is the only place that runs prompts; scoring reads its logits, generation goes on from its
cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from steering_server.engine.cache import RowCache
from steering_server.model.hooks import Step, columns_at_least
from steering_server.model.models import Loaded
from steering_server.model.packing import can_pack, pack
from steering_server.model.patches import note_survival, patches
from steering_server.model.planning import Batch
from steering_server.model.work import Addition

__all__ = ["Padded", "Prefilled", "forward", "left_padded", "prefill"]


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
    keep: int | torch.Tensor = 1,
) -> torch.Tensor:
    """Logits [rows, keep, vocabulary] in fp32 of the last `keep` tokens (0: of all; a tensor: of
    these columns, where `step.read` says how far from the end they reach).

    `tokens` [rows, new], `mask` [rows, old + new] (None: nothing is padding), `positions`
    [rows, new]; `cache` holds the old tokens and takes the new ones.
    """
    one = isinstance(keep, int) and keep == 1
    if one and loaded.depth - 1 not in step.keep:
        step.read = 1
    columns = _last_columns(tokens, step) if one else keep
    named: dict[str, Any] = {"use_cache": cache is not None, "logits_to_keep": columns}
    named |= {"attention_mask": mask, "past_key_values": cache, "position_ids": positions}
    given = {name: value for name, value in named.items() if value is not None}
    with loaded.hooks.during(step):
        logits: torch.Tensor = loaded.model(input_ids=tokens, **given).logits
    return (logits[:, -1:] if one else logits).float()


def _last_columns(tokens: torch.Tensor, step: Step) -> torch.Tensor | int:
    """Which columns to take logits of, to read the last.

    On a CPU as many as `columns_at_least` says of the rows that the pass ends with, as an index: a
    slice would be multiplied row by row, each time reading all of the vocabulary's weights.
    """
    rows, width = tokens.shape
    if tokens.device.type != "cpu" or width == 1:
        return 1
    rows = rows if step.row_of is None else len(step.row_of)
    return torch.arange(max(0, width - columns_at_least(rows)), width)


@dataclass(frozen=True)
class Padded:
    """Prompts side by side: `tokens`, `mask` and `positions` [rows, width]; row r starts at column
    `pads[r]`. Mask and positions are None where nothing is padded."""

    tokens: torch.Tensor
    mask: torch.Tensor | None
    positions: torch.Tensor | None
    pads: list[int]

    def part(self, start: int, end: int) -> "Padded":
        """The columns [start, end); the mask keeps those before, which stay attended."""
        return Padded(
            self.tokens[:, start:end],
            None if self.mask is None else self.mask[:, :end],
            None if self.positions is None else self.positions[:, start:end],
            self.pads,
        )


def left_padded(loaded: Loaded, prompts: Sequence[tuple[int, ...]]) -> Padded:
    """Prompts right-aligned to the longest."""
    width = max(len(prompt) for prompt in prompts)
    pads = [width - len(prompt) for prompt in prompts]
    rows = [[loaded.pad] * pad + list(one) for pad, one in zip(pads, prompts, strict=True)]
    tokens = torch.tensor(rows, device=loaded.device)
    if not any(pads):
        return Padded(tokens, None, None, pads)
    column = torch.arange(width, device=loaded.device)
    positions = column - torch.tensor(pads, device=loaded.device)[:, None]
    return Padded(tokens, (positions >= 0).long(), positions.clamp(min=0), pads)


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


def _run(loaded: Loaded, part: Padded, step: Step, cache: RowCache | None) -> torch.Tensor:
    """Logits [rows, vocabulary] of the last column of `part`."""
    return forward(
        loaded, part.tokens, step, mask=part.mask, positions=part.positions, cache=cache
    )[:, -1]


def _step(loaded: Loaded, batch: Batch, pads: list[int], start: int, late: bool) -> Step:
    """What the pass over the columns from `start` on does. `late`: lanes part at `expand_at`."""
    kept = (row.recorder for row in batch.rows if row.recorder is not None)
    found = patches(
        [lane.additions for lane in batch.lanes],
        [pad - start for pad in pads],
        batch.width - start,
        devices=loaded.devices,
    )
    owner = [lane.prompt for lane in batch.lanes]
    return Step(
        patches=found,
        expand_at=batch.expand_at if late else None,
        row_of=torch.tensor(owner, device=loaded.device) if late else None,
        keep=frozenset(layer for recorder in kept for layer in recorder.layers),
    )


def _packed(loaded: Loaded, batch: Batch, additions: Sequence[Sequence[Addition]]) -> torch.Tensor:
    """Logits [lanes, vocabulary], the lanes of a prompt side by side in one sequence."""
    padded = left_padded(loaded, batch.prompts)
    packing = pack(batch, loaded.device)
    start = batch.width - batch.tail
    step = Step(
        patches=patches(
            additions,
            [padded.pads[lane.prompt] - start for lane in batch.lanes],
            batch.tail,
            devices=loaded.devices,
        ),
        expand_at=batch.expand_at,
        packing=packing,
        read=len(packing.source) - start,
    )
    logits = forward(
        loaded,
        padded.tokens,
        step,
        mask=padded.mask,
        positions=padded.positions,
        keep=packing.ends,
    )
    note_survival(step, [lane.rows for lane in batch.lanes])
    return logits[packing.prompt, packing.slot_of]


def _isolated(loaded: Loaded, batch: Batch) -> torch.Tensor | None:
    """As `_packed`, with rows that overflow kept from their neighbours.

    A masked token that is not finite still spoils a sum. So where a logit is not finite the lanes
    are run apart to see whose it is, and then packed once more with nothing added to those: the
    others get what they would have got beside any neighbour. None where that does not help.
    """
    additions = [lane.additions for lane in batch.lanes]
    logits = _packed(loaded, batch, additions)
    if bool(torch.isfinite(logits).all()):
        return logits
    apart = _apart(loaded, batch, keep_cache=False, late=True).logits
    bad = ~torch.isfinite(apart).all(dim=-1)
    calm = [() if spoiled else own for own, spoiled in zip(additions, bad.tolist(), strict=True)]
    logits = _packed(loaded, batch, calm)
    logits[bad] = apart[bad]
    return logits if bool(torch.isfinite(logits[~bad]).all()) else None


def prefill(loaded: Loaded, batch: Batch, *, keep_cache: bool, late: bool = True) -> Prefilled:
    """Run `batch`. `late` False expands before the first layer and shares no prefix: the plain
    batch that late expansion is measured against, and all that some models allow."""
    late = late and loaded.hooks.sharing
    if late and not keep_cache and can_pack(loaded.model, loaded.layers[-1], batch):
        logits = _isolated(loaded, batch)
        if logits is not None:
            pads = [batch.width - len(batch.prompts[lane.prompt]) for lane in batch.lanes]
            return Prefilled(logits, pads, None)
    return _apart(loaded, batch, keep_cache=keep_cache, late=late)


def _apart(loaded: Loaded, batch: Batch, *, keep_cache: bool, late: bool) -> Prefilled:
    """Run `batch` with a row a lane, from the layer at which they part (`late`) or from the
    first."""
    parting = late and batch.expand_at is not None
    lanes = [batch.prompts[lane.prompt] for lane in batch.lanes]
    pads = [batch.width - len(prompt) for prompt in lanes]
    padded = left_padded(loaded, batch.prompts if parting else lanes)
    start = batch.width - batch.tail if late and batch.tail else 0
    cache = RowCache(loaded.depth) if keep_cache or start else None
    step = _step(loaded, batch, pads, start, parting)
    if start:
        assert cache is not None
        if batch.common:
            beginning = left_padded(loaded, [batch.prompts[0][: batch.common]])
            _run(loaded, beginning, Step(), cache)
            cache.begin(padded.pads, start)
        else:
            _run(loaded, padded.part(0, start), Step(), cache)
    if cache is not None and step.row_of is not None:
        cache.expand_by(step.row_of)
    logits = _run(loaded, padded.part(start, batch.width), step, cache)
    note_survival(step, [lane.rows for lane in batch.lanes])
    _record(batch, pads, step)
    if keep_cache and cache is not None and step.row_of is not None:
        cache.settle(step.row_of)
    return Prefilled(logits, pads, cache if keep_cache else None)
