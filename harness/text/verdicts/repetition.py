"""Loops in a text: how much of it is the same again, from single letters to whole lines."""

import re
import zlib
from itertools import pairwise

import numpy as np

__all__ = ["looping"]

_UNIT = re.compile(
    r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\W_\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]+"
)
"""A word, or one sign of a script that is written without spaces."""
_SIGN = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
_CHARACTERS = re.compile(r"([^\W\d_]{1,6}?)\1{5,}", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n\u3002\uff01\uff1f]+")
_SUSPECT = 0.42
"""Compressed to this share of its bytes a text may loop; prose of 400 bytes is at .5-.6."""
_SHORT = 160
"""Bytes under which compression says nothing."""
_LONGEST = 30
"""Units of the longest period; longer ones are whole sentences, counted apart."""
_END, _END_SUSPECT = 400, 0.5
"""Characters at the end, and how far they are compressed, where a loop may have begun late."""
_RUNS_AWAY = 0.75
_TAIL = 10
"""Units of a loop at the end of a text that make it one that has run away."""


def looping(text: str) -> float:
    """How far a text is a loop, 0 to 1: the share of it that says again what stands before.

    From .5 it is one. A refrain, a row of zeros, "very, very good" or a list with one opening
    stays below; three times the same word and nothing else does not.
    """
    text = text[:20_000].strip()
    if not _suspect(text):
        return _running_away(text)
    units = _UNIT.findall(text.casefold())
    if len(units) < 3:
        return _of_characters(text)
    return max(_of_characters(text), _periodic(units), _said_again(text), _few_words(units))


def _suspect(text: str) -> bool:
    raw = text.encode("utf-8", "replace")
    return len(raw) < _SHORT or len(zlib.compress(raw, 1)) < _SUSPECT * len(raw)


def _running_away(text: str) -> float:
    """Whether a text that begins well ends in a loop."""
    end = text[-_END:]
    raw = end.encode("utf-8", "replace")
    if len(zlib.compress(raw, 1)) > _END_SUSPECT * len(raw):
        return 0.0
    units = _UNIT.findall(end.casefold())
    return _RUNS_AWAY if len(units) >= _TAIL and _periodic(units) >= 0.25 else 0.0


def _of_characters(text: str) -> float:
    letters = sum(map(str.isalpha, text))
    looped = sum(found.end() - found.start() for found in _CHARACTERS.finditer(text[:20_000]))
    return min(1.0, 1.25 * looped / letters) if letters else 0.0


def _periodic(units: list[str]) -> float:
    """Share of the text in runs of one period, three times over or more."""
    names = {unit: number for number, unit in enumerate(dict.fromkeys(units))}
    ids = np.array([names[unit] for unit in units])
    worded = np.array(
        [(len(unit) > 1 and unit.isalpha()) or bool(_SIGN.match(unit)) for unit in units]
    )
    if not worded.any():
        return 0.0
    worst = 0.0
    for period in range(1, min(_LONGEST, len(ids) // 3) + 1):
        covered = 0
        for start, stop in _runs(ids[period:] == ids[:-period]):
            length = stop - start + period
            if not worded[start : start + period].any():
                continue
            if length >= 3 * period and length >= len(ids) - 1:
                return 1.0
            if length < 4 * period:
                continue
            covered += length
            if stop + period == len(ids) and length >= max(_TAIL, 5 * period):
                worst = max(worst, _RUNS_AWAY)
        worst = max(worst, min(1.0, covered / len(ids)))
    return worst


def _runs(same: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], same.astype(np.int8), [0]))))
    return [(int(edges[at]), int(edges[at + 1])) for at in range(0, len(edges), 2)]


def _said_again(text: str) -> float:
    """Share of sentences and lines, of three words or more, that stood there before."""
    said = [" ".join(_UNIT.findall(part.casefold())) for part in _SENTENCE.findall(text)]
    said = [part for part in said if part.count(" ") >= 2 and any(map(str.isalpha, part))]
    if len(said) < 4:
        return 0.0
    return (len(said) - len(set(said))) / len(said)


def _few_words(units: list[str]) -> float:
    """How poor the pairs of words are: of 40 or more, ordinary texts have over half distinct."""
    words = [unit for unit in units if unit.isalpha()]
    if len(words) < 40:
        return 0.0
    pairs = list(pairwise(words))
    distinct = len(set(pairs)) / len(pairs)
    return max(0.0, 1.0 - distinct / 0.5) if distinct < 0.5 else 0.0
