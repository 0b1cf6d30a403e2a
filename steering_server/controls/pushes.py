"""What is added, by the vector and by directions it is compared with, and where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from harness.wire import ControlKind
from steering_server.controls.questions import Asked
from steering_server.model.work import Addition
from steering_server.probing.ridge import Array
from steering_server.vectors.directions import at_angle, random_direction

__all__ = ["POSITIONS", "Positions", "Push", "directions"]

Positions = Literal["contrast", "all", "last_prompt"]
POSITIONS: tuple[Positions, ...] = ("contrast", "all", "last_prompt")
"""`contrast`: + on the tokens of the item of interest, − on those of the other, in both orders."""


@dataclass(frozen=True, eq=False)
class Push:
    """One direction: `delta` [width] (zero: unsteered) is added at the output of `layer`."""

    name: str
    kind: ControlKind
    layer: int
    delta: Array

    def _at(self, start: int, end: int | None, sign: int) -> Addition:
        delta = torch.from_numpy(sign * self.delta).to(torch.float32)
        return Addition(self.layer, start, end, delta, (self.name, sign, self.layer, start, end))

    def on(self, asked: Asked, positions: Positions) -> tuple[Addition, ...]:
        """What is added to a question."""
        if self.kind == "unsteered":
            return ()
        if positions == "contrast":
            return self._at(*asked.item, 1), self._at(*asked.other, -1)
        return self.on_item((0, len(asked.tokens)), len(asked.tokens), positions)

    def on_item(
        self, span: tuple[int, int], length: int, positions: Positions
    ) -> tuple[Addition, ...]:
        """What is added to an item put alone, in a prompt of `length` tokens: under `contrast` to
        the item's tokens."""
        if self.kind == "unsteered":
            return ()
        spans: dict[Positions, tuple[int, int | None]] = {
            "contrast": span,
            "all": (0, None),
            "last_prompt": (length - 1, length),
        }
        return (self._at(*spans[positions], 1),)


def directions(
    direction: Array, mean: Array, *, layer: int, norm: float, count: int, rng: np.random.Generator
) -> Sequence[Push]:
    """Unsteered; the vector; `count` directions uniform over the sphere; `count` at the vector's
    angle to `mean`. All are of length |`norm`|."""
    size = norm / np.linalg.norm(direction)
    pushes = [
        Push("unsteered", "unsteered", layer, np.zeros(len(direction))),
        Push("vector", "vector", layer, size * direction),
    ]
    for index in range(count):
        one = random_direction(len(direction), rng=rng)
        pushes.append(Push(f"random-{index:02d}", "random", layer, norm * one))
    for index in range(count):
        one = at_angle(direction, mean, rng=rng)
        pushes.append(Push(f"angled-{index:02d}", "angled", layer, norm * one))
    return pushes
