"""Whether a text is language or gibberish, without a judge: five statistics, the worst counts.

`loop` (repetition), `alphabet` (letters of several alphabets mixed, odd characters), `order` (words
shuffled), `words` (cut or broken words, letters that make no word), `language` (it changes in the
middle). Each is 0 to 1 and scaled so that .5 is its threshold. Code, formulas, tables and links are
left out of what reads words. Meaning is not read: a fluent text beside its question is coherent.
`python -m benchmarks.verdicts` prints how often each kind of planted gibberish is found, and how
often ordinary completions are taken for it.
"""

import re
from functools import lru_cache

from harness.text.verdicts.alphabets import mixed_alphabets, odd_characters
from harness.text.verdicts.languages import changes_of_language, language_of
from harness.text.verdicts.repetition import looping
from harness.text.verdicts.verdict import Verdict
from harness.text.verdicts.word_forms import broken_words
from harness.text.verdicts.word_order import disordered

__all__ = ["THRESHOLD", "coherence", "prose_of"]

_KEPT = 64
"""Texts whose verdict is kept: an attitude asks for it again."""
THRESHOLD = 0.5
"""A text whose worst statistic reaches this is incoherent; its score is one minus the worst."""
_NOT_PROSE = re.compile(
    r"```.*?(?:```|\Z)|\$\$.*?\$\$|\\\[.*?\\\]|\\begin\{(\w+\*?)\}.*?\\end\{\1\}|\$[^$\n]{1,400}\$"
    r"|\\\(.*?\\\)|`[^`\n]+`|https?://\S+|\S+@\S+\.\S+|^[ \t]*\|.*$|^(?: {4}|\t)\S.*$"
    r"|<[^<>\n]{1,200}>"
    r"|\[asy\].*?\[/asy\]|\\\w+",
    re.DOTALL | re.MULTILINE,
)
_CODE_LINE = re.compile(
    r"[;{}]\s*$|^\s*(?:def|class|import|from|return|if|for|while|print|var|let|const|function|public|"
    r"SELECT|INSERT|UPDATE|#include|else|elif|try|except)\b[^.!?]*[:;(){}=]?\s*$|^\s*[\w.\[\]]+\s*[-+*/]?=[^=]"
    r"|\w\([^)]*\)\s*$|=>|^\s*(?://|#|<!--|;;|\()"
)
_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=_KEPT)
def coherence(text: str) -> Verdict:
    """`coherent` or `incoherent`; `score` 0 to 1; `flags` has each statistic that is above 0.

    An empty text is incoherent: there is nothing that could be about anything.
    """
    if not text.strip():
        return Verdict(kind="coherence", value="incoherent", score=0.0, reason="empty")
    prose = prose_of(text)
    words = [word.casefold() for word in _WORD.findall(prose)]
    language = language_of(words)
    found = {
        "loop": looping(text),
        "alphabet": max(mixed_alphabets(prose), odd_characters(text)),
        "order": disordered(prose, in_english=language == "en"),
        "words": broken_words(words, language=language),
        "language": changes_of_language(prose, words),
    }
    worst = max(found, key=lambda name: found[name])
    broken = found[worst] >= THRESHOLD
    return Verdict(
        kind="coherence",
        value="incoherent" if broken else "coherent",
        score=round(1.0 - found[worst], 3),
        flags={name: round(value, 3) for name, value in found.items() if value > 0},
        reason=_REASONS[worst] if broken else "",
    )


_REASONS = {
    "loop": "says the same again and again",
    "alphabet": "mixes alphabets, or holds characters of no text",
    "order": "words in no order",
    "words": "broken words",
    "language": "changes its language in the middle",
}


def prose_of(text: str) -> str:
    """`text` without code, formulas, tables, markup and links."""
    text = _NOT_PROSE.sub("\n", text)
    return "\n".join(line for line in text.split("\n") if not _CODE_LINE.search(line))
