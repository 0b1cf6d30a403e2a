"""One spelling for the many ways in which the same label is written."""

import unicodedata

__all__ = ["plain_digits", "spelling"]

_LEAD = (
    " \t\r\n\"'`*_#([{>;\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u300c\u2581\u0120\ufeff\u200b"
)
_TAIL = (
    " \t\r\n\"'`*_)]}.,:;!?\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u300d\u3002\u3001\ufeff\u200b"
    "\ufe0f\u20e3"
)
_DASHES = "\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d"
_MINUS = str.maketrans(dict.fromkeys(_DASHES, "-"))


def plain_digits(text: str) -> str:
    """`text` with compatibility forms folded, every decimal digit as 0-9, every dash as '-'."""
    if text.isascii():
        return text
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
