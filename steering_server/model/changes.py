"""What is done to a layer's output: additions, and operations on the component along a direction.

With h a token's activation, u a unit vector and c = h · u its component:

    add      h + d
    ablate   h − g c u               (g = 1: the direction is projected out)
    scale    h + (g − 1) c u
    clamp    h + (t − c) u

so each is h + (s c) u + d, with slope s and offset d.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from harness.wire import Operation
from steering_server.model.packing import Packing

__all__ = ["Chain", "Link", "Patch", "Told"]

_MEASURED = 32
"""Columns, evenly spaced, at which it is measured what of a change survives rounding."""
_GRAIN = 4.0
"""Units in the last place of an activation's length below which a component is rounding: what would
be changed by less is there already."""


@dataclass(frozen=True, eq=False)
class Told:
    """What a patch did to its `rows` [R], at some of its columns: the `share` [R] of the change
    that survived rounding, the number of `tokens` [R] that it speaks for, and, over all `columns`,
    mean activations `before` and `after` [R, width] (fp32). `members[r]` are the changes, of row
    r's own, that it is made of."""

    layer: int
    rows: torch.Tensor
    share: torch.Tensor
    tokens: torch.Tensor
    columns: int
    before: torch.Tensor
    after: torch.Tensor
    members: Sequence[tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class _Place:
    """Columns [start, end) of the rows `rows` [R] of a layer's output.

    The rows of one are distinct; rows that are not named are not touched, not even by adding zero.
    Packed, rows and columns are a lane's. `sink`: the first column is the sequence's first token,
    whose activation is no measure of the others'.
    """

    rows: torch.Tensor
    start: int
    end: int
    members: Sequence[tuple[int, ...]]
    sink: bool

    def _index(
        self, hidden: torch.Tensor, packing: Packing | None, step: int = 1
    ) -> tuple[torch.Tensor, torch.Tensor]:
        columns = torch.arange(self.start, self.end, step, device=hidden.device)
        if packing is None:
            return self.rows[:, None], columns
        prompts = packing.prompt.to(hidden.device)[self.rows, None]
        return prompts, packing.offset.to(hidden.device)[self.rows, None] + columns

    def _part(self, hidden: torch.Tensor, packing: Packing | None) -> torch.Tensor:
        """A copy of the columns that are changed, [R, columns, width]; of many, some."""
        step = max(1, (self.end - self.start) // _MEASURED)
        return hidden[self._index(hidden, packing, step)].float()

    def _told(
        self,
        layer: int,
        before: torch.Tensor,
        after: torch.Tensor,
        share: torch.Tensor,
        tokens: torch.Tensor,
    ) -> Told:
        first = 1 if self.sink and before.shape[1] > 1 else 0
        means = before[:, first:].mean(1), after[:, first:].mean(1)
        columns = self.end - self.start
        return Told(layer, self.rows, share, tokens, columns, *means, self.members)


@dataclass(frozen=True, eq=False)
class Patch(_Place):
    """Add `delta` [R, width], in fp32, in the output's own dtype, whatever the layer's weights are
    stored in."""

    delta: torch.Tensor

    def apply(
        self, layer: int, hidden: torch.Tensor, packing: Packing | None = None, *, measured: bool
    ) -> Told | None:
        """Add in place to `hidden` [rows, tokens, width]. `measured`: say what became of it."""
        before = self._part(hidden, packing) if measured else None
        self._add(hidden, packing)
        if before is None:
            return None
        after = self._part(hidden, packing)
        moved = ((after - before).mean(1) * self.delta).sum(-1)
        tokens = torch.full((len(self.rows),), self.end - self.start)
        return self._told(layer, before, after, moved / self.delta.square().sum(-1), tokens)

    def _add(self, hidden: torch.Tensor, packing: Packing | None) -> None:
        addend = self.delta.to(hidden.dtype)[:, None]
        if packing is not None:
            hidden[self._index(hidden, packing)] += addend
            return
        part = hidden[:, self.start : self.end]
        if len(self.rows) == len(hidden):
            part += addend
        else:
            part.index_add_(0, self.rows, addend.expand(-1, part.shape[1], -1))


@dataclass(frozen=True, eq=False)
class Link:
    """One operation on each row: along `unit` [R, width] with `slope` [R], and `delta` [R, width];
    additions have no unit."""

    operation: Operation
    delta: torch.Tensor
    unit: torch.Tensor | None = None
    slope: torch.Tensor | None = None

    def change(self, hidden: torch.Tensor, grain: float) -> tuple[torch.Tensor, torch.Tensor]:
        """What it adds to `hidden` [R, columns, width], and at which tokens [R, columns] it has
        something to change: everywhere where it adds or scales a component, elsewhere where what it
        sets was not there before."""
        delta = self.delta[:, None]
        if self.unit is None or self.slope is None:
            return delta, torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        # Not a matrix product: its sums would depend on how many rows and columns there are.
        component = (hidden * self.unit[:, None]).sum(-1)
        added = (self.slope[:, None] * component)[..., None] * self.unit[:, None] + delta
        size = component.abs() if self.operation == "scale" else added.norm(dim=-1)
        return added, size > grain * hidden.norm(dim=-1)


@dataclass(frozen=True, eq=False)
class Chain(_Place):
    """`links`, one after another, computed in fp32 and rounded once."""

    links: tuple[Link, ...]

    def apply(
        self, layer: int, hidden: torch.Tensor, packing: Packing | None = None, *, measured: bool
    ) -> Told | None:
        """Change `hidden` [rows, tokens, width] in place. `measured`: say what became of it."""
        before = self._part(hidden, packing) if measured else None
        at = self._index(hidden, packing)
        changed, _ = self._changed(hidden[at].float(), 0.0)
        hidden[at] = changed.to(hidden.dtype)
        if before is None:
            return None
        grain = _GRAIN * torch.finfo(hidden.dtype).eps
        target, counted = self._changed(before, grain)
        after = self._part(hidden, packing)
        meant = (target - before) * counted[..., None]
        moved = ((after - before) * meant).sum((1, 2))
        share = moved / meant.square().sum((1, 2))
        # A token without anything to change says nothing of what survives.
        spoken = counted.float().mean(1) * (self.end - self.start)
        return self._told(layer, before, after, share, spoken.round().long())

    def _changed(self, hidden: torch.Tensor, grain: float) -> tuple[torch.Tensor, torch.Tensor]:
        """`hidden` after all links, and where any of them had something to change."""
        counted = torch.zeros(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        for link in self.links:
            added, here = link.change(hidden, grain)
            hidden = hidden + added
            counted |= here
        return hidden, counted
