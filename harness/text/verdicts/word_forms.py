"""Whether words are whole: cut, split or run together, and rows of letters that make none."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache, lru_cache

from harness.text.verdicts.english import LETTERS, english, logarithms
from harness.text.verdicts.languages import COMMON, common_share

__all__ = ["broken_words"]

_LATIN = re.compile(r"[a-z\u00df-\u024f]+")
_CYRILLIC = re.compile(r"[\u0430-\u045f]+")
_VOWEL = re.compile(
    r"[aeiouy\u00e0-\u00e6\u00e8-\u00ef\u00f2-\u00f6\u00f8-\u00fd\u0101-\u024f"
    r"\u0430\u0435\u0438\u043e\u0443\u044b\u044d\u044e\u044f\u0451\u0456\u0457\u0454]"
)
_HEAP = re.compile(
    r"[bcdfghjklmnpqrstvwxz]{6}|[aeiou]{5}|(.)\1{3}|[bcdfghjklmpqrtvwxz]q|q[^uaioe]"
    r"|[jvwx]{2}(?<!vv)|x[jkqvz]|[^aeiou]j[^aeiou]|[fghkqvwz]x|^[b-df-hj-np-tv-xz]{4,}"
    r"|[\u0431-\u0434\u0436\u0437\u0439-\u043d\u043f-\u0442\u0444-\u044a\u044c]{6}"
)
"""Letters that hardly any word of a language in Latin or Cyrillic letters has together."""
_LEAST, _LEAST_READ = 8, 10
_SHORT_WORD, _LONGEST_WORD = 3, 32
_VOWELLESS, _HEAPED, _STRANGERS = 0.24, 0.16, 0.4
"""Shares of words from which a text is broken: without a vowel, with a heap, and short ones beyond
those that are common in its language. Ordinary completions have a tenth of the first
(abbreviations), hardly any of the second, and under .25 of the third."""
_WHOLE, _CUT, _SLACK = 0.25, -0.15, 0.5
"""Mean logarithms of the letters at the edges of words. Of texts with some 20 such words, those of
English were .2 to 1.6 at both edges; of cut words the kept edge was as high and the lost one −2.3
to −.2. In a text with the common words of English a lost edge suffices; where no language is known
the other edge must be English: a language without a list here is not cut English."""


def broken_words(words: Sequence[str], *, language: str | None) -> float:
    """How far casefolded words are no words, 0 to 1; from .5 they are broken.

    For alphabets with vowels, Latin and Cyrillic; others are not read. `language`: the one whose
    common words lead, None where none does.
    """
    counts = Counter(words)
    lettered: dict[str, int] = {}
    n = short = vowelless = heaped = long = 0
    for word, count in counts.items():
        kind = _kind(word)
        if kind is None:
            continue
        lettered[word] = count
        n += count
        if kind:
            short += count * ("short" in kind)
            vowelless += count * ("vowelless" in kind)
            heaped += count * ("heaped" in kind)
            long += count * len(word) * ("long" in kind)
    if long and long > 0.5 * sum(map(len, words)):
        return 1.0
    if n < _LEAST or n < 0.7 * len(words):
        return 0.0
    strangers = max(0.0, short / n - common_share(lettered, language)) if n >= 2 * _LEAST else 0.0
    worst = max(vowelless / n / _VOWELLESS, heaped / n / _HEAPED, strangers / _STRANGERS)
    return min(1.0, max(0.5 * worst, _cut(lettered, language)))


@lru_cache(maxsize=50_000)
def _kind(word: str) -> frozenset[str] | None:
    """What there is to say of a word, None where it is of another alphabet."""
    if not (_LATIN.fullmatch(word) or _CYRILLIC.fullmatch(word)):
        return None
    said = {
        "short": len(word) <= _SHORT_WORD,
        "long": len(word) > _LONGEST_WORD,
        "vowelless": len(word) > 1 and not _VOWEL.search(word),
        "heaped": _HEAP.search(word) is not None,
    }
    return frozenset(name for name, holds in said.items() if holds)


def _cut(words: Collection[str], language: str | None) -> float:
    """1 where English words have lost an edge, else 0."""
    if language not in (None, "en"):
        return 0.0
    starts, ends = _edges()
    read = {word for word in words if len(word) > 2 and word.isascii()} - COMMON["en"]
    if len(read) < _LEAST_READ:
        return 0.0
    first = sum(starts[word[0], word[1]] for word in read) / len(read)
    last = sum(ends[word[-2], word[-1]] for word in read) / len(read)
    lost = min(first, last) < _CUT - _SLACK / len(read) ** 0.5
    return float(lost and (language == "en" or max(first, last) > _WHOLE))


@cache
def _edges() -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], float]]:
    known = english()
    return logarithms(LETTERS, known.starts), logarithms(LETTERS, known.ends)
