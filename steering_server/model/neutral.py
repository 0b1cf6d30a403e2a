"""What OpenAI's clients send that asks for nothing: null, and values that change nothing."""

from collections.abc import Mapping

import msgspec

__all__ = ["NEEDED", "NEUTRAL", "NEUTRAL_TURN", "plainly"]

NEEDED = frozenset({"model", "messages", "role", "content", "steering"})
"""Fields whose null asks for something, or leaves out what is needed."""
NEUTRAL: dict[str, tuple[object, ...]] = {
    "presence_penalty": (0, 0.0),
    "frequency_penalty": (0, 0.0),
    "logit_bias": ({},),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "store": (False,),
    "metadata": ({},),
    "service_tier": ("auto", "default"),
}
"""Values that change nothing here: there are no tools to choose among, and so on."""
NEUTRAL_TURN: dict[str, tuple[object, ...]] = {"tool_calls": ([],), "annotations": ([],)}
"""The same in a turn: what `message.model_dump()` of a reply holds."""

_LONGEST = 100
"""Bytes of a neutral value, spaces included. A longer one is not looked into: it may be 30 MB."""
_Fields = dict[str, msgspec.Raw]
_OBJECT = msgspec.json.Decoder(_Fields)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


def plainly(body: bytes | bytearray) -> bytes:
    """A request without what asks for nothing; anything else stays, unread, and is an error where
    it is not honoured. What msgspec raises, where `body` is no object."""
    fields = _without(_OBJECT.decode(body), NEUTRAL)
    messages = fields.get("messages")
    if messages is not None and _opens(messages, b"["):
        turns = [_plain_turn(turn) for turn in _ARRAY.decode(messages)]
        fields["messages"] = msgspec.Raw(msgspec.json.encode(turns))
    return msgspec.json.encode(fields)


def _plain_turn(turn: msgspec.Raw) -> msgspec.Raw | _Fields:
    return _without(_OBJECT.decode(turn), NEUTRAL_TURN) if _opens(turn, b"{") else turn


def _opens(value: msgspec.Raw, bracket: bytes) -> bool:
    return bytes(memoryview(value)[:1]) == bracket


def _without(given: _Fields, neutral: Mapping[str, tuple[object, ...]]) -> _Fields:
    return {
        name: value
        for name, value in given.items()
        if not _asks_nothing(name, value, neutral.get(name, ()))
    }


def _asks_nothing(name: str, raw: msgspec.Raw, neutral: tuple[object, ...]) -> bool:
    if memoryview(raw).nbytes > _LONGEST:
        return False
    text = bytes(raw)
    if text == b"null":
        return name not in NEEDED
    if not neutral:
        return False
    value = msgspec.json.decode(text)
    return any(value == one and type(value) is type(one) for one in neutral)
