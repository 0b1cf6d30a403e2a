"""Directions that a request's own vectors are compared with, and the rows that try them.

A control is a request of the same rows with another direction in place of each vector's own: same
layers, positions, operation and norm. Rows of one prompt share what their steering leaves alike.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from harness.wire import ControlKind, Controls
from steering_server.model.work import Finished, Row
from steering_server.vectors.directions import Array, at_angle, random_direction
from steering_server.vectors.vectors import Vector

__all__ = ["Compared", "Drawn", "told"]

_KEPT = 1024
"""Drawn directions that are kept ready: sixteen vectors with 64 each."""


@dataclass(frozen=True)
class Compared:
    """One direction's rows: `asked` has the allowed answers as its choices, `refusing` the openings
    of a refusal, `writing` generates. The last two only where side effects were asked for."""

    kind: ControlKind
    asked: Row
    refusing: Row | None = None
    writing: Row | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        """Those that there are."""
        return tuple(row for row in (self.asked, self.refusing, self.writing) if row is not None)


class Drawn:
    """Control directions for one model; `mean` gives layer → its mean activation [width]."""

    def __init__(self, mean: Callable[[], dict[int, Array]]) -> None:
        self._mean = mean
        self._kept: OrderedDict[tuple[object, ...], Vector] = OrderedDict()
        self._lock = threading.Lock()

    def vector(
        self,
        own: Vector,
        kind: ControlKind,
        number: int,
        layers: Sequence[int],
        controls: Controls,
        *,
        place: int = 0,
    ) -> Vector:
        """`own` with another direction at each of `layers`: the one numbered `number` of `kind`.

        `place`: which of the request's vectors it is. Drawn from that and the seed alone: a vector
        that another machine made, with other last bits, is set beside the same directions.
        """
        if kind not in ("random", "angled"):
            return own
        key = (own.sha256, kind, number, tuple(layers), controls.seed, place)
        with self._lock:
            found = self._kept.pop(key, None)
        if found is None:
            found = replace(
                own,
                sha256=f"{own.sha256}:{kind}:{controls.seed}:{number}:{place}",
                directions={
                    layer: self._direction(
                        own, layer, kind, [controls.seed, place, layer, number, kind == "angled"]
                    )
                    for layer in layers
                },
            )
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    def _direction(
        self, own: Vector, layer: int, kind: ControlKind, seed: Sequence[int]
    ) -> torch.Tensor:
        rng = np.random.default_rng(seed)
        if kind == "random":
            drawn = random_direction(own.width, rng=rng)
        else:
            drawn = at_angle(own.directions[layer].double().numpy(), self._mean()[layer], rng=rng)
        return torch.from_numpy(drawn).to(torch.float32)


def told(
    compared: Sequence[Compared],
    finished: dict[int, Finished],
    coherence: dict[tuple[int, ...], float],
    controls: Controls,
) -> dict[str, Any]:
    """What the reply says of them: by kind a list with the probability of each allowed answer, and
    side effects where they were measured. `finished` is by the row's id; `coherence` is the mean
    log-probability a token of what was written."""
    found: dict[str, Any] = {"number": controls.number, "seed": controls.seed}
    for one in compared:
        entry: dict[str, Any] = {"choices": finished[id(one.asked)].choices}
        if one.refusing is not None:
            entry["refusal"] = sum(finished[id(one.refusing)].choices or ())
        if one.writing is not None:
            entry["coherence"] = coherence.get(tuple(one.writing.generated))
        found.setdefault(one.kind, []).append(entry)
    return found
