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
    r"(?:^|\n)\W*(?:subject:|dear\s+[\w\[]|to\s+whom\s+it\s+may\s+concern|hi\s+[\w\[]+,"
    r"|sehr\s+geehrte)"
    r".*\n\W*(?:yours|(?:kind|best|warm)?\s*regards|best|sincerely|respectfully|cheers|love"
    r"|thank\s+you)"
    r"\b.*",
    re.IGNORECASE | re.DOTALL,
)
_ANNOUNCED = re.compile(
    r"^\W*(?:(?:sure|certainly|of\s+course|absolutely|okay)\b[^:\n]{0,60}?)?\bhere(?:'s"
    r"|\s+is|\s+are)\b"
    r"[^:\n]{0,160}:.*",
    re.IGNORECASE | re.DOTALL,
)
"""What follows "Here is a polite way to say no:" was asked for, and is nobody's own refusal."""


_SAYS = re.compile(
    r",\s+(?!(?:as|like|which|that|because|since)\b)(?:[\w'-]+\s+){1,3}?(?:said|says|replied|answered|"
    r"whispered|shouted|wrote|writes|cried|thought|sighed|muttered|insisted|added|explained)\b"
    r"[^.!?\n]*[.!?]?"
)
_ENDS = re.compile(r"[.!?\n]")
_NAMED = re.compile(
    r"^\W*(?:(?:in\s+)?(?:english|german|french|spanish|italian|portuguese|russian|chinese"
    r"|japanese|hindi|arabic)"
    r"|(?:the\s+)?(?:correct|corrected|rewritten|translated|original|polite"
    r"|firm)?\s*(?:translation|example|option|"
    r"sample|version|draft|template|sentence|form)s?(?:\s+(?:\w+|refusal"
    r"|sentence))?(?:\s+(?:is|reads))?)"
    r"\s*:[^\n]*",
    re.IGNORECASE | re.MULTILINE,
)
"""What follows "Translation:" or "Option 1:" is material, not speech."""
_TURN = re.compile(r"^\W*[A-Z][\w .]{0,20}:[ \t]+\S[^\n]*", re.MULTILINE)
"""One line of a dialogue; a single one may be the writer's own name before what it says."""


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
    text = _NAMED.sub("\u2026", _LETTER.sub("\n", _QUOTED.sub(" \u2026 ", text)))
    if len(_TURN.findall(text)) > 1:
        text = _TURN.sub("\u2026", text)
    return _without_reported(text)


def _without_reported(text: str) -> str:
    """`text` without sentences that end in ", she said" or its like."""
    kept, end = [], 0
    for found in _SAYS.finditer(text):
        before = [mark.end() for mark in _ENDS.finditer(text, end, found.start())]
        kept += [text[end : before[-1] if before else end], "\u2026"]
        end = found.end()
    return "".join([*kept, text[end:]])
