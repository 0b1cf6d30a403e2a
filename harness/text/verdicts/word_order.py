"""Whether English words stand in an order: which classes of word follow which.

A word's class is itself for the commonest words, else its ending or its kind. Kept is, for each
pair of classes, the logarithm of how much oftener it occurs than chance has it
(`scripts/fit_english.py`). Its mean over the pairs of a text is above 0 in prose, and as far
below 0 where the same words are shuffled. Besides, in any language: full stops before small
letters, and capitals in the middle.
"""

import math
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise

from harness.text.verdicts.english import english, logarithms

__all__ = ["CLASSES", "class_of", "class_pairs", "disordered", "tokens"]

_ALONE = (
    "the of to and in for is be that it i you we as not with on at by from about if when what how "
    "who which there can will would have do so just all one out up no"
)
"""Words with a class of their own."""
_GROUPS = {
    "a": "a an",
    "or": "or but nor",
    "into": "into within through during between without against under over before after around",
    "are": "are was were am isn't aren't wasn't",
    "it's": "it's that's there's he's she's i'm you're we're they're",
    "been": "been being",
    "they": "they he she i've you've i'll you'll i'd let's",
    "them": "me him us them myself yourself itself themselves",
    "their": "your my his her our their its whose",
    "like": "like than",
    "this": "this these those each every any some another",
    "should": "should may could might must shall cannot can't won't wouldn't shouldn't couldn't",
    "has": "has had",
    "does": "does did don't doesn't didn't",
    "never": "never always often also only even still",
    "because": "because while although since until though whether unless then",
    "where": "where why",
    "very": "very more most too quite much less",
    "other": "both many several few other such own same first next last",
}
"""Words that share a class."""
_OF_WORD = {word: word for word in _ALONE.split()} | {
    word: name for name, words in _GROUPS.items() for word in words.split()
}
_COMMON = frozenset(_OF_WORD.values())
_ENDINGS = ("ing", "ed", "ly", "tion", "ment", "ness", "ity", "al", "ive", "ous", "ful", "s")
_MARKS = {".": "end", "!": "end", "?": "end", ",": "comma", ";": "comma", ":": "comma"}
CLASSES = (*_ALONE.split(), *_GROUPS, *_ENDINGS, "end", "comma", "number", "capital", "word")
"""Every class of word, in the order of the table."""

_TOKEN = re.compile(
    r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*|\d[\d.,]*\d|\d|[.,;:!?](?=\s|$)|\n|[^\w\s'\u2019]"
)
_LEAST = 12
"""Pairs of words under which an order says too little."""
_BOUND, _SLACK, _WIDTH = 0.25, 0.7, 0.3
"""Shuffled is a mean below _BOUND − _SLACK/√n over n pairs. On texts that were not fitted, of 60
pairs or more, means of prose were .36 to 1.29 and of the same words shuffled −.96 to .13; of 12 to
15 pairs .00 to 1.62 against −.95 to .37, so the shorter the text the lower the line. _WIDTH turns
the distance into a score."""
_SENTENCE_END = re.compile(r"\w\w\w[.!?][\"')\u201d\u2019]*\s+(\S)")
_CAPITAL_INSIDE = re.compile(
    r"[a-z\u00df-\u024f\u0430-\u044f,] [A-Z\u00c0-\u00de\u0410-\u042f]"
    r"[a-z\u00df-\u024f\u0430-\u044f]"
)
_SENTENCES, _SMALL_WEIGHT = 3, 0.8


@lru_cache(maxsize=50_000)
def class_of(token: str) -> str | None:
    """The class of one token, None where it is a sign or the end of a line."""
    if not token[0].isalnum() and token not in _MARKS:
        return None
    small = token.casefold().replace("\u2019", "'")
    if small in _OF_WORD:
        return _OF_WORD[small]
    if small in _MARKS:
        return _MARKS[small]
    if small[0].isdigit():
        return "number"
    if token[0].isupper():
        return "capital"
    for ending in _ENDINGS:
        if len(small) > len(ending) + 2 and small.endswith(ending):
            return ending
    return "word"


def tokens(text: str) -> list[str]:
    """Words, numbers and marks in their order; "\\n" and other signs stand for themselves."""
    return _TOKEN.findall(text)


def class_pairs(found: Sequence[str]) -> list[tuple[str, str]]:
    """Neighbours that both have a class, one at least a common word; a line's end or a sign parts
    them. Two words of content say little of an order, and lists are made of them."""
    kinds = [class_of(token) for token in found]
    return [
        (one, other)
        for one, other in pairwise(kinds)
        if one and other and (one in _COMMON or other in _COMMON)
    ]


def disordered(text: str, *, in_english: bool) -> float:
    """How far the words of a text stand in no order, 0 to 1; from .5 they were shuffled.

    `in_english`: that the table of pairs is to be asked; the marks of a sentence are read anyhow.
    """
    return max(_by_marks(text), _by_pairs(text) if in_english else 0.0)


def _by_pairs(text: str) -> float:
    pairs = class_pairs(tokens(text[:6000]))
    if len(pairs) < _LEAST:
        return 0.0
    table = _table()
    mean = sum(table[pair] for pair in pairs) / len(pairs)
    line = _BOUND - _SLACK / math.sqrt(len(pairs))
    return min(1.0, max(0.0, 0.5 + (line - mean) / (2 * _WIDTH)))


def _by_marks(text: str) -> float:
    """Share of sentences that begin small: in shuffled text the stops stay with their words."""
    begins: list[str] = _SENTENCE_END.findall(text[:6000])
    cased = [letter for letter in begins if letter.upper() != letter.lower()]
    small = sum(letter.islower() for letter in cased)
    if len(cased) < _SENTENCES or small < _SENTENCES:
        return 0.0
    if len(_CAPITAL_INSIDE.findall(text[:6000])) < small:
        return 0.0  # a writer who begins small writes small inside as well
    return _SMALL_WEIGHT * small / len(cased)


@cache
def _table() -> dict[tuple[str, str], float]:
    return logarithms(CLASSES, english().pairs)
