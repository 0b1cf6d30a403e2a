"""Turn what is added to each row into patches of one forward pass."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import torch

from harness.wire import Operation
from steering_server.model.changes import Chain, Link, Patch
from steering_server.model.hooks import Step
from steering_server.model.work import Addition, Row

__all__ = ["next_change", "note_survival", "patches"]


@dataclass(frozen=True, eq=False)
class _Part:
    """What one row gets in a segment: `members` number its changes, in the request's order;
    additions that follow each other are one, summed in fp32."""

    members: tuple[int, ...]
    changes: tuple[Addition, ...]

    @property
    def shape(self) -> tuple[Operation, ...]:
        """Rows of equal shape are computed together."""
        return tuple(change.operation for change in self.changes)


def _merged(changes: Sequence[Addition]) -> tuple[Addition, ...]:
    """Additions that follow each other as one."""
    found: list[Addition] = []
    for added, group in groupby(changes, key=lambda change: change.slope is None):
        members = list(group)
        if added and len(members) > 1:
            total = torch.stack([member.delta for member in members]).sum(0)
            found.append(replace(members[0], delta=total, unit=None))
        else:
            found += members
    return tuple(found)


def _segments(
    additions: Sequence[tuple[int, Addition]], low: int, high: int
) -> list[tuple[int, int, _Part]]:
    """Disjoint [start, end) within [low, high), each with what is done there, in the order of the
    request."""
    spans = [
        (max(addition.start, low), high if addition.end is None else min(addition.end, high))
        for _, addition in additions
    ]
    edges = sorted({edge for start, end in spans if start < end for edge in (start, end)})
    found = []
    for start, end in pairwise(edges):
        parts = [
            one
            for one, span in zip(additions, spans, strict=True)
            if span[0] <= start and end <= span[1]
        ]
        if parts:
            members = tuple(number for number, _ in parts)
            found.append((start, end, _Part(members, _merged([one for _, one in parts]))))
    return found


_Key = tuple[int, int, bool, tuple[Operation, ...]]


def patches(
    additions: Sequence[Sequence[Addition]],
    origins: Sequence[int],
    width: int,
    *,
    devices: Sequence[torch.device],
) -> dict[int, list[Patch | Chain]]:
    """Patches by layer for a pass over `width` columns.

    `additions` and `origins` have one entry a row; `origins[r]` is the column at which position 0
    of row r stands (negative when those tokens went in earlier). Rows that share their columns and
    the kind of what is done there share a patch. Vectors stay in fp32 and are moved to the layer's
    device.
    """
    gathered: dict[int, dict[_Key, list[tuple[int, _Part]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row, (own, origin) in enumerate(zip(additions, origins, strict=True)):
        numbered = list(enumerate(own))
        for layer in {addition.layer for addition in own}:
            here = [one for one in numbered if one[1].layer == layer]
            low, high = max(-origin, 0), width - origin
            for start, end, part in _segments(here, low, high):
                key = (start + origin, end + origin, start == 0, part.shape)
                gathered[layer][key].append((row, part))
    return {
        layer: [_patch(key, members, devices[layer]) for key, members in spans.items()]
        for layer, spans in gathered.items()
    }


def _patch(key: _Key, members: Sequence[tuple[int, _Part]], device: torch.device) -> Patch | Chain:
    """One patch for rows whose parts have the shape of `key`."""
    start, end, sink, shape = key
    numbers = torch.tensor([row for row, _ in members], device=device)
    parts = [part for _, part in members]
    place = (numbers, start, end, [part.members for part in parts], sink)
    if shape == ("add",):
        return Patch(*place, torch.stack([part.changes[0].delta for part in parts]).to(device))
    columns = zip(*(part.changes for part in parts), strict=True)
    return Chain(*place, tuple(_link(column, device) for column in columns))


def _link(changes: Sequence[Addition], device: torch.device) -> Link:
    """One operation on each of some rows."""
    delta = torch.stack([change.delta for change in changes]).to(device)
    units = [change.unit for change in changes if change.unit is not None]
    slopes = [change.slope for change in changes if change.slope is not None]
    if changes[0].operation == "add":
        return Link("add", delta)
    slope = torch.tensor(slopes, dtype=torch.float32, device=device)
    return Link(changes[0].operation, delta, torch.stack(units).to(device), slope)


def note_survival(step: Step, rows: Sequence[Sequence[Row]]) -> None:
    """Tell rows what became of what was done in `step`; `rows[i]` are those that row i of the pass
    stands for. No share is told of a change of nothing, or of one that is not finite."""
    for told in step.told:
        shares, tokens = told.share.tolist(), told.tokens.tolist()
        before, after = told.before.cpu(), told.after.cpu()
        for index, number in enumerate(told.rows.tolist()):
            for row in rows[number]:
                if math.isfinite(shares[index]) and tokens[index]:
                    row.survive(told.layer, shares[index], tokens[index])
                for member in told.members[index]:
                    unit = row.additions[member].direction
                    if unit is not None:
                        was, now = float(before[index] @ unit), float(after[index] @ unit)
                        row.meet(member, was, now, told.columns)
    step.told.clear()


def next_change(additions: Sequence[Addition], position: int) -> int | None:
    """The next position after `position` at which what is added changes; None if it stays."""
    edges = {addition.start for addition in additions}
    edges |= {addition.end for addition in additions if addition.end is not None}
    return min((edge for edge in edges if edge > position), default=None)
