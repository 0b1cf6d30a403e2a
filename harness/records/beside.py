"""What a steered question's control directions gave, in its record."""

import math
from collections.abc import Sequence

import msgspec

from harness.errors import UsageError
from harness.records.kept import Common
from harness.wire import CONTROL_KINDS, Reply

__all__ = ["Directions", "controls_of", "read_controls"]

_LEAST = 1e-300
"""Probabilities below this are taken as this: a label that underflowed has no logarithm."""


class Directions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Each list has one entry a direction. `estimate` is, of a choice, the logit of the item shown
    first against the other, and of a rating the expected value (None where no label had any
    probability). `mass` is the probability of an allowed answer; `refusal` and `coherence` are
    empty where side effects were not measured."""

    estimate: tuple[float | None, ...]
    mass: tuple[float, ...]
    refusal: tuple[float, ...] = ()
    coherence: tuple[float | None, ...] = ()


_TABLE = dict[str, Directions]


def controls_of(common: Common, reply: Reply) -> str | None:
    """JSON of kind → `Directions` from the server's account; None where there were none."""
    told = (reply.steering or {}).get("controls")
    if not isinstance(told, dict) or reply.error is not None:
        return None
    found = {}
    # The server lists probabilities in the order in which the answers were asked for.
    order = [list(reply.choices or ()).index(label) for label in common.allowed]
    for kind in CONTROL_KINDS:
        rows = [{**row, "choices": [row["choices"][at] for at in order]} for row in told[kind]]
        sides = all("refusal" in row for row in rows)
        found[kind] = Directions(
            estimate=tuple(_estimate(common, row["choices"]) for row in rows),
            mass=tuple(sum(row["choices"]) for row in rows),
            refusal=tuple(row["refusal"] for row in rows) if sides else (),
            coherence=tuple(row["coherence"] for row in rows) if sides else (),
        )
    return msgspec.json.encode(found).decode()


def _estimate(common: Common, shares: Sequence[float]) -> float | None:
    if common.facts["kind"] == "choice":
        first, second = (math.log(max(share, _LEAST)) for share in shares)
        return first - second
    total = sum(shares)
    if total <= 0:
        return None
    weighted = (share * value for share, value in zip(shares, common.values, strict=True))
    return sum(weighted) / total


def read_controls(column: str) -> _TABLE:
    """The column of a record. UsageError where it is none."""
    try:
        found = msgspec.json.decode(column, type=_TABLE)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise UsageError(f"controls of a record: {error}") from error
    if set(found) != set(CONTROL_KINDS):
        raise UsageError(
            f"controls of a record: {sorted(found)}; expected {', '.join(CONTROL_KINDS)}"
        )
    return found
