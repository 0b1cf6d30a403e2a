"""Randomness by hashing: the same words always give the same numbers, on any machine."""

import hashlib
import struct
from collections.abc import Iterable
from statistics import NormalDist
from typing import NamedTuple

__all__ = ["Draws", "draws", "normal", "pick"]

_UNPACK = struct.Struct(">4Q").unpack
_SCALE = 2.0**-53
_NORMAL = NormalDist()


class Draws(NamedTuple):
    """Four independent uniform numbers in (0, 1), each with one use."""

    outcome: float
    answer: float
    lapse: float
    phrase: float


def draws(parts: Iterable[str]) -> Draws:
    """The numbers that belong to `parts`; their order and their bounds matter."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    a, b, c, d = _UNPACK(digest.digest())
    return Draws(_unit(a), _unit(b), _unit(c), _unit(d))


def normal(uniform: float) -> float:
    """The standard normal number at the quantile `uniform`."""
    return _NORMAL.inv_cdf(uniform)


def pick(options: tuple[str, ...], uniform: float) -> str:
    """One of `options`, all equally likely."""
    return options[int(uniform * len(options))]


def _unit(bits: int) -> float:
    # 53 bits and a half: never 0 and never 1.
    return ((bits >> 11) + 0.5) * _SCALE
