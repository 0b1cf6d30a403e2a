"""One spelling for the many ways in which the same label is written."""

import unicodedata
from functools import lru_cache

__all__ = ["plain_digits", "spelling"]

_LEAD = (
    " \t\r\n\"'`*_#([{>;\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u300c\u2581\u0120\ufeff\u200b"
)
_TAIL = (
    " \t\r\n\"'`*_)]}.,:;!?\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u300d\u3002\u3001\ufeff\u200b"
    "\ufe0f\u20e3"
)
_DASHES = "\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d"
_OTHER_NUMBERS = ("<super>", "<sub>", "<fraction>")
_MINUS = str.maketrans(dict.fromkeys(_DASHES, "-"))


def plain_digits(text: str) -> str:
    """`text` with compatibility forms folded, every decimal digit as 0-9, every dash as '-'.

    Folding never makes one number of two: a raised, lowered or fractional digit stays what it is
    ("4²" is not 42), and so does a circled one beside another digit.
    """
    if text.isascii():
        return text
    kept = [index for index, char in enumerate(text) if _stays(text, index, char)]
    if not kept:
        return _folded(text)
    starts = [0, *(index + 1 for index in kept)]
    pieces = [_folded(text[a:b]) for a, b in zip(starts, [*kept, len(text)], strict=True)]
    raised = [*(text[index] for index in kept), ""]
    return "".join(f"{piece}{char}" for piece, char in zip(pieces, raised, strict=True))


def _stays(text: str, index: int, char: str) -> bool:
    """Whether folding `char` would add a digit to a number that does not have it."""
    if not _makes_digits(char):
        return False
    if unicodedata.decomposition(char).startswith(_OTHER_NUMBERS):
        return True
    beside = text[max(0, index - 1) : index] + text[index + 1 : index + 2]
    return any(other.isdecimal() or _makes_digits(other) for other in beside)


@lru_cache(maxsize=4096)
def _makes_digits(char: str) -> bool:
    """Whether `char`, itself no decimal digit, is folded to something with one."""
    if char.isascii() or char.isdecimal():
        return False
    return any(part.isdecimal() for part in unicodedata.normalize("NFKC", char))


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).translate(_MINUS)
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in folded)


def spelling(text: str) -> str:
    """`text` without case, surrounding quotes, Markdown and punctuation, or a leading plus.

    Two labels with one spelling cannot be told apart in an answer.
    """
    bare = " ".join(plain_digits(text).lstrip(_LEAD).rstrip(_TAIL).casefold().split())
    if bare[:1] == "+" and bare[1:2].isdigit():
        return bare[1:]
    return bare
