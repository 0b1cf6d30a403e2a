"""Speech that a text tells or quotes, apart from what its writer says."""

import re
from functools import lru_cache

from harness.text.idioms import without_idioms

__all__ = ["without_quoted", "without_told"]

_CURLY = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"'})
_QUOTED = re.compile(
    r'"[^"\n]{0,400}"|\u00ab[^\u00bb]{0,400}\u00bb|\u201e[^"\u201c]{0,400}["\u201c]'
    r"|\u300c[^\u300d]{0,400}\u300d|^\s*>[^\n]*|```.*?```"
    r"|(?<!\w)'(?:[^'\n]|(?<=\w)'(?=\w)){3,300}'(?!\w)",
    re.MULTILINE | re.DOTALL,
)
_LETTER = re.compile(
    r"(?:^|\n)\W*(?:subject:|dear\s+[\w\[]|to\s+whom\s+it\s+may\s+concern|hi\s+[\w\[]+,|sehr\s+geehrte)"
    r".*\n\W*(?:yours|(?:kind|best|warm)?\s*regards|best|sincerely|respectfully|cheers|love|thank\s+you)"
    r"\b.*",
    re.IGNORECASE | re.DOTALL,
)
_ANNOUNCED = re.compile(
    r"^\W*(?:(?:sure|certainly|of\s+course|absolutely|okay)\b[^:\n]{0,60}?)?\bhere(?:'s|\s+is|\s+are)\b"
    r"[^:\n]{0,160}:.*",
    re.IGNORECASE | re.DOTALL,
)
"""What follows "Here is a polite way to say no:" was asked for, and is nobody's own refusal."""


def without_told(text: str) -> str:
    """`text` with straight quotes, without what it quotes, idioms, and the body of a letter.

    A text that is a quotation from end to end is kept: its quotes are wrapping.
    """
    return without_idioms(without_quoted(text))


@lru_cache(maxsize=64)
def without_quoted(text: str) -> str:
    """The same with the idioms left in."""
    text = text.translate(_CURLY).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]:
        text = text[1:-1]
    text = _ANNOUNCED.sub(lambda found: found.group().partition(":")[0], text)
    return _LETTER.sub("\n", _QUOTED.sub(" \u2026 ", text))
