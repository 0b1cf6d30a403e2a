"""Turn what is added to each row into patches of one forward pass."""

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import torch

from steering_server.model.hooks import Patch, Step
from steering_server.model.work import Addition, Row

__all__ = ["next_change", "note_survival", "patches"]


def _segments(
    additions: Sequence[Addition], low: int, high: int
) -> list[tuple[int, int, torch.Tensor]]:
    """Disjoint [start, end) within [low, high), each with the sum of what is added there.

    Sums run in the order of the request, in fp32.
    """
    spans = [
        (max(addition.start, low), high if addition.end is None else min(addition.end, high))
        for addition in additions
    ]
    edges = sorted({edge for start, end in spans if start < end for edge in (start, end)})
    found = []
    for start, end in pairwise(edges):
        parts = [
            addition.delta
            for addition, span in zip(additions, spans, strict=True)
            if span[0] <= start and end <= span[1]
        ]
        if parts:
            found.append((start, end, parts[0] if len(parts) == 1 else torch.stack(parts).sum(0)))
    return found


def patches(
    additions: Sequence[Sequence[Addition]],
    origins: Sequence[int],
    width: int,
    *,
    devices: Sequence[torch.device],
) -> dict[int, list[Patch]]:
    """Patches by layer for a pass over `width` columns.

    `additions` and `origins` have one entry a row; `origins[r]` is the column at which position 0
    of row r stands (negative when those tokens went in earlier). Rows that share their columns
    share a patch. Deltas stay in fp32 and are moved to the layer's device.
    """
    gathered: dict[int, dict[tuple[int, int], list[tuple[int, torch.Tensor]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row, (own, origin) in enumerate(zip(additions, origins, strict=True)):
        for layer in {addition.layer for addition in own}:
            here = [addition for addition in own if addition.layer == layer]
            low, high = max(-origin, 0), width - origin
            for start, end, delta in _segments(here, low, high):
                gathered[layer][start + origin, end + origin].append((row, delta))
    return {
        layer: [
            Patch(
                rows=torch.tensor([row for row, _ in members], device=devices[layer]),
                start=start,
                end=end,
                delta=torch.stack([delta for _, delta in members]).to(devices[layer]),
            )
            for (start, end), members in spans.items()
        ]
        for layer, spans in gathered.items()
    }


def note_survival(step: Step, rows: Sequence[Sequence[Row]]) -> None:
    """Tell rows what survived of what was added in `step`; `rows[i]` are those that row i of the
    pass stands for. Nothing is told of a delta of zero, or of one that is not finite."""
    for layer, numbers, shares, tokens in step.survived:
        for number, share in zip(numbers.tolist(), shares.tolist(), strict=True):
            if math.isfinite(share):
                for row in rows[number]:
                    row.survive(layer, share, tokens)
    step.survived.clear()


def next_change(additions: Sequence[Addition], position: int) -> int | None:
    """The next position after `position` at which what is added changes; None if it stays."""
    edges = {addition.start for addition in additions}
    edges |= {addition.end for addition in additions if addition.end is not None}
    return min((edge for edge in edges if edge > position), default=None)
