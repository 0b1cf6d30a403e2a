"""What a response means for the request and for the endpoint that sent it.

One pure function reads status, headers and body; the HTTP transport and the simulator share it.
Codes and structure decide, never prose: see `harness.models.content_filters` and `throttling`.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from harness.dispatcher.headers import RateHeaders, rate_headers, retry_after
from harness.dispatcher.throttling import named_wait, out_of_credit, too_fast
from harness.models.chat_body import (
    ChatBody,
    FunctionBody,
    ToolCallBody,
    UnreadableReply,
    read_chat,
)
from harness.models.error_body import ErrorBody, error_body, read_error
from harness.wire import Reply

__all__ = ["FunctionBody", "Kind", "ToolCallBody", "Verdict", "filtered_reply", "read_response"]

Kind = Literal["ok", "throttled", "exhausted", "barred", "unavailable", "rejected", "amended"]


class Verdict(msgspec.Struct, kw_only=True):
    """How one attempt ended.

    ok: `reply` is usable (a content filter's stop is an answer of its own kind). throttled: too
    fast; wait `retry_after` seconds, nothing charged. exhausted, barred: this endpoint will answer
    nothing more (no credit; bad key or no such model). unavailable: try again elsewhere, an attempt
    charged. rejected: this request will never be answered; `reason` is the server's. amended: the
    line has learnt to ask otherwise (`harness.models.concessions`), so it goes again, nothing
    charged; `reason` tells a person, once.
    `billed` is set where the provider may charge for an attempt that brought nothing.
    `tool_calls` holds the raw calls of the message, for conversations that use tools; `native`
    what a delegated Inspect provider returned; `error` the error that a rejection came with.
    """

    kind: Kind
    reply: Reply | None = None
    reason: str = ""
    retry_after: float | None = None
    billed: bool = False
    rates: RateHeaders | None = None
    tool_calls: tuple[ToolCallBody, ...] = ()
    native: Any = None
    error: ErrorBody | None = None


def read_response(status: int, headers: Mapping[str, str], body: bytes, *, wall: float) -> Verdict:
    """The verdict on one response. Header names are in lower case; `wall` is the epoch time."""
    if 300 <= status < 400:
        return _moved(status, headers)
    if status != 200:
        return _refused(status, headers, read_error(body), wall)
    try:
        chat = read_chat(body)
    except UnreadableReply as error:
        return Verdict(kind="unavailable", reason=f"unreadable reply: {error}", billed=True)
    if chat.error is not None:
        return _error_in_200(chat.error, headers, wall)
    return _usable(chat, headers)


def filtered_reply(error: ErrorBody) -> Reply:
    """The reply that stands for a prompt that a content filter refused, in the server's words."""
    return Reply(stop="content_filter", detail=f"{error.filtered}: {error.message}")


def _usable(chat: ChatBody, headers: Mapping[str, str]) -> Verdict:
    if chat.stop == "broken":
        reason = f"the server broke off (finish reason {chat.native})"
        return Verdict(kind="unavailable", reason=reason, billed=True)
    usage = chat.usage
    calls = chat.tool_calls
    reply = Reply(
        text=chat.text,
        reasoning=chat.reasoning,
        tool_arguments=_arguments(calls[0]) if calls else None,
        stop=chat.stop,
        finish=chat.finish,
        detail=chat.detail,
        top_logprobs=chat.top_logprobs,
        choices=_probabilities(chat.steering),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        usage_known=usage.known,
        cost=usage.cost,
        model=chat.model,
        endpoint=chat.provider,
        fingerprint=chat.fingerprint,
        steering=chat.steering,
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


def _probabilities(steering: dict[str, Any] | None) -> dict[str, float] | None:
    """The exact probabilities of a steering server; None where they are not all readable."""
    found = (steering or {}).get("choices")
    if found is None:
        return None
    try:
        return msgspec.convert(found, dict[str, float])
    except msgspec.ValidationError:
        return None


def _moved(status: int, headers: Mapping[str, str]) -> Verdict:
    """A redirection is never followed, since the key would go with it."""
    where = headers.get("location", "")[:200]
    to = f" to {where}" if where else ""
    return Verdict(kind="rejected", reason=f"{status}: moved{to}; set url to where the API is now")


def _refused(status: int, headers: Mapping[str, str], error: ErrorBody, wall: float) -> Verdict:
    reason = f"{status} {error.message}".strip()
    if error.filtered is not None and 400 <= status < 500:
        return Verdict(kind="ok", reply=filtered_reply(error), reason=reason)
    fast = too_fast(status, error)
    wait = named_wait(headers, error, wall) if fast or status < 500 else None
    if out_of_credit(status, error) and (status == 402 or wait is None):
        return Verdict(kind="exhausted", reason=reason)
    if fast and status < 500:
        return Verdict(
            kind="throttled", reason=reason, retry_after=wait, rates=rate_headers(headers)
        )
    if status in (401, 404):
        return Verdict(kind="barred", reason=reason)
    if status in (408, 409, 425) or status >= 500:
        wait = retry_after(headers, wall)
        return Verdict(kind="unavailable", reason=reason, retry_after=wait)
    return Verdict(kind="rejected", reason=reason, error=error)


def _error_in_200(found: Any, headers: Mapping[str, str], wall: float) -> Verdict:
    """A 200 that carries an error, as routers send when a backend fails after they answered."""
    error = error_body({"error": found})
    if error.filtered is not None:
        return Verdict(kind="ok", reply=filtered_reply(error), reason=error.message)
    if error.status is not None:
        return _refused(error.status, headers, error, wall)
    reason = f"200 with error: {error.message}"
    if out_of_credit(200, error):
        return Verdict(kind="exhausted", reason=reason)
    if too_fast(200, error):
        wait = named_wait(headers, error, wall)
        return Verdict(kind="throttled", reason=reason, retry_after=wait)
    return Verdict(kind="unavailable", reason=reason)
