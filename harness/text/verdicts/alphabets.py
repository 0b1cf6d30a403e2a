"""Alphabets of a text: letters of several in one word, or one after the other in one sentence."""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

__all__ = ["mixed_alphabets", "odd_characters"]

_RANGES = (
    ("latin", 0x41, 0x24F),
    ("latin", 0x1E00, 0x1EFF),
    ("greek", 0x370, 0x3FF),
    ("cyrillic", 0x400, 0x52F),
    ("armenian", 0x530, 0x58F),
    ("hebrew", 0x590, 0x5FF),
    ("arabic", 0x600, 0x77F),
    ("devanagari", 0x900, 0x97F),
    ("indic", 0x980, 0xDFF),
    ("thai", 0xE00, 0xEFF),
    ("georgian", 0x10A0, 0x10FF),
    ("hangul", 0x1100, 0x11FF),
    ("han", 0x3040, 0x30FF),
    ("han", 0x3400, 0x9FFF),
    ("hangul", 0xAC00, 0xD7AF),
)
"""Kana and Han count as one: Japanese is written in both."""
_INTERLEAVED = re.compile(r"(?:[A-Za-z]+[\u4e00-\u9fff]{1,2}){5}")
_CASED = frozenset(["latin", "cyrillic", "armenian", "georgian", "hebrew", "arabic", "devanagari"])
"""Alphabets whose words hold no letter of another; Greek letters stand in formulas."""
_ASCII = re.compile(r"[\x00-\x7f]*")
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = frozenset(["latin"])
_ODD = re.compile(r"[\ufffd\ue000-\uf8ff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SPOKEN_RUN = re.compile(r"[^\W_]+")
_LEAST_MARKS, _SPOKEN, _KINDS = 12, 0.2, 8
"""Of a text that long, of so many different characters, a fifth is letters or digits at least; a
row of stars or dashes is an ornament."""
_BREAK = re.compile(
    r"[.!?:;,\n()\[\]\"'*`|/=<>\u00ab\u00bb\u2013\u2014\u2018-\u201f\u2192\u3001\u3002\uff08\uff09\uff0c\uff1a-]"
)
"""Between two alphabets in ordinary text stands one of these: a gloss, a quotation, a list."""


def mixed_alphabets(text: str) -> float:
    """How far a text mixes alphabets as no writer does, 0 to 1; from .5 it is gibberish.

    Counted are words with letters of two alphabets, and changes of alphabet between two words with
    nothing but a space between them, beyond the few that names and terms bring.
    """
    if text.isascii():
        return 0.0
    if _INTERLEAVED.search(text):
        return 1.0
    words = list(_WORD.finditer(text[:20_000]))
    if len(words) < 3:
        return 0.0
    kinds = [_alphabets(word.group()) for word in words]
    mixed = sum(len(kind & _CASED) > 1 for kind in kinds)
    bare = 0
    for (one, kind), (other, next_kind) in pairwise(zip(words, kinds, strict=True)):
        between = text[one.end() : other.start()]
        if kind and next_kind and not kind & next_kind and not _BREAK.search(between):
            bare += between.isspace()
    several = len(frozenset().union(*kinds) - {"greek"})
    many = 0.5 * (several - 4) if several > 4 and (bare > 2 or mixed) else 0.0
    return min(1.0, max(mixed / len(words) / 0.16, _bare_share(bare, len(words), several), many))


def _bare_share(bare: int, words: int, several: int) -> float:
    """Of two alphabets, .4 changes a word are the bound; a third makes terms unlikely."""
    if bare < 3:
        return 0.0
    return bare / words / (0.8 if several < 3 else 0.3)


def odd_characters(text: str) -> float:
    """Share of characters that no text holds, times ten; 1 where hardly a letter or digit is left.

    Such characters are replaced, private and control ones.
    """
    seen = text[:20_000]
    if not seen.strip():
        return 1.0
    odd = len(_ODD.findall(seen)) / len(seen)
    marks = sum(map(len, seen.split()))
    spoken = sum(map(len, _SPOKEN_RUN.findall(seen)))
    bare = marks >= _LEAST_MARKS and spoken < _SPOKEN * marks and len(set(seen)) > _KINDS
    return min(1.0, 10 * odd + bare)


@lru_cache(maxsize=20_000)
def _alphabets(word: str) -> frozenset[str]:
    if _ASCII.fullmatch(word):
        return _LATIN
    found = set()
    for character in set(word):
        code = ord(character)
        for name, first, last in _RANGES:
            if first <= code <= last:
                found.add(name)
                break
        else:
            if character.isalpha():
                found.add(unicodedata.name(character, "other").partition(" ")[0].casefold())
    return frozenset(found)
