"""Thoughts that a server left inside the text of a reply, in the markers of many model families.

A marker is an opening or closing bracket of a known kind around a word for thinking:
`<think>`, `</thought>`, `[THINK]`, `◁/think▷`, `<|begin_of_thought|>`, `<|END_THINKING|>`,
`<seed:think>`. Channels (`<|channel|>analysis<|message|>`, also with their tokens dropped:
`analysis…assistantfinal`) are a grammar of their own. What is thought is never read as an answer.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = ["without_thoughts"]

_OWN = (
    r"think|thinks|thinking|thought|thoughts|inner[_ -]?thoughts?|thought[_ -]?process|"
    r"thinking[_ -]?process|antthinking|cot|chain[_ -]?of[_ -]?thoughts?|"
    r"(?:inner|internal)[_ -]?monologue|working[_ -]?out"
)
"""Words for what a model thinks before it answers: never the answer, however the reply goes on."""
_SHOWN = r"reason|reasons|reasoning|reflection|scratch[_ -]?pad|rationale|analysis|deliberation"
"""Words for reasoning that may have been asked for: in a reasoned reply their tags are text."""
_BRACKETS = (
    r"(?:<\|?|\[|\u25c1|\u3010|\u27e8)\s*(?P<slash>/)?\s*(?:\w+:)?"
    r"(?:(?P<edge>begin|start|end|stop)[_ -]?(?:of[_ -]?)?)?(?P<word>{words})"
    r"(?:[_ -]?(?P<after>begin|start|end|stop))?(?:\s+[\w-]+\s*=[^<>\[\]\n]{{0,80}})?"
    r"\s*(?:\|?>|\]|\u25b7|\u3011|\u27e9)"
)
_FENCE = r"(?P<fence>```(?:thinking|thoughts?|think|reasoning)\b[^\n]*\n)(?P<body>.*?)(?:```|\Z)"
_DETAILS = (
    r"<details\b(?:[^>]*\breasoning\b[^>]*>|[^>]*>\s*<summary>[^<]*(?:think|thought|reason)[^<]*"
    r"</summary>).*?(?:</details>|\Z)"
)
_MARKERS = {
    shown: re.compile(_BRACKETS.format(words=words), re.IGNORECASE)
    for shown, words in ((True, _OWN), (False, f"{_OWN}|{_SHOWN}"))
}
_OWN_WORD = re.compile(_OWN, re.IGNORECASE)
_BLOCKS = re.compile(f"{_FENCE}|{_DETAILS}", re.IGNORECASE | re.DOTALL)
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(?P<name>\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>", re.IGNORECASE
)
_MESSAGE_END = re.compile(r"<\|(?:end|return|call|start)\|>")
_BARE_FINAL = re.compile(r"assistant\s?final(?=\W|[A-Z\d]|$)")
_BARE_THOUGHT = re.compile(r"\s*(?:analysis|commentary)(?=[A-Z])")
_ONE_PIPE = re.compile(
    r"<\|channel>\s*(?:thought|thinking|analysis)\b.*?(?:<channel\|>|\Z)", re.DOTALL
)
_UNUSED = re.compile(r"<unused94>.*?(?:<unused95>|\Z)", re.DOTALL)


class _Marker(NamedTuple):
    start: int
    end: int
    side: Literal["open", "close"]
    own: bool


def without_thoughts(text: str, *, reasoning_asked: bool = False) -> str:
    """`text` without thoughts: blocks in place, and all before a closing marker without an opening.

    A thought that is never closed takes the rest of the text with it. Where reasoning was asked
    for, tags such as <reasoning> are part of the reply; a model's own thinking never is.
    """
    text = _final_channel(text)
    text = _ONE_PIPE.sub("", _UNUSED.sub("", _BLOCKS.sub("", text)))
    kept: list[str] = []
    position = 0
    opening: _Marker | None = None
    for marker in _markers(text, reasoning_asked):
        if marker.side == "close":
            if opening is None:
                kept.clear()
            opening, position = None, marker.end
        elif opening is None:
            kept.append(text[position : marker.start])
            opening = marker
    before = "".join(kept)
    if opening is None:
        return before + text[position:]
    # "[reason]" after other words is a word in brackets; <think> is a thought wherever it stands
    return before if opening.own or not before.strip() else before + text[opening.start :]


def _markers(text: str, reasoning_asked: bool) -> Iterator[_Marker]:
    for found in _MARKERS[reasoning_asked].finditer(text):
        edges = {(found[name] or "").casefold() for name in ("edge", "after")}
        closes = found["slash"] is not None or bool(edges & {"end", "stop"})
        own = _OWN_WORD.fullmatch(found["word"]) is not None
        yield _Marker(found.start(), found.end(), "close" if closes else "open", own)


def _final_channel(text: str) -> str:
    """What was said in the final channel, where a reply comes in channels; else `text`."""
    channels = list(_CHANNEL.finditer(text))
    if channels:
        final = [found for found in channels if found["name"].casefold() == "final"]
        said = (_MESSAGE_END.split(text[found.end() :], maxsplit=1)[0] for found in final)
        return "".join(said)
    bare = list(_BARE_FINAL.finditer(text))
    if bare:
        return text[bare[-1].end() :]
    return "" if _BARE_THOUGHT.match(text) else text
