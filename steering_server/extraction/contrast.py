"""The activations of two sides that were given: pairs, or items that a column tells apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from harness.errors import UsageError
from harness.items.item import Item, text_hash
from steering_server.capture.columns import Values
from steering_server.capture.passing import Tensors, Wanted, capture
from steering_server.capture.placed import Placed, Span
from steering_server.extraction.chunks import Chunks, Plan
from steering_server.extraction.extract import Extracted, Settings
from steering_server.model.models import Loaded
from steering_server.vectors.reference import norm_errors, reference_norms

__all__ = ["Sides", "gathered", "plan_of", "split"]


@dataclass(frozen=True)
class Sides:
    """Conversations of both sides. `origins` (of the positive, of the negative) are given where
    each origin is to be compared with itself alone; then the sides need not be of one length."""

    positive: Sequence[Placed]
    negative: Sequence[Placed]
    origins: tuple[Sequence[str], Sequence[str]] | None = None

    @property
    def all(self) -> list[Placed]:
        """The positive ones, then the negative ones."""
        return [*self.positive, *self.negative]


def split(values: Values, items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Items on the two sides of a column, in order: true against false (by the majority of an
    item's rows; a tie is on neither side), else the upper quarter against the lower. UsageError for
    a side of fewer than two."""
    known = [item for item in items if item.id in values.of]
    numbers = np.array([values.of[item.id] for item in known])
    if values.binary:
        low = high = 0.5
        above, below = numbers > high, numbers < low
    else:
        low, high = np.quantile(numbers, [0.25, 0.75]) if len(numbers) else (0.0, 0.0)
        above, below = (numbers >= high) & (numbers > low), (numbers <= low) & (numbers < high)
    positive, negative = (
        [item for item, taken in zip(known, side, strict=True) if taken] for side in (above, below)
    )
    if min(len(positive), len(negative)) < 2:
        raise UsageError(
            f"{len(positive)} items on the positive side and {len(negative)} on the negative, of "
            f"{len(known)} with a value; expected two or more on each"
        )
    return positive, negative


def plan_of(loaded: Loaded, sides: Sides, settings: Settings) -> Plan:
    """Identifies the work, for resuming: by the tokens themselves."""
    positive, negative = (
        text_hash("\n".join(f"{one.tokens} {one.spans}" for one in side))
        for side in (sides.positive, sides.negative)
    )
    return Plan(
        weights=loaded.weights,
        template=loaded.template,
        dtype=loaded.dtype_name,
        positive=positive,
        negative=negative,
        items="",
        span=settings.span,
        selectors=settings.selectors,
        layers=settings.layers,
        completion_tokens=0,
        temperature=0.0,
        seed=settings.seed,
        chunk=settings.chunk,
    )


def gathered(
    loaded: Loaded,
    sides: Sides,
    settings: Settings,
    span: Span,
    *,
    chunks: Chunks,
    advance: Callable[[int], None] = lambda count: None,
) -> Extracted:
    """Capture both sides, chunk by chunk; finished chunks are not done again. UsageError where a
    conversation lacks the span."""
    wanted = Wanted((span,), settings.selectors, settings.layers)
    every = sides.all
    done: list[Tensors] = []
    for number, at in enumerate(range(0, len(every), settings.chunk)):
        part = every[at : at + settings.chunk]
        tensors = chunks.read(number)
        if tensors is None:
            tensors = capture(loaded, part, wanted)
            chunks.write(number, tensors)
        done.append(tensors)
        advance(len(part))
    taken = torch.stack(
        [torch.cat([one[f"{span}.{name}"] for one in done]) for name in settings.selectors], dim=1
    )
    norms, first, last = (
        torch.cat([one[name] for one in done], dim=-1) for name in ("norms", "first", "last")
    )
    size = taken.norm(dim=-1).mean(0)
    if sides.origins is not None:
        taken = _within(taken, [*sides.origins[0], *sides.origins[1]])
    count = len(sides.positive)
    table = reference_norms(norms, first, last, settings.layers)
    errors = norm_errors(norms, first, settings.layers)
    return Extracted(taken[:count], taken[count:], table, size, 0, errors, paired=False)


def _within(taken: torch.Tensor, origins: Sequence[str]) -> torch.Tensor:
    """`taken` [conversations, …] less the mean of each origin: the difference of two sides is then
    one within origins, each weighted by how much it can tell (n₊ n₋ / n)."""
    centred = taken.clone()
    for name in sorted(set(origins)):
        members = torch.tensor([index for index, one in enumerate(origins) if one == name])
        centred[members] -= taken[members].mean(0)
    return centred
