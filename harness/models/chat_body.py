"""An OpenAI-compatible chat reply, read leniently.

Text, tool calls and finish reason must be readable, or there is no reply. Whatever else is of
another type than documented (usage, log-probabilities, reasoning, names) falls to unknown by
itself: the answer was given and paid for.
"""

from typing import Any

import msgspec

from harness.models.first_token import first_token, tokens_of
from harness.models.json_text import loose_json, whole_text
from harness.models.stops import Stop, stop_of
from harness.models.usage import Usage, read_usage
from harness.wire import TokenLogprob

__all__ = ["ChatBody", "FunctionBody", "ToolCallBody", "UnreadableReply", "chat_body", "read_chat"]


class UnreadableReply(ValueError):
    """There is no reply in a body; the text says why, in a few words."""


class FunctionBody(msgspec.Struct, frozen=True):
    """A function call of a message."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class ToolCallBody(msgspec.Struct, frozen=True):
    """One tool call of a message."""

    id: str | None = None
    function: FunctionBody = FunctionBody()


class ChatBody(msgspec.Struct, kw_only=True, frozen=True):
    """One reply. `native` is the server's own word for why it ended, `finish` the same where it is
    not a known one.

    `error` is the error object that stood in place of an answer (or beside a broken one);
    `detail` what the message itself says of its refusal.
    """

    text: str = ""
    reasoning: str | None = None
    tool_calls: tuple[ToolCallBody, ...] = ()
    stop: Stop = "unknown"
    native: str | None = None
    finish: str | None = None
    detail: str | None = None
    top_logprobs: tuple[TokenLogprob, ...] | None = None
    usage: Usage = Usage()
    model: str | None = None
    provider: str | None = None
    fingerprint: str | None = None
    steering: dict[str, Any] | None = None
    error: Any = None


def read_chat(body: bytes) -> ChatBody:
    """The reply in a body with status 200; UnreadableReply where there is none."""
    try:
        parsed = loose_json(body)
    except ValueError as error:
        raise UnreadableReply(f"no JSON: {error}") from None
    return chat_body(parsed)


def chat_body(parsed: Any) -> ChatBody:
    """The same of a body that is parsed already."""
    if not isinstance(parsed, dict):
        raise UnreadableReply(f"expected an object, got {type(parsed).__name__}")
    error = _error_of(parsed)
    choices = parsed.get("choices")
    if error is not None or not isinstance(choices, list) or not choices:
        if error is None:
            raise UnreadableReply("reply without a choice")
        return ChatBody(error=error)
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if isinstance(choice, dict) and choice.get("error"):
        return ChatBody(error=choice["error"])
    if not isinstance(message, dict):
        raise UnreadableReply("reply without a choice")
    return _choice(parsed, choice, message)


def _error_of(parsed: dict[str, Any]) -> Any:
    """The error that a 200 carries: OpenRouter's `error`, vLLM's object, MiniMax's `base_resp`,
    Google's blocked prompt."""
    if parsed.get("error"):
        return parsed["error"]
    if parsed.get("choices"):
        return None
    if parsed.get("object") == "error" or (parsed.get("message") and parsed.get("code")):
        return dict(parsed)
    outcome = parsed.get("base_resp")
    if isinstance(outcome, dict) and outcome.get("status_code"):
        return outcome
    for name in ("promptFeedback", "prompt_feedback"):
        if isinstance(parsed.get(name), dict):
            return {name: parsed[name], "message": f"the prompt was blocked: {parsed[name]}"}
    return None


def _choice(parsed: dict[str, Any], choice: dict[str, Any], message: dict[str, Any]) -> ChatBody:
    text = _content(message.get("content"))
    stop, native = _stop(choice)
    refusal, detail = _text(message.get("refusal")), None
    if refusal and not text:
        text, stop, detail = refusal, "content_filter", refusal
    elif stop == "content_filter":
        detail = _filtered(choice)
    steering, logprobs = parsed.get("steering"), choice.get("logprobs")
    return ChatBody(
        text=text,
        reasoning=_text(message.get("reasoning_content")) or _text(message.get("reasoning")),
        tool_calls=_tool_calls(message),
        stop=stop,
        native=native,
        finish=native if stop == "unknown" else None,
        detail=detail,
        top_logprobs=None if logprobs is None else first_token(tokens_of(logprobs)),
        usage=read_usage(parsed.get("usage")),
        model=_text(parsed.get("model")),
        provider=_text(parsed.get("provider")),
        fingerprint=_text(parsed.get("system_fingerprint")),
        steering=steering if isinstance(steering, dict) else None,
    )


def _stop(choice: dict[str, Any]) -> tuple[Stop, str | None]:
    """The kind of ending, and the server's own word for it.

    A router's `native_finish_reason` decides only where its own word is not known.
    """
    reason = choice.get("finish_reason")
    if reason is not None and not isinstance(reason, str):
        raise UnreadableReply(f"finish_reason of type {type(reason).__name__}")
    stop = stop_of(reason)
    if stop == "unknown":
        stop = stop_of(choice.get("native_finish_reason"))
    return stop, None if reason is None else whole_text(reason)[:60]


def _filtered(choice: dict[str, Any]) -> str:
    """What the server says of a filter's stop: its own word, and Azure's categories."""
    results = choice.get("content_filter_results")
    kinds = [
        str(name)
        for name, found in (results.items() if isinstance(results, dict) else ())
        if isinstance(found, dict) and found.get("filtered")
    ]
    native = _text(choice.get("native_finish_reason")) or _text(choice.get("finish_reason")) or ""
    return whole_text(f"{native}: {', '.join(kinds)}" if kinds else native)[:300]


def _content(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return whole_text(content)
    if isinstance(content, list):
        parts = [one if isinstance(one, str) else _part(one) for one in content]
        return whole_text("".join(parts))
    raise UnreadableReply(f"content of type {type(content).__name__}")


def _part(one: Any) -> str:
    """The text of one part; thoughts that some servers put among the parts are not the answer."""
    if not isinstance(one, dict) or one.get("type") in ("thinking", "reasoning"):
        return ""
    text = one.get("text")
    return text if isinstance(text, str) else ""


def _text(value: Any) -> str | None:
    return whole_text(value) if isinstance(value, str) else None


def _tool_calls(message: dict[str, Any]) -> tuple[ToolCallBody, ...]:
    calls = message.get("tool_calls")
    if calls is None:
        return ()
    if not isinstance(calls, list):
        raise UnreadableReply(f"tool_calls of type {type(calls).__name__}")
    return tuple(_tool_call(call) for call in calls)


def _tool_call(call: Any) -> ToolCallBody:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise UnreadableReply("tool call without a function")
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        arguments = whole_text(arguments)
    elif not isinstance(arguments, dict):
        arguments = None
    identity = call.get("id")
    return ToolCallBody(
        id=None if identity is None else str(identity),
        function=FunctionBody(name=_text(function.get("name")), arguments=arguments),
    )
