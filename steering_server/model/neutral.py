"""What OpenAI's clients send that asks for nothing: null, and values that change nothing."""

from collections.abc import Mapping

import msgspec

__all__ = ["LABELS", "NEEDED", "NEUTRAL", "NEUTRAL_TURN", "plainly"]

NEEDED = frozenset({"model", "messages", "prompt", "role", "content", "steering", "type", "text"})
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
    "verbosity": ("medium",),
    "stream": (False,),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
    "repetition_penalty": (1, 1.0),
    "length_penalty": (1, 1.0),
    "top_k": (0, -1),
    "min_p": (0, 0.0),
    "ignore_eos": (False,),
    "skip_special_tokens": (True,),
}
"""Values that change nothing here: there are no tools to choose among, and so on."""
NEUTRAL_TURN: dict[str, tuple[object, ...]] = {
    "tool_calls": ([],),
    "annotations": ([],),
    "images": ([],),
    "reasoning_details": ([],),
    "thinking_blocks": ([],),
    "refusal": ("",),
    "prefix": (False,),
}
"""The same in a turn: what `message.model_dump()` of a reply holds."""
LABELS = frozenset({"safety_identifier", "prompt_cache_key", "prompt_cache_retention"})
"""Texts that say who asks, as `user` does, or what may be kept ready: no answer hangs on them."""

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
    if not _opens(turn, b"{"):
        return turn
    fields = _without(_OBJECT.decode(turn), NEUTRAL_TURN)
    content = fields.get("content")
    if content is not None and _opens(content, b"["):
        parts = [
            _without(_OBJECT.decode(part), {}) if _opens(part, b"{") else part
            for part in _ARRAY.decode(content)
        ]
        fields["content"] = msgspec.Raw(msgspec.json.encode(parts))
    return fields


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
    if name in LABELS:
        return text.startswith(b'"')
    if not neutral:
        return False
    value = msgspec.json.decode(text)
    if name == "logit_bias" and isinstance(value, dict):
        return all(type(bias) in (int, float) and bias == 0 for bias in value.values())
    return any(value == one and type(value) is type(one) for one in neutral)
