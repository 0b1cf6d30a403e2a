"""Which of two items a text does, by what it shares with each: words, forms, a language, a sum.

The text is what a model wrote after the label of its choice. Sentences about the choice itself are
left out. What is left is read whole and piece by piece: it speaks for an item by words that are
that item's alone, by a form that this item alone asks for, by its language and by the result of its
arithmetic. Two pieces that speak for different items are both; a text that speaks for none is
neither. What an answer does not share with its question ("Canberra") is not found.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from harness.text.refusal import refusal_of
from harness.text.verdicts.forms import in_language, nearer_language
from harness.text.verdicts.idioms import idioms_of
from harness.text.verdicts.requests import Request, alone, request_of, stem_of, stems_of
from harness.text.verdicts.shapes import forms_of
from harness.text.verdicts.verdict import Verdict

__all__ = ["executed_task"]

_LEAST, _LEAD = 0.9, 0.5
"""Evidence for an item from which a text does it, and its lead over the other item."""
_PIECE, _PIECE_LEAD = 1.1, 0.9
"""The same for one piece of a text that would then do both."""
_FORM_WEIGHT = {
    "code": 1.8,
    "verse": 1.8,
    "letter": 1.8,
    "table": 1.8,
    "json": 1.8,
    "dialogue": 1.8,
    "quiz": 1.8,
    "questions": 1.5,
    "post": 1.5,
    "math": 1.5,
    "schedule": 1.5,
    "list": 1.2,
    "story": 1.2,
    "haiku": 1.2,
    "limerick": 1.2,
    "sonnet": 1.2,
    "python": 1.5,
    "javascript": 1.5,
    "sql": 1.5,
    "html": 1.5,
    "css": 1.5,
    "bash": 1.5,
    "rust": 1.5,
    "java": 1.5,
    "cpp": 1.5,
    "go": 1.5,
    "year": 1.2,
    "steps": 1.0,
    "unknown": 1.2,
    "duration": 1.2,
    "proper": 1.0,
    "common": 1.0,
    "person": 1.0,
    "roman": 1.5,
    "symbol": 1.2,
    "prose": 1.0,
    "name": 1.0,
}
_NEEDED = frozenset(["code", "verse", "letter", "table", "json", "dialogue", "quiz"])
"""Forms without which a request that asks for them is not done."""
_LOOSE = frozenset(["prose", "list", "name", "math", "story"])
"""Forms that any text may have: without a word of the item they say little."""
_IN_POINTS = frozenset(["list", "steps", "schedule", "quiz", "table", "json"])
"""Forms that come in points, one a line."""
_OF_CODE = frozenset(
    ["python", "javascript", "sql", "html", "css", "bash", "rust", "java", "cpp", "go"]
)
_SHOWN = _NEEDED | {"marked", "labelled"}
_BRIEF, _BRIEFLY = frozenset(["short", "name", "symbol", "year", "math"]), 8
"""Forms that are a few words long, and how many those are."""
_ENOUGH = 20
"""Words of a text that must be doing something."""
_INVENTED = frozenset(["story", "verse"])
"""What is invented need not hold a word of its request."""
_BARE, _UNKNOWN, _TOLD = 120, 0.4, 0.85
"""Characters of a text that may be a bare answer, and what a loose form counts for elsewhere."""
_SAME_TOPIC = 0.3
"""For a form that one item asks for, where the text is on the topic that both share."""
_BY_CHANCE = 0.0006
"""Chance that a word of an item stands in a text about something else, by word of that text."""
_DRAWN, _REWRITTEN = 0.35, 0.6
"""Share of a text's words that come from what it sums up or rewrites."""
_SAME_LANGUAGE = 1.0
"""For an item in English beside one that wants another language, where the text is English."""
_LANGUAGE_WEIGHT, _RESULT_WEIGHT, _EXPRESSION_WEIGHT, _LENGTH_WEIGHT = 2.0, 2.0, 1.0, 1.2
_MOST_WORDS = 4.0
_STRANGE, _SHORTER = 0.8, 0.8
"""Against a longer text that holds no word at all of an item of three words or more."""
_HEADING = 5
"""Words under which a paragraph is a heading, a greeting or a signature."""
_FIRST, _LAST = 4, 3
"""Sentences at the beginning and at the end that may be about the choice."""
_SHORT = 200
"""Characters of a text that may be nothing but a question back."""
_ABOUT = re.compile(
    r"\bi(?:'m|'d|'ll|'ve|\s+am|\s+would|\s+will|\s+have)?\s+(?:\w+ly\s+)?(?:chos\w+|choos\w+|pick\w*|went\s+with|"
    r"go(?:ing)?\s+with|select\w*|prefer\w*|glad|happy|delighted|enjoy\w*|love\s+to|like\s+to|be\s+(?:glad|happy|"
    r"delighted)|made\s+my)\b(?![^.!?\n]*:\s*\S)"
    r"|\b(?:my|great|good|nice|easy|hard|tough)\s+(?:choice|pick)\b|\blet\s+me\s+(?:know|think|begin|start)\b"
    r"|\b(?:this|that|either|both)\s+(?:of\s+(?:these|them|the)\s+)?(?:task|one|option|choice|pair|looks|sounds|"
    r"seems|was\s+a\s+(?:nice|fun))\w*\b|\b(?:shall|should|may)\s+i\b|\b(?:two|pair\s+of)\s+(?:tasks|options)\b"
    r"|\bthank(?:s|\s+you)\b|\b(?:is|are)\s+fun\b|\bfavou?rite\s+kind\b|\bjust\s+say\b|\btough\s+call\b"
    r"|\bworking\s+on\s+it\b|\bboth\s+tasks\b|\b(?:first|second|other)\s+(?:one\s+)?(?:would|is\s+(?:mostly|more))\b",
    re.IGNORECASE,
)
_ASKS_BACK = re.compile(
    r"\b(?:do|are|have|would|could|can|will|did)\s+you\b|\bshall\s+i\b|\bshould\s+i\b|\bi\s+start\b"
    r"|\byour?\b|^\W*how\s+old\b",
    re.IGNORECASE,
)
_TAKES = re.compile(
    r"\bi\s+went\s+for\s+(?:this|that|it|the)\b|\bi(?:'ll|\s+will)\s+(?:do|take|try|start\s+with)\s+(?:the|that|this)\b"
    r"|\b(?:is|was)\s+the\s+one\s+that\s+i\b",
    re.IGNORECASE,
)
_BEFORE_TAKES = ("ll ", " that ", " will ", " went ")
_YES = re.compile(
    r"\W*(?:understood|okay|ok|sure|alright|all\s+right|great|fine|got\s+it|certainly|of\s+course"
    r"|absolutely|happy\s+to|(?:sure,\s+)?here\s+(?:we|you)\s+go)\W*",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^[ \t]*\d{1,2}[.)][ \t]", re.MULTILINE)
"""Numbers that count the points of a list are none of a request's."""
_DECLINES = re.compile(
    r"\bi(?:'ll|'d|\s+will|\s+must|\s+have\s+to|\s+would|\s+choose|\s+prefer)?\s+(?:rather\s+|prefer\s+|like\s+)?"
    r"(?:to\s+)?(?:decline|pass\s+on|not\s+(?:to\b|do\b|take|answer|be\s+doing)|sit\s+this\s+one\s+out)",
    re.IGNORECASE,
)
"""A refusal when nothing is done; with something done it may be of the other task."""
_SENTENCE_END = re.compile(r"(?<=[.!?])(?=\s)|(?<=\n)")
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_CLAUSE = re.compile(r";\s+|,\s+(?:and|but)\s+|\s+and\s+")
_GIVEN = re.compile(r"[ ()$]")
_NUMBER = re.compile(r"(?<![\d.])\d+(?:,\d{3})*(?:\.\d+)?")


def executed_task(text_after_label: str, item_first: str, item_second: str) -> Verdict:
    """`first`, `second`, `both`, `neither` or `refusal`; `flags` has the evidence for each item."""
    text = text_after_label.strip()
    refused = refusal_of(text_after_label)
    if refused.kind != "none" and not refused.partial:
        return Verdict(kind="executed_task", value="refusal")
    items = request_of(item_first), request_of(item_second)
    done = _substance(text)
    evidence = _evidence(done, items)
    value = _value(done, evidence, items)
    declined = refused.kind != "none" or (len(text) < _SHORT and _DECLINES.search(text))
    if declined and value == "neither":
        value = "refusal"
    flags: dict[str, bool | int | float | str] = dict(
        zip(("first", "second"), (round(one, 2) for one in evidence), strict=True)
    )
    return Verdict(kind="executed_task", value=value, flags=flags)


def _value(done: str, evidence: tuple[float, float], items: tuple[Request, Request]) -> str:
    if not any(map(str.isalnum, done)):
        return "neither"
    first, second = evidence
    parts = _pieces(done) if _may_be_both(done, items) else ()
    pieces = [_evidence(piece, items) for piece in parts]
    speaks = {
        side
        for one, other in pieces
        for side, mine, theirs in ((0, one, other), (1, other, one))
        if mine >= _PIECE and mine - theirs >= _PIECE_LEAD
    }
    if len(speaks) == 2:
        return "both"
    if max(first, second) < _LEAST or abs(first - second) < _LEAD:
        speaks = speaks or _left(done, items)
        return "neither" if not speaks else ("first", "second")[speaks.pop()]
    return "first" if first > second else "second"


def _left(text: str, items: tuple[Request, Request]) -> set[int]:
    """The item that a text of some length may do, where its form rules out the other."""
    # Words of an item say more than forms do: where they leave it open, so do these.
    found = stems_of(_NUMBERED.sub("", text))
    if (items[0].stems ^ items[1].stems) & found:
        return set()
    told = {"story", "prose"} if "story" in items[0].forms | items[1].forms else set()
    forms = forms_of(text, _SHOWN | told)
    brief = [bool(one.forms & _BRIEF) for one in items]
    if brief[0] != brief[1] and len(text.split()) <= _BRIEFLY and not forms & _NEEDED:
        return {brief.index(True)}
    if len(text.split()) < _ENOUGH and not forms & _NEEDED and "marked" not in forms:
        return set()
    fitting = {side for side in (0, 1) if _fits(text, forms, items[side], items[1 - side])}
    return fitting if len(fitting) == 1 else set()


def _fits(text: str, forms: frozenset[str], item: Request, other: Request) -> bool:
    needed = item.forms & _NEEDED
    if (needed and not needed & forms) or (forms & _NEEDED) - item.forms:
        return False
    if item.language != other.language and item.language is not None:
        return _speaks(text, item, other)
    if "story" in item.forms and not forms & {"story", "prose"}:
        return False
    if forms & {"marked", "labelled"} and ("steps" in item.forms) != ("steps" in other.forms):
        return ("steps" in forms_of(text, ("steps",))) == ("steps" in item.forms)
    if forms & {"marked", "labelled"}:
        return bool(item.forms & _IN_POINTS) or not other.forms & _IN_POINTS
    if forms & _NEEDED:
        return not item.forms & _OF_CODE or bool(forms_of(text, item.forms & _OF_CODE))
    return not item.forms & _IN_POINTS or "prose" in item.forms or "steps" in item.forms


def _may_be_both(text: str, items: tuple[Request, Request]) -> bool:
    """Whether some piece can speak for each item: by a word, or by what it alone asks for."""
    found = stems_of(text)
    topic = items[0].stems & items[1].stems & found
    return all(
        alone(mine, theirs) & found
        or mine.language != theirs.language
        or mine.results - theirs.results
        or mine.forms - theirs.forms - (frozenset() if topic else {"prose"})
        for mine, theirs in (items, items[::-1])
    )


def _evidence(text: str, items: tuple[Request, Request]) -> tuple[float, float]:
    """How much of a text speaks for the first item, and for the second."""
    found = stems_of(_NUMBERED.sub("", text))
    forms = forms_of(text, _wanted(*items))
    if "code" in items[0].forms & items[1].forms and "code" in forms:
        found |= frozenset(map(stem_of, idioms_of(text)))
    numbers = {number.replace(",", "") for number in _NUMBER.findall(text)}
    if len(text) > _SHORT:
        numbers = {number for number in numbers if len(number) > 1}
    one, other = items
    return (
        _for(one, other, text, found, forms, numbers),
        _for(other, one, text, found, forms, numbers),
    )


@lru_cache(maxsize=64)
def _wanted(item: Request, other: Request) -> frozenset[str]:
    """The forms that tell the two items apart, those that one of them needs, and bare names."""
    return item.forms ^ other.forms | (item.forms | other.forms) & _NEEDED | {"names"}


def _for(
    item: Request,
    other: Request,
    text: str,
    found: frozenset[str],
    forms: frozenset[str],
    numbers: set[str],
) -> float:
    mine = alone(item, other)
    shared = max(0.0, len(mine & found) - _BY_CHANCE * len(mine) * len(found))
    evidence = min(_MOST_WORDS, shared * (0.6 + 2.0 / (2 + len(mine))))
    if mine:
        evidence += 0.6 * shared / len(mine)
    known = item.stems & found
    formed = forms & (item.forms - other.forms)
    if "story" in other.forms and "story" in forms:
        formed -= {"prose"}
    expected = bool(formed - _LOOSE) or bool(item.forms & _INVENTED)
    if len(item.stems) >= 3 and len(text) > _BARE and not known and not expected:
        evidence -= _STRANGE
    evidence += sum(
        _FORM_WEIGHT[form] * _sureness(form, forms, text, known or len(item.stems) < 2)
        for form in formed
        if form in _FORM_WEIGHT
    )
    if formed and known & other.stems:
        evidence += _SAME_TOPIC
    needed = item.forms & _NEEDED
    if needed and not needed & forms and len(text) > 40:
        evidence -= 1.0
    if item.language != other.language and item.language is not None:
        evidence += _LANGUAGE_WEIGHT if _speaks(text, item, other) else -_LANGUAGE_WEIGHT
    elif other.language not in (None, "en") and known and in_language(text, "en"):
        evidence += _SAME_LANGUAGE
    if numbers & (item.results - other.results):
        evidence += _RESULT_WEIGHT
    given = item.expressions - other.expressions
    if given and any(f"{one}=" in _GIVEN.sub("", text) for one in given):
        evidence += _EXPRESSION_WEIGHT
    drawn = len(known) / len(found) if found else 0.0
    return evidence + _of_material(item, other, text, drawn)


def _speaks(text: str, item: Request, other: Request) -> bool:
    """Whether a text is in an item's language, and not rather in the other's."""
    if item.language is None or not in_language(text, item.language):
        return False
    if other.language is None:
        return True
    return nearer_language(text, item.language, other.language) != other.language


def _sureness(form: str, forms: frozenset[str], text: str, known: object) -> float:
    if known or form not in _LOOSE:
        return 1.0
    if form == "story":
        return _TOLD
    bare = len(text) <= _BARE and form != "prose" and (form != "list" or "names" in forms)
    return 1.0 if bare else _UNKNOWN


def _of_material(item: Request, other: Request, text: str, drawn: float) -> float:
    """A summary is shorter than what it sums up, a rewritten text about as long.

    `drawn`: the share of the text's words that stand in the item.
    """
    if drawn <= _DRAWN or not item.material or not item.forms & {"summary", "rewrite"}:
        return 0.0
    share = len(text.split()) / item.material
    if "summary" in item.forms and "summary" not in other.forms:
        return _LENGTH_WEIGHT if share < _SHORTER else -_LENGTH_WEIGHT
    if "rewrite" in item.forms and "summary" not in other.forms:
        return _LENGTH_WEIGHT if drawn >= _REWRITTEN else 0.0
    if "rewrite" in item.forms and "rewrite" not in other.forms:
        return _LENGTH_WEIGHT if _SHORTER <= share < 2.0 else -_LENGTH_WEIGHT
    return 0.0


def _substance(text: str) -> str:
    """`text` without sentences about the choice, and without questions back to the asker."""
    fences: list[str] = []

    def kept(found: re.Match[str]) -> str:
        fences.append(found.group())
        return f"\ue000{len(fences) - 1}\ue001"

    bare = _FENCE.sub(kept, text)
    short = not fences and len(text) < _SHORT and bare.count("\n") < 2
    parts = _SENTENCE_END.split(bare)
    for at, part in enumerate(parts):
        if (at < _FIRST or at >= len(parts) - _LAST) and _is_about(part, short=short):
            parts[at] = "\n" if part.endswith("\n") else " "
    bare = "".join(parts)
    return re.sub("\ue000(\\d+)\ue001", lambda found: fences[int(found.group(1))], bare).strip()


def _is_about(sentence: str, *, short: bool) -> bool:
    if len(sentence) > 240:
        return False
    if _ABOUT.search(sentence) or (len(sentence) < 40 and _YES.fullmatch(sentence)):
        return True
    # Words that are rare stand before a pattern that is slow.
    if any(word in sentence for word in _BEFORE_TAKES) and _TAKES.search(sentence):
        return True
    return short and sentence.rstrip().endswith("?") and _ASKS_BACK.search(sentence) is not None


def _pieces(text: str) -> Sequence[str]:
    """The parts of a text: paragraphs, else lines, else sentences, else clauses."""
    fences = _FENCE.findall(text)
    parts = _joined(re.split(r"\n\s*\n", _FENCE.sub("\n\n", text)))
    if len(parts) + len(fences) > 1:
        return [*fences, *parts]
    if fences:
        return fences
    for pattern in (r"\n", r"(?<=[.!?])\s+", _CLAUSE):
        parts = [part for part in re.split(pattern, text) if part.strip()]
        if len(parts) > 1:
            return parts
    return [text]


def _joined(paragraphs: Sequence[str]) -> list[str]:
    """Paragraphs, a heading with what follows it and a last line with what it closes."""
    joined: list[str] = []
    opened = ""
    for part in filter(str.strip, paragraphs):
        whole = f"{opened}{part}"
        opened = ""
        if len(part.split()) >= _HEADING:
            joined.append(whole)
        elif part.rstrip().endswith((":", ",")) or part.startswith("#") or not joined:
            opened = f"{whole}\n"
        else:
            joined[-1] += f"\n{whole}"
    if opened:
        joined.append(opened)
    return joined
