"""What a response means for the request and for the endpoint that sent it.

One pure function reads status, headers and body; the HTTP transport and the simulator share it.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from harness.dispatcher.headers import RateHeaders, rate_headers, retry_after
from harness.wire import Reply, StopReason, TokenLogprob

__all__ = ["FunctionBody", "Kind", "ToolCallBody", "Verdict", "read_response"]

Kind = Literal["ok", "throttled", "exhausted", "barred", "unavailable", "rejected"]


class Verdict(msgspec.Struct, kw_only=True):
    """How one attempt ended.

    ok: `reply` is usable (a content filter's stop is an answer of its own kind). throttled: too
    fast; wait `retry_after` seconds, nothing charged. exhausted, barred: this endpoint will answer
    nothing more (no quota; bad key or no such model). unavailable: try again elsewhere, an attempt
    charged. rejected: this request will never be answered; `reason` is the server's.
    `billed` is set where the provider may charge for an attempt that brought nothing.
    `tool_calls` holds the raw calls of the message, for conversations that use tools; `native`
    what a delegated Inspect provider returned.
    """

    kind: Kind
    reply: Reply | None = None
    reason: str = ""
    retry_after: float | None = None
    billed: bool = False
    rates: RateHeaders | None = None
    tool_calls: list["ToolCallBody"] | None = None
    native: Any = None


class FunctionBody(msgspec.Struct):
    """A function call of a message."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class ToolCallBody(msgspec.Struct):
    """One tool call of a message."""

    id: str | None = None
    function: FunctionBody = msgspec.field(default_factory=FunctionBody)


class _Part(msgspec.Struct):
    text: str | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCallBody] | None = None


class _Logprob(msgspec.Struct):
    token: str
    logprob: float
    top_logprobs: list[TokenLogprob] | None = None


class _Logprobs(msgspec.Struct):
    content: list[_Logprob] | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None
    error: Any = None


class _Details(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    completion_tokens_details: _Details | None = None
    cost: float | None = None


class _Body(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    model: str | None = None
    provider: str | None = None
    system_fingerprint: str | None = None
    error: Any = None
    steering: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Body).decode
_STOPS: dict[str, StopReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "length": "max_tokens",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
_QUOTA = re.compile(r"insufficient_quota|quota.{0,20}exceeded|insufficient.{0,10}(credit|balance)")
_FILTERED = re.compile(r"content_filter|content_policy|moderation|flagged|responsibleai|safety")


def read_response(status: int, headers: Mapping[str, str], body: bytes, *, wall: float) -> Verdict:
    """The verdict on one response. Header names are in lower case; `wall` is the epoch time."""
    if status != 200:
        return _refused(status, headers, body, wall)
    try:
        parsed = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Verdict(kind="unavailable", reason=f"unreadable reply: {error}", billed=True)
    error_body = parsed.error
    choice = parsed.choices[0] if parsed.choices else None
    if error_body is None and choice is not None and choice.error is not None:
        error_body = choice.error
    if error_body is not None:
        return _error_in_200(error_body, headers, wall)
    if choice is None or choice.message is None:
        return Verdict(kind="unavailable", reason="reply without a choice", billed=True)
    return _usable(parsed, choice, choice.message, headers)


def _usable(body: _Body, choice: _Choice, message: _Message, headers: Mapping[str, str]) -> Verdict:
    content = message.content
    if isinstance(content, list):
        content = "".join(part.text or "" for part in content)
    stop: StopReason = _STOPS.get(choice.finish_reason or "", "unknown")
    if message.refusal and not content:
        content, stop = message.refusal, "content_filter"
    calls = message.tool_calls or None
    usage = body.usage or _Usage()
    details = usage.completion_tokens_details
    reply = Reply(
        text=content or "",
        reasoning=message.reasoning_content or message.reasoning,
        tool_arguments=_arguments(calls[0]) if calls else None,
        stop=stop,
        top_logprobs=_alternatives(choice.logprobs),
        choices=(body.steering or {}).get("choices"),
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.completion_tokens or 0,
        reasoning_tokens=details.reasoning_tokens if details else None,
        cost=usage.cost,
        model=body.model,
        endpoint=body.provider,
        fingerprint=body.system_fingerprint,
        steering=body.steering,
    )
    rates = (
        rate_headers(headers)
        if "x-ratelimit-limit-requests" in headers or ("x-ratelimit-limit-tokens" in headers)
        else None
    )
    return Verdict(kind="ok", reply=reply, rates=rates, tool_calls=calls)


def _arguments(call: ToolCallBody) -> str:
    arguments = call.function.arguments
    if isinstance(arguments, dict):
        return msgspec.json.encode(arguments).decode()
    return arguments or ""


def _alternatives(logprobs: _Logprobs | None) -> tuple[TokenLogprob, ...] | None:
    """The alternatives for the first token, best first."""
    if logprobs is None or not logprobs.content:
        return None
    first = logprobs.content[0]
    top = first.top_logprobs or [TokenLogprob(first.token, first.logprob)]
    return tuple(sorted(top, key=lambda entry: -entry.logprob))


def _refused(status: int, headers: Mapping[str, str], body: bytes, wall: float) -> Verdict:
    message, code = _error_text(body)
    reason = f"{status} {message}".strip()
    if status == 402 or (status in (403, 429) and _QUOTA.search(f"{code} {message}".lower())):
        return Verdict(kind="exhausted", reason=reason)
    if status == 429:
        wait = retry_after(headers, wall)
        return Verdict(
            kind="throttled", reason=reason, retry_after=wait, rates=rate_headers(headers)
        )
    if status in (401, 404):
        return Verdict(kind="barred", reason=reason)
    if status in (400, 403) and _FILTERED.search(f"{code} {message}".lower()):
        reply = Reply(text="", stop="content_filter")
        return Verdict(kind="ok", reply=reply, reason=reason)
    if status in (408, 409, 425) or status >= 500:
        wait = retry_after(headers, wall)
        return Verdict(kind="unavailable", reason=reason, retry_after=wait)
    return Verdict(kind="rejected", reason=reason)


def _error_in_200(error: Any, headers: Mapping[str, str], wall: float) -> Verdict:
    """A 200 that carries an error, as routers send when a backend fails after they answered."""
    body = msgspec.json.encode({"error": error})
    message, code = _error_text(body)
    if code.isdigit() and 400 <= int(code) < 600:
        return _refused(int(code), headers, body, wall)
    if _QUOTA.search(f"{code} {message}".lower()):
        return Verdict(kind="exhausted", reason=f"200 with error: {message}")
    return Verdict(kind="unavailable", reason=f"200 with error: {message}")


def _error_text(body: bytes) -> tuple[str, str]:
    """The server's message and code, on one line, at most 300 characters."""
    try:
        parsed: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        parsed = body.decode("utf-8", "replace")
    code = ""
    if isinstance(parsed, dict):
        error = parsed.get("error", parsed.get("detail", parsed.get("message", parsed)))
        if isinstance(error, dict):
            kinds = [str(error[key]) for key in ("code", "type") if error.get(key) is not None]
            code = kinds[0] if kinds and kinds[0].isdigit() else " ".join(kinds)
            error = error.get("message", error)
        parsed = error
    return " ".join(str(parsed).split())[:300], code
