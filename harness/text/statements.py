"""What a text after a label says about the answer: another one, the same again, or neither.

Commentary is full of labels that answer nothing ("it had 3 parts", "task B was long"). To count
them against an answer would lose most of those whose label is not the one mentioned. So only a
label that is *stated* counts: on a line of its own, in a listing of labels, or as what the writer
chooses, rates or corrects to.
"""

import re

from harness.text.grammar import Scale
from harness.text.wrapping import unwrapped

__all__ = ["stated", "takes_back"]

_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n+")
_PIECES = re.compile(r"(?:[\s,;:/|()\[\].!?\"'&=]|-(?!\d))+")
_JOINING = frozenset(
    [
        "or",
        "and",
        "maybe",
        "perhaps",
        "possibly",
        "even",
        "between",
        "to",
        "vs",
        "versus",
        "either",
        "both",
        "neither",
        "nor",
        "no",
        "wait",
        "actually",
        "rather",
        "also",
        "then",
        "a",
        "an",
        "the",
        "task",
        "option",
        "answer",
        "choice",
        "label",
        "number",
    ]
)
_CHOOSES = re.compile(
    r"\bi(?:'d|'ll|\s+would|\s+will)?\s+(?:(?:rather|still|also|definitely|much|now)\s+)?"
    r"(?:choose|chose|pick|picked|select|selected|prefer|preferred|go\s+with|went\s+with)\b",
    re.IGNORECASE,
)
_RATES = re.compile(
    r"\bi(?:'d|'ll|\s+would|\s+will)?\s+(?:(?:rather|still|also|definitely|now)\s+)?"
    r"(?:rate|rated|give|gave|score|scored|say|choose|pick|go\s+with)\s+"
    r"(?:(?:it|this|that|the|my|task|experience|rating|as|at|a|an|of)\s+){0,4}"
    r"[\"']?(?P<label>[-+]?\w+)[\"']?(?P<after>[^.!?;\n]*)",
    re.IGNORECASE,
)
_SUPPOSED = re.compile(
    r"^\s*(?:\w+\s+)?(?:if|had|were|unless|when|on\s+a|in\s+a|times?|stars?|more|points?|of)\b",
    re.IGNORECASE,
)
_CORRECTS = re.compile(
    r"(?:^|[,;:(\u2014-])\W*(?:no\s*,?\s+)?(?:actually|wait|or\s+rather|on\s+(?:second\s+thoughts?"
    r"|reflection)|correction|scratch\s+that|i\s+mean|i\s+meant|sorry,|my\s+mistake)\b"
    r"|\b(?:make|change)\s+(?:that|it|my\s+(?:answer|rating|choice|mind))\b",
    re.IGNORECASE,
)
_LAST_WORD = re.compile(r"[-+]?[\w.]*\w\W*$")


def stated(scale: Scale, rest: str, *, same_line: str) -> frozenset[str]:
    """Labels that the text after a label states as an answer.

    `same_line` is the part of `rest` on the label's own line; there a listing counts ("A, B",
    "1 = bad" with "2 = good" below it).
    """
    found: set[str] = set()
    if same_line.strip():
        found |= _enumerated(scale, _SENTENCES.split(same_line.strip())[0])
        found |= {led[0] for line in rest.split("\n") if (led := scale.leading(line))}
        found |= {led[0] for part in same_line.split(",") if (led := scale.leading(part))}
    for line in rest.split("\n"):
        if (whole := scale.whole(line)) is not None:
            found.add(whole)
    for sentence in _SENTENCES.split(rest):
        found |= _spoken(scale, sentence)
    return frozenset(found)


def takes_back(scale: Scale, rest: str) -> bool:
    """Whether a sentence corrects the answer to some label, be it the one given."""
    for sentence in _SENTENCES.split(rest):
        cue = _CORRECTS.search(sentence)
        if cue is None:
            continue
        corrected = sentence[cue.end() :]
        if not scale.numeric and scale.mentioned(corrected):
            return True
        last = _LAST_WORD.search(corrected)
        if last is not None and scale.exact(last.group()) is not None:
            return True
    return False


def _enumerated(scale: Scale, segment: str) -> set[str]:
    """The labels of a segment that consists of nothing else: " or B", " B and A"."""
    words = [word for word in _PIECES.split(unwrapped(segment)) if word]
    labels = [scale.exact(word) for word in words]
    if not any(labels) or any(
        label is None and word.casefold() not in _JOINING
        for word, label in zip(words, labels, strict=True)
    ):
        return set()
    return {label for label in labels if label is not None}


def _spoken(scale: Scale, sentence: str) -> set[str]:
    """Labels that the writer says to choose or to rate with."""
    if scale.kind == "choice":
        return set(scale.mentioned(sentence)) if _CHOOSES.search(sentence) else set()
    rates = _RATES.search(sentence)
    if rates is None or _SUPPOSED.match(rates.group("after")):
        return set()
    label = scale.exact(rates.group("label"))
    return set() if label is None else {label}
