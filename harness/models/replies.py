"""From Inspect's ModelOutput to a Reply."""

import msgspec
from inspect_ai.model import (
    ChatCompletionChoice,
    ContentReasoning,
    ModelOutput,
)

from harness.wire import Reply, StopReason, TokenLogprob

__all__ = ["first_answer_token", "reply_of", "shown_reply"]

_STOPS: dict[str, StopReason] = {
    "stop": "stop",
    "max_tokens": "max_tokens",
    "model_length": "max_tokens",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}


def reply_of(output: ModelOutput) -> Reply:
    """The reply that a single-question `generate` brought.

    A provider of this project puts what Inspect's output has no place for (endpoint, attempts,
    steering) into `output.metadata` (`replies_metadata`); that stands over what is read here.
    """
    if output.metadata and "replies" in output.metadata:
        return msgspec.json.decode(output.metadata["replies"], type=list[Reply])[0]
    if output.empty:
        return Reply(error=output.error or "the provider gave no choice", stop="unknown")
    choice = output.choices[0]
    usage = output.usage
    # A provider's moderation error is its refusal to answer, not a failed call.
    stop = _STOPS.get(choice.stop_reason, "unknown")
    return Reply(
        text=choice.message.text,
        reasoning=_reasoning(choice),
        tool_arguments=_tool_arguments(choice),
        stop=stop,
        top_logprobs=first_answer_token(choice),
        input_tokens=_input_tokens(output),
        output_tokens=0 if usage is None else usage.output_tokens,
        reasoning_tokens=None if usage is None else usage.reasoning_tokens,
        latency=output.time,
        cost=None if usage is None else usage.total_cost,
        model=output.model or None,
        fingerprint=(output.metadata or {}).get("system_fingerprint"),
    )


def _input_tokens(output: ModelOutput) -> int:
    usage = output.usage
    if usage is None:
        return 0
    cached = (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0)
    return usage.input_tokens + cached


def _reasoning(choice: ChatCompletionChoice) -> str | None:
    content = choice.message.content
    if isinstance(content, str):
        return None
    parts = [part.reasoning for part in content if isinstance(part, ContentReasoning)]
    return "\n".join(parts) or None


def _tool_arguments(choice: ChatCompletionChoice) -> str | None:
    calls = choice.message.tool_calls
    if not calls:
        return None
    return msgspec.json.encode(calls[0].arguments).decode()


def first_answer_token(choice: ChatCompletionChoice) -> tuple[TokenLogprob, ...] | None:
    """Alternatives for the first token that is not blank, best first; None without any."""
    if choice.logprobs is None:
        return None
    for token in choice.logprobs.content:
        if token.token.strip():
            top = token.top_logprobs or []
            found = [TokenLogprob(entry.token, entry.logprob) for entry in top]
            return tuple(found or [TokenLogprob(token.token, token.logprob)])
    return None


def shown_reply(reply: Reply) -> str:
    """A reply as a person reads it in a log."""
    if reply.error is not None:
        return f"(failed: {reply.error})"
    if reply.tool_arguments is not None:
        return f"{reply.text} (tool call: {reply.tool_arguments})".strip()
    return reply.text or "(empty)"
