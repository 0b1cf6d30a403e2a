"""The body of a chat-completions request, as it may be."""

import json
from typing import Any, Literal, TypeVar

import msgspec

from harness.wire import Controls, Message, Steering
from steering_server.model.neutral import plainly

__all__ = [
    "ApiError",
    "ChatRequest",
    "NewVector",
    "RawRequest",
    "check_once",
    "decode",
    "decode_raw",
    "decode_vector",
    "fail",
]

T = TypeVar("T")

_MOST_CHOICES = 256
"""Each is tokenised behind the whole prompt; the longest scale here has 100 levels."""
_MOST_VECTORS = 64
"""Each adds at every step; a factorial design of six vectors has 63 combinations."""
_MOST_CONTROLS = 256
"""Random directions of each kind, and tokens written under each: one request's share of a batch."""
_LONG = 1000
"""Characters of a stop string or an allowed answer: these are labels, not texts. Layers, too."""
_MOST_OPTIONS = 1 << 12
"""Bytes of JSON that a chat template is told: it may write them into the prompt, which is bounded
before it is rendered by its messages alone."""
_MOST_NESTED = 100
"""Lists and objects in them: a reply repeats them, at whatever depth of the stack."""


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


class RawRequest(ChatRequest, frozen=True, kw_only=True):
    """A text to go on from, as it is: its one message stands for the prompt, unrendered."""


class _Completions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of OpenAI's completions that are honoured, and `steering`."""

    model: str
    prompt: str | list[str]
    steering: Steering = Steering()
    seed: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    stop: str | list[str] | None = None
    max_tokens: int = 16
    logprobs: int | None = None
    n: int = 1
    user: str | None = None

    def request(self) -> RawRequest:
        """The same as a request. ApiError 400 for several prompts."""
        prompts = [self.prompt] if isinstance(self.prompt, str) else self.prompt
        if len(prompts) != 1 or not prompts[0]:
            raise fail("prompt", f"{len(prompts)} texts; expected one, not empty")
        return RawRequest(
            model=self.model,
            messages=[_Turn(role="user", content=prompts[0])],
            steering=self.steering,
            seed=self.seed,
            temperature=self.temperature,
            top_p=self.top_p,
            stop=self.stop,
            max_tokens=self.max_tokens,
            logprobs=self.logprobs is not None,
            top_logprobs=self.logprobs,
            n=self.n,
            user=self.user,
        )


class NewVector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /v1/vectors`: `data` is a vector file in base64."""

    name: str
    data: str


_CHAT = msgspec.json.Decoder(ChatRequest)
_RAW = msgspec.json.Decoder(_Completions)
_VECTOR = msgspec.json.Decoder(NewVector)

_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
"""What decoders raise for bytes from outside: ValueError for text that is not UTF-8 and numbers of
thousands of digits, RecursionError for brackets inside brackets."""


def _bad(error: Exception) -> ApiError:
    text = str(error)
    path = text.rsplit(" - at `$", 1)[1].rstrip("`").lstrip(".") if " - at `$" in text else None
    return ApiError(400, "invalid_request", text, param=path)


def decode(body: bytes | bytearray) -> ChatRequest:
    """Read a request. ApiError 400, naming the field, for anything that is not one."""
    try:
        request = _read(_CHAT, body)
        _check(request)
    except _UNREADABLE as error:
        raise _bad(error) from error
    return request


def decode_raw(body: bytes | bytearray) -> RawRequest:
    """Read a request of `/v1/completions`. ApiError 400, naming the field."""
    try:
        request = _read(_RAW, body).request()
        _check(request)
    except _UNREADABLE as error:
        raise _bad(error) from error
    return request


def _read(decoder: msgspec.json.Decoder[T], body: bytes | bytearray) -> T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        return decoder.decode(plainly(body))


def check_once(body: bytes | bytearray) -> None:
    """ApiError 400 for a field that stands twice in its object: of two the decoder keeps the last,
    and a steering would be lost silently. `body` has been decoded."""
    try:
        json.loads(body, object_pairs_hook=_once)
    except _UNREADABLE as error:
        raise _bad(error) from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object as a dict. ApiError 400 for a field that stands there twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise fail(twice, "given twice")
    return found


def decode_vector(body: bytes | bytearray) -> NewVector:
    """Read a vector to register. ApiError 400."""
    try:
        return _VECTOR.decode(body)
    except _UNREADABLE as error:
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
        other = request.max_completion_tokens
        same = other in (None, request.limit)
        need("max_completion_tokens", same, other, f"{request.limit}, which max_tokens says")
    if request.top_logprobs is not None:
        need("top_logprobs", 0 <= request.top_logprobs <= 20, request.top_logprobs, "0 to 20")
        shown = request.logprobs or request.top_logprobs == 0
        need("top_logprobs", shown, request.top_logprobs, "logprobs true with it")
    need("stop", len(request.stops) <= 4, len(request.stops), "at most 4 strings")
    need("stop", all(request.stops), "", "no empty string")
    longest = max(map(len, request.stops), default=0)
    need("stop", longest <= _LONG, longest, f"at most {_LONG} characters each")
    if request.seed is not None:
        need("seed", 0 <= request.seed < 1 << 63, request.seed, "0 to 2^63 − 1")
    told = msgspec.json.encode(request.chat_template_kwargs)
    nested = told.count(b"[") + told.count(b"{")
    allowed = f"at most {_MOST_OPTIONS} bytes of JSON"
    need("chat_template_kwargs", len(told) <= _MOST_OPTIONS, len(told), allowed)
    allowed = f"at most {_MOST_NESTED} lists and objects"
    need("chat_template_kwargs", nested <= _MOST_NESTED, nested, allowed)
    vectors = len(request.steering.vectors)
    need("steering.vectors", vectors <= _MOST_VECTORS, vectors, f"at most {_MOST_VECTORS}")
    if request.steering.capture is not None:
        layers = len(request.steering.capture.layers)
        need("steering.capture.layers", layers <= _LONG, layers, f"at most {_LONG}")
    if request.steering.controls is not None:
        _check_controls(request, request.steering.controls)
    if request.steering.choices is not None:
        choices = request.steering.choices
        allowed = f"at most {_MOST_CHOICES} answers"
        need("steering.choices", len(choices) <= _MOST_CHOICES, len(choices), allowed)
        longest = max(map(len, choices), default=0)
        need("steering.choices", longest <= _LONG, longest, f"at most {_LONG} characters each")
        need("n", request.n == 1, request.n, "1 with steering.choices")
        need("logprobs", not request.logprobs, True, "false with steering.choices")


def _check_controls(request: ChatRequest, asked: Controls) -> None:
    """ApiError 400 for controls that could not be drawn, or that there is nothing to compare."""
    where, steering = "steering.controls", request.steering
    if steering.choices is None or not steering.vectors:
        raise fail(
            where, "needs steering.choices and steering.vectors, whose estimate it is beside"
        )
    if request.stream or steering.capture is not None:
        raise fail(where, "cannot be streamed, and captures nothing")
    for name, value, least, most in (
        ("number", asked.number, 1, _MOST_CONTROLS),
        ("seed", asked.seed, 0, (1 << 63) - 1),
        ("tokens", asked.tokens, 0, _MOST_CONTROLS),
    ):
        if not least <= value <= most:
            raise fail(f"{where}.{name}", f"{value}; expected {least} to {most}")
