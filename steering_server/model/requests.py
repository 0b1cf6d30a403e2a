"""The body of a chat-completions request, as it may be."""

import json
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from harness.wire import Message, Steering

__all__ = ["ApiError", "ChatRequest", "NewVector", "decode", "decode_vector", "fail"]


class ApiError(Exception):
    """A request that is answered with an error: status, code, one line, the field, seconds."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after = retry_after


def fail(param: str, message: str, *, code: str = "invalid_request", status: int = 400) -> ApiError:
    """An error about the field `param`, which its message names."""
    return ApiError(status, code, f"{param}: {message}", param=param)


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["text"]
    text: str


class _Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part]
    reasoning_content: str | None = None
    """Of a reply that is sent back: not rendered, as thoughts of earlier turns are not."""

    def message(self) -> Message:
        text = (
            self.content
            if isinstance(self.content, str)
            else "\n".join(part.text for part in self.content)
        )
        return Message("system" if self.role == "developer" else self.role, text)


class _StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """OpenAI's fields that are honoured, and `steering`. Any other field is an error."""

    model: str
    messages: list[_Turn]
    steering: Steering = Steering()
    seed: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    stop: str | list[str] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    n: int = 1
    stream: bool = False
    stream_options: _StreamOptions | None = None
    user: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None

    @property
    def turns(self) -> tuple[Message, ...]:
        """The conversation."""
        return tuple(turn.message() for turn in self.messages)

    @property
    def stops(self) -> tuple[str, ...]:
        """Strings that end the reply."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def limit(self) -> int | None:
        """Most tokens asked for, by either name."""
        return self.max_tokens if self.max_tokens is not None else self.max_completion_tokens


class NewVector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /v1/vectors`: `data` is a vector file in base64."""

    name: str
    data: str


_NEEDED = frozenset({"model", "messages", "role", "content", "steering"})
"""Fields whose null asks for something, or leaves out what is needed."""
_NEUTRAL: dict[str, tuple[object, ...]] = {
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
_NEUTRAL_TURN: dict[str, tuple[object, ...]] = {"tool_calls": ([],), "annotations": ([],)}
"""The same in a turn: what `message.model_dump()` of a reply holds."""
_VECTOR = msgspec.json.Decoder(NewVector)


def _bad(error: msgspec.DecodeError) -> ApiError:
    text = str(error)
    path = text.rsplit(" - at `$", 1)[1].rstrip("`").lstrip(".") if " - at `$" in text else None
    return ApiError(400, "invalid_request", text, param=path)


def _plainly(given: object) -> object:
    """A request without what OpenAI's clients send that asks for nothing.

    That is: null, and values that mean what happens anyway. Anything else stays, and is an error
    where it is not honoured.
    """
    if not isinstance(given, dict):
        return given
    messages = given.get("messages")
    if isinstance(messages, list):
        given = {**given, "messages": [_without(turn, _NEUTRAL_TURN) for turn in messages]}
    return _without(given, _NEUTRAL)


def _without(given: object, neutral: Mapping[str, tuple[object, ...]]) -> object:
    if not isinstance(given, dict):
        return given
    return {
        name: value
        for name, value in given.items()
        if not (
            (value is None and name not in _NEEDED)
            or any(value == one and type(value) is type(one) for one in neutral.get(name, ()))
        )
    }


def decode(body: bytes) -> ChatRequest:
    """Read a request. ApiError 400, naming the field, for anything that is not one."""
    try:
        request = msgspec.convert(_plainly(msgspec.json.decode(body)), ChatRequest)
    except msgspec.DecodeError as error:
        raise _bad(error) from error
    if body.count(b'"steering"') > 1:
        # Of a field given twice the decoder keeps the last: a steering would be lost silently.
        json.loads(body, object_pairs_hook=_once)
    _check(request)
    return request


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object as a dict. ApiError 400 for a field that stands there twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise fail(twice, "given twice")
    return found


def decode_vector(body: bytes) -> NewVector:
    """Read a vector to register. ApiError 400."""
    try:
        return _VECTOR.decode(body)
    except msgspec.DecodeError as error:
        raise _bad(error) from error


def _check(request: ChatRequest) -> None:
    """ApiError 400 for a value outside its range."""

    def need(field: str, holds: bool, value: object, allowed: str) -> None:
        if not holds:
            raise fail(field, f"{value!r}; expected {allowed}")

    need("messages", bool(request.messages), [], "at least one message")
    need("temperature", 0 <= request.temperature <= 2, request.temperature, "0 to 2")
    need("top_p", 0 < request.top_p <= 1, request.top_p, "above 0, at most 1")
    need("n", 1 <= request.n <= 128, request.n, "1 to 128")
    if request.limit is not None:
        need("max_tokens", request.limit >= 1, request.limit, "at least 1")
    if request.top_logprobs is not None:
        need("top_logprobs", 0 <= request.top_logprobs <= 20, request.top_logprobs, "0 to 20")
        need("top_logprobs", request.logprobs, request.top_logprobs, "logprobs true with it")
    need("stop", len(request.stops) <= 4, len(request.stops), "at most 4 strings")
    need("stop", all(request.stops), "", "no empty string")
    if request.seed is not None:
        need("seed", 0 <= request.seed < 1 << 63, request.seed, "0 to 2^63 − 1")
    if request.steering.choices is not None:
        need("n", request.n == 1, request.n, "1 with steering.choices")
        need("logprobs", not request.logprobs, True, "false with steering.choices")
