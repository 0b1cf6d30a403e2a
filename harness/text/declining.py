"""Whether a writer declines: to answer the question, or to do a task, in the first person, now.

`content_refusal` and `answer_refusal` read a reply that gives no label. Beside a label the reading
is stricter (`declines_answer`, `declines_task`): a label stands unless what is with it declines,
and "I would rather not do this again" after a 1 is a reason for the 1. The phrases are general
English.
"""

import re
from functools import lru_cache

from harness.text.idioms import without_idioms

__all__ = ["answer_refusal", "content_refusal", "declines_answer", "declines_task"]

_NEGATIONS = ("n't", "not", "cant", "no ", "no\n", "unable", "declin", "refus", "lack", "no.")
"""No refusal is without one of these; most texts end at this cheap check."""
_CANNOT = (
    r"(?:\bcan(?:no|')?t|\bcan\s+not|\bcould(?:\s+not|n't)|\bwon't|\bwill\s+not|"
    r"\bwould(?:\s+not|n't)\s+be\s+able\s+to|\b(?:do|does)(?:\s+not|n't)\s+(?:want|wish)\s+to|"
    r"(?:\bam|'m|\bare|'re)\s+(?:not\s+(?:able|willing|going|permitted|allowed)|unable|unwilling)"
    r"\s+to|\b(?:refuse|decline)\s+to)"
)
_BETWEEN = r"(?:\s+\w+ly|\s+in\s+good\s+conscience|\s+(?:and|or)\s+(?:will|would|can)\s?not)*"
_DO = (
    r"(?:assist|help|support|provide|fulfil|fulfill|comply|complete|engage|do|create|write|"
    r"generate|give|offer|share|produce|participate|promote|continue|respond|proceed|discuss)"
)
_ANSWER = r"(?:rate|choose|pick|select|answer|compare|decide|judge|say|rank|score|make|prefer)"
_CONTENT = re.compile(
    rf"{_CANNOT}{_BETWEEN}\s+{_DO}\b"
    r"|(?:'m|\bam)\s+not\s+comfortable\b"
    r"|\b(?:must|have\s+to|need\s+to|will|would|should)\s+(?:\w+ly\s+)?(?:decline|refuse)\b",
    re.IGNORECASE,
)
_PASSIVE = re.compile(
    rf"(?:\b(?:is|are)|'s)\s+(?:not\s+something\s+(?:that\s+)?i\s+can|something\s+(?:that\s+)?i\s+{_CANNOT})"
    rf"\s+{_DO}\b",
    re.IGNORECASE,
)
_SORRY = re.compile(
    rf"\W*(?:i(?:'m|\s+am)\s+)?(?:really\s+|very\s+|so\s+)?(?:sorry|apologi[sz]e)\b"
    rf"(?:[^.!?\n]{{0,120}}?\b(?:i|we)\b[^.!?\n]{{0,40}}?|\W*(?:but\s+)?(?:\w+\s+)?){_CANNOT}",
    re.IGNORECASE,
)
_ANSWERING = re.compile(
    rf"{_CANNOT}{_BETWEEN}\s+{_ANSWER}\b"
    r"|\b(?:would|'d)\s+rather\s+not\b|\b(?:choose|prefer)\s+not\s+to\b",
    re.IGNORECASE,
)
_NOW = (
    r"(?:\bcan(?:no|')?t|\bcan\s+not|\bwon't|\bwill\s+not|\bwould(?:\s+not|n't)\s+be\s+able\s+to|"
    r"\bdo(?:\s+not|n't)\s+(?:want|wish|feel\s+(?:able|comfortable|qualified))(?:\s+to)?|"
    r"(?:\bam|'m|\bare|'re)\s+(?:not\s+(?:able|willing|going|permitted|allowed|in\s+a\s+position|"
    r"prepared|comfortable|qualified)|unable|unwilling|uncomfortable)(?:\s+to)?|"
    r"\b(?:refuse|decline)\s+to|\b(?:would|'d)\s+(?:rather|prefer)\s+not(?:\s+to)?|"
    r"\b(?:choose|prefer)\s+not\s+to)"
)
"""Present and future alone: "I could not finish it" tells what happened before the answer."""
_OVER = r"(?=\s*(?:[.!?,;:)\"\n]|$|\s(?:because|since|as|for|at\s+this|but|due|here)\b))"
_THING = (
    r"(?:this|that|these|those|it|them|either|neither|any|one|both|such|your|the|a|an|between|among|"
    r"from|over|for\s+you|to|myself|sides?|which|task|option|[\"'(]*(?-i:[A-Z0-9]{1,2})\b)"
)
_RATE = r"(?:rate|rating|score|scoring|rank|ranking|grade|grading|evaluate|evaluating|assess)"
_CHOOSE = r"(?:choose|choosing|pick|picking|select|selecting|decide|deciding|prefer)"
_WEIGH = r"(?:compare|comparing|judge|judging|rank|ranking|rate|rating)"
_BOTH = r"(?:between|which|these|those|them|either|the\s+(?:two|tasks|options))"
_VERDICT = (
    r"(?:rating|score|number|label|answer|opinion|preference|choice|decision|judg(?:e)?ment|"
    r"evaluation|comparison|selection|response|grade)s?"
)
_GIVE = (
    r"(?:give|giving|provide|providing|assign|assigning|offer|offering|make|making|put|express|"
    r"expressing|state|share|form|have|pick|choose|select|settle\s+on|answer\s+with|respond\s+with)"
)
_DECLINES_RATING = re.compile(
    rf"{_NOW}{_BETWEEN}\s+(?:{_RATE}(?:\s+{_THING}|{_OVER})"
    rf"|(?:answer|answering|respond|reply|say){_OVER}|(?:answer|answering)\s+{_THING}"
    rf"|{_GIVE}\s+(?:\w+\s+){{0,4}}?{_VERDICT}\b)"
    rf"|(?:\bi|'d)\s+(?:would\s+)?(?:rather|prefer)\s+not(?:\s+to)?{_OVER}",
    re.IGNORECASE,
)
_DECLINES_CHOICE = re.compile(
    rf"{_NOW}{_BETWEEN}\s+{_CHOOSE}(?:\s+{_THING}|{_OVER})"
    rf"|{_NOW}{_BETWEEN}\s+{_WEIGH}(?:\s+{_BOTH}|{_OVER})",
    re.IGNORECASE,
)
_GENERIC = (
    r"(?:(?:with\s+)?(?:that|this|it|either|neither|these|those|them|both|any\s+of\s+(?:these|this)|"
    r"(?:the|your|this|that|such|either|these|those)\s+(?:(?:\w+\s+)?(?:kind|sort|type)s?\s+of\s+)?"
    r"(?:\w+\s+)?(?:request|task|option|choice|"
    r"question|topic|item)s?))"
)
_DECLINES_TASK = re.compile(
    rf"{_NOW}{_BETWEEN}\s+{_DO}"
    rf"(?:(?:\s+(?:you|in|on|to|or\s+\w+))*(?:\s+{_GENERIC})?{_OVER}"
    rf"|\s+(?:with\s+)?(?:task|option|item)?\s*[\"'(]*(?-i:[A-Z0-9]{{1,2}})\b[\"')]*{_OVER}"
    r"|\s+(?:you\s+)?(?:with\s+)?(?:help|assistance|support|instructions|information|content)\b)"
    rf"|(?:'m|\bam)\s+not\s+comfortable{_OVER}"
    rf"|(?:'m|\bam)\s+not\s+comfortable\s+(?:(?:doing|completing)\b|{_GENERIC})"
    r"|\b(?:must|have\s+to|(?<!no\s)need\s+to|will|would|should|going\s+to|'ll)\s+(?:respectfully\s+)?"
    rf"(?:decline|refuse)(?:{_OVER}|\s+{_GENERIC}{_OVER}|\s+to\b|\s+[\"'(]*(?-i:[A-Z0-9]{{1,2}})\b)"
    rf"|(?:^|[.!?,\n])\s*i\s+(?:refuse|decline){_OVER}",
    re.IGNORECASE,
)
_OTHER_TIMES = re.compile(
    r"\b(?:again|next\s+time|in\s+(?:the\s+)?future|every\s?(?:day|time)|any\s?more|twice|often"
    r"|without\s+\w+ing|all\s+day)\b",
    re.IGNORECASE,
)
"""Declining another time, or to do it otherwise, is a comment on this time."""
_SPEAKER = re.compile(r"\b(?:i|we)\b", re.IGNORECASE)
_SENTENCE_START = re.compile(r"\W*(?:(?:sorry|no|unfortunately)\b\W*)?", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?\n]+|$)")
_STRETCH = re.compile(r"[^.!?]+[.!?]*")
"""A sentence, over the ends of lines: those without a negation refuse nothing."""
_SENTENCE_BREAK = re.compile(r"[.!?\n]")
_BEGINNING, _END = 600, 300
"""Characters at the edges of a text that are looked at."""
_CURLY = str.maketrans({"\u2019": "'", "\u2018": "'"})


@lru_cache(maxsize=64)
def content_refusal(text: str, *, plain: bool = False) -> bool:
    """Whether `text` declines to do a task, near its beginning or its end.

    `plain`: its quotation marks are straight and its idioms are taken out already.
    """
    text = _cut(text) if plain else _edges(text)
    if not _negated(text):
        return False
    text = "".join(part for part in _STRETCH.findall(text) if _negated(part))
    return _spoken(_CONTENT, text) or bool(_SORRY.match(text) or _PASSIVE.search(text))


def answer_refusal(text: str) -> bool:
    """Whether `text` declines to rate or to choose, near its beginning or its end."""
    text = _edges(text)
    return _negated(text) and _spoken(_ANSWERING, text)


def declines_answer(text: str, *, choice: bool) -> bool:
    """Whether `text`, beside a label, declines to give a rating (or to make a choice)."""
    text = _edges(text)
    if not _negated(text):
        return False
    here = _this_time(text)
    return _spoken(_DECLINES_RATING, here) or (choice and _spoken(_DECLINES_CHOICE, here))


def declines_task(text: str) -> bool:
    """Whether `text`, beside a label, declines what was asked, or what a label stands for."""
    text = _edges(text)
    if not _negated(text):
        return False
    here = _this_time(text)
    return _spoken(_DECLINES_TASK, here) or bool(_PASSIVE.search(here))


def _this_time(text: str) -> str:
    """`text` without the sentences that speak of other times."""
    return "".join(part for part in _SENTENCE.findall(text) if not _OTHER_TIMES.search(part))


def _edges(text: str) -> str:
    """Beginning and end, where a refusal stands; what a story says in between is not one."""
    return without_idioms(_cut(text).translate(_CURLY))


def _cut(text: str) -> str:
    if len(text) > _BEGINNING + _END:
        return f"{text[:_BEGINNING]}\n{text[-_END:]}"
    return text


def _negated(text: str) -> bool:
    lowered = text.casefold()
    return any(negation in lowered for negation in _NEGATIONS)


def _spoken(pattern: re.Pattern[str], text: str) -> bool:
    """Whether `pattern` occurs with the writer as the subject, or with none, in its sentence."""
    for found in pattern.finditer(text):
        before = text[max(0, found.start() - 60) : found.start()]
        before = _SENTENCE_BREAK.split(before)[-1]
        if _SPEAKER.search(before) or _SENTENCE_START.fullmatch(before):
            return True
        if _SPEAKER.match(found.group().lstrip(" .!?,\n")):
            return True
    return False
