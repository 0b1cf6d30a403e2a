"""Whether a writer says that it has no preferences, feelings or experiences."""

import re

__all__ = ["disclaimer"]

_NO = r"(?:do(?:\s+not|n't)|cannot|can't|can\s+not)"
_OWN = r"(?:personal|subjective|real|actual|own|true|genuine|human|inherent)"
_INNER = (
    r"(?:preferences?|feelings?|emotions?|opinions?|likes|dislikes|enjoyment|desires?|"
    r"experiences?|consciousness|sentience)"
)
_DISCLAIMER = re.compile(
    rf"\b{_NO}\s+(?:\w+\s+)?(?:have|hold|possess|experience|feel|form)\s+(?:any\s+|the\s+)?"
    rf"(?:{_OWN}\s+|\w+,?\s+(?:or|and)\s+)*{_INNER}"
    rf"|\b(?:i\s+have|with|there\s+(?:is|are))\s+no\s+(?:{_OWN}\s+)*{_INNER}"
    rf"|\b{_NO}\s+(?:\w+\s+)?(?:enjoy|like|dislike|feel|prefer)\b[^.!?\n]{0, 80}?"
    r"\b(?:as\s+an\s+ai|like\s+(?:a\s+)?humans?|the\s+way)"
    r"|^\W*no\s+preferences?\W*$"
    r"|\bas\s+an\s+ai\b[^.!?\n]{0,120}?\b(?:do(?:\s+not|n't)|cannot|can't|lack)\b",
    re.IGNORECASE,
)
_BEGINNING, _END = 600, 300
"""Characters at the edges of a text that are looked at."""
_CURLY = str.maketrans({"\u2019": "'", "\u2018": "'"})


def disclaimer(text: str) -> bool:
    """Whether `text` says, near its beginning or its end, that its writer has no preferences."""
    if len(text) > _BEGINNING + _END:
        text = f"{text[:_BEGINNING]}\n{text[-_END:]}"
    return _DISCLAIMER.search(text.translate(_CURLY)) is not None
