"""A steered estimate beside random directions: what it moved, and what any push would have."""

from collections.abc import Sequence

import msgspec
import numpy as np

from harness.wire import ControlKind
from steering_server.controls.passes import Sides
from steering_server.controls.pushes import Push
from steering_server.probing.ridge import Array

__all__ = ["Effect", "effects", "rank_p"]

_LEAST = 1e-30
"""Probabilities below this are taken as this: a label that underflowed has no logarithm."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One direction. With the logit of choosing the item of interest over the other, shown first
    (a) and second (b): content is (a + b) / 2, the preference; position is (a − b) / 2, what being
    shown first is worth. `shift` [`low`, `high`] is the mean change of content against unsteered
    over pairs, `position` the mean position effect itself and `position_shift` its change.
    `label_mass` is the mean probability of an allowed answer; `refusal` and `coherence` as in
    `passes.Sides`. `cosine` is with the vector."""

    name: str
    kind: ControlKind
    cosine: float
    shift: float
    low: float
    high: float
    position: float
    position_shift: float
    label_mass: float
    refusal: float
    coherence: float


def effects(found: Array, sides: Sides, pushes: Sequence[Push]) -> list[Effect]:
    """One row a push, from probabilities [questions, orders, pushes, 2]; the first is unsteered."""
    logits = np.log(np.maximum(found, _LEAST))
    logit = logits[..., 0] - logits[..., 1]
    content, position = (logit[:, 0] + logit[:, 1]) / 2, (logit[:, 0] - logit[:, 1]) / 2
    change = content - content[:, :1]
    shift = change.mean(0)
    reach = 1.96 * change.std(0, ddof=1) / np.sqrt(len(change))
    mass = found.sum(-1).mean((0, 1))
    vector = next(push.delta for push in pushes if push.kind == "vector")
    return [
        Effect(
            name=push.name,
            kind=push.kind,
            cosine=_cosine(push.delta, vector),
            shift=float(shift[index]),
            low=float(shift[index] - reach[index]),
            high=float(shift[index] + reach[index]),
            position=float(position[:, index].mean()),
            position_shift=float((position[:, index] - position[:, 0]).mean()),
            label_mass=float(mass[index]),
            refusal=float(sides.refusal[index]),
            coherence=float(sides.coherence[index]),
        )
        for index, push in enumerate(pushes)
    ]


def _cosine(one: Array, other: Array) -> float:
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size else 0.0


def rank_p(rows: Sequence[Effect], kind: ControlKind) -> float:
    """Two-sided p of the vector's shift by its rank among the directions of `kind`: the share, with
    itself, that move as much or more either way."""
    own = next(abs(row.shift) for row in rows if row.kind == "vector")
    others = [abs(row.shift) for row in rows if row.kind == kind]
    return (1 + sum(other >= own for other in others)) / (1 + len(others))
