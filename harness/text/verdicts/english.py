"""What is kept of English: which classes of words, and which letters of a word, go together."""

from collections.abc import Sequence
from functools import cache
from importlib import resources

import msgspec

__all__ = ["LETTERS", "English", "english", "logarithms"]

LETTERS = "abcdefghijklmnopqrstuvwxyz"


class English(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Natural logarithms of seen over expected (`scripts/fit_english.py`).

    `pairs`: of classes of neighbouring words, against chance. `starts`, `ends`: of the first and
    last two letters of words of four letters or more, against the same letters within words.
    """

    pairs: tuple[tuple[float, ...], ...]
    starts: tuple[tuple[float, ...], ...]
    ends: tuple[tuple[float, ...], ...]


@cache
def english() -> English:
    """The tables in the package."""
    path = resources.files("harness.text.verdicts").joinpath("data", "english.json")
    return msgspec.json.decode(path.read_bytes(), type=English)


def logarithms(
    names: Sequence[str], table: Sequence[Sequence[float]]
) -> dict[tuple[str, str], float]:
    """A table as its cells by row and column name."""
    return {
        (one, other): value
        for one, row in zip(names, table, strict=True)
        for other, value in zip(names, row, strict=True)
    }
