"""Turns of phrase that hold a word of refusal and refuse nothing ("I can't help but smile")."""

import re

__all__ = ["without_idioms"]

_CANNOT = (
    r"(?:ca(?:n'?t|nnot|n\s+not)|could(?:n't|\s+not)|wo(?:n't)|will\s+not|would(?:n't|\s+not)|"
    r"do(?:n't|\s+not)|did(?:n't|\s+not)|(?:am|was|'m)\s+(?:not\s+able|unable|not\s+going)\s+to|never)"
)
_IDIOMS = re.compile(
    # what the writer is drawn to: "can't help but …", "can't help it", "can't wait", "can't resist"
    rf"\b{_CANNOT}\s+(?:\w+ly\s+)?(?:"
    r"help\s+(?:but|it|my\s?self|noticing|feeling|being|thinking|smiling|loving|liking|wondering"
    r"|admiring|wanting|finding|enjoying|\w+ing\b(?!\s+you))"
    r"|let\s+(?:you|them|anyone|us|me)\s+down|wait|resist|get\s+enough|stop\s+\w+ing|keep\s+(?:from|my)|hide\s+(?:that|my|how)"
    # praise and blame by denial: "can't complain", "couldn't ask for more", "won't lie"
    r"|complain|fault|(?:have\s+)?ask(?:ed)?\s+for|(?:have\s+)?wish(?:ed)?\s+for|go\s+wrong"
    r"|beat|argue\s+with|deny|lie|pretend|say\s+no|think\s+of|imagine|forget|remember|recall"
    r"|believe|explain\s+(?:why|what\s+it)|describe\s+how\s+(?:much|fun)|put\s+(?:it|my)|find\s+(?:fault|anything)"
    r"|(?:be|have\s+been|been)\s+(?:happier|better|worse|prouder|more|less|any)"
    r"|care\s+(?:less|more)|afford|agree\s+more|stand|bear|bring\s+my\s?self"
    r"|mind|take\s+(?:it|that|any)\s+(?:back|seriously|credit)|call\s+it|go\s+(?:higher|lower)"
    r"|give\s+(?:up|in)\b|give\s+(?:it\s+)?(?:enough|more\s+praise|full)|hesitate"
    r"|(?:recommend|stress|emphasi[sz]e|overstate|praise|thank|rate|rank|score)\b[^.!?\n]{0,40}?"
    r"\b(?:enough|highly|high|higher|lower|low|otherwise)"
    r"|(?:give|assign|award|offer)\b[^.!?\n]{0,30}?"
    r"\b(?:higher|lower|better|worse|full|top|perfect|highest|lowest|maximum|more\s+than)\b"
    # saying what is not meant, not declining to say: "can't say that I minded"
    r"|(?:say|claim|swear|promise)\s+(?:that\s+)?(?:i|it|this|the|there|we)\b(?!\s+or)"
    # details that are not the question: "can't decide which part", "can't choose a favourite"
    r"|(?:say|tell|decide|choose|pick|select|name|single\s+out)\s+(?:just\s+one|(?:exactly\s+)?"
    r"(?:which|what|whether|if)\s+(?:part|line|bit|moment|aspect|of\s+its|it|i|the|to\s+(?:laugh|cry))"
    r"|(?:a|my|one|any|just|the|single|only)\s+(?:\w+\s+){0,2}(?:favou?rite|part|line|moment|aspect))"
    r"|compare\s+(?:it|this|that)\s+(?:to|with)\s+(?:any|other)"
    # doing that fails to be something else: "can't do it justice", "can't make it through"
    r"|do\s+(?:it|this|that|them|the\s+\w+)\s+(?:full\s+)?justice|do\s+(?:any\s+)?(?:better|without)"
    r"|make\s+(?:it\s+(?:through|past|up)|sense|up\s+for|heads?|out\b|do\b)|answer\s+for\s+(?:its|the|any|every|other)"
    r")"
    r"|\b(?:anyone|anybody|someone|people|who|others|nobody|no\s+one|you)\s+(?:would|could|should|will)"
    r"\s+(?:ever\s+)?(?:refuse|decline)\b"
    # giving up and not giving up, refusing what is not the task
    r"|\brefus(?:e|es|ed|ing)\s+to\s+(?:give\s+up|let|accept\s+(?:defeat|that)|be|believe|admit|quit"
    r"|back\s+down|apologi[sz]e|lose|settle|surrender)"
    r"|\b(?:would|'d)\s+rather\s+not\s+(?:do|have|see|repeat|go|spend|be|read|write|work|think|"
    r"face|get|deal|revisit|go\s+through|relive)\b(?=[^.!?\n]*\b(?:again|more|another|twice|often|"
    r"like|than|daily|every|too|for\s+long|that\s+way)\b)"
    r"|\bnot\s+(?:going\s+to|gonna)\s+(?:lie|pretend|complain|deny|say\s+no)\b",
    re.IGNORECASE,
)


def without_idioms(text: str) -> str:
    """`text` with every idiom taken out, so that no word of it is read as a refusal.

    Apostrophes are expected straight.
    """
    return _IDIOMS.sub(" ", text)
