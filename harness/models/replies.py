"""From Inspect's ModelOutput to a Reply."""

import msgspec
from inspect_ai.model import (
    ChatCompletionChoice,
    ContentReasoning,
    ContentText,
    ModelOutput,
)

from harness.models.first_token import finite, first_token
from harness.models.json_text import whole_text
from harness.models.stops import stop_of
from harness.models.usage import dollars, tokens
from harness.wire import Reply, TokenLogprob

__all__ = ["first_answer_token", "reply_of", "shown_reply"]


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
    read = _input_tokens(output)
    written = 0 if usage is None else usage.output_tokens
    known = tokens(read) is not None and tokens(written) is not None
    # A provider's moderation error is its refusal to answer, not a failed call.
    stop = stop_of(choice.stop_reason)
    if stop == "broken":
        return Reply(error=f"the server broke off ({choice.stop_reason})", stop="unknown")
    refusal = _refusal(choice)
    return Reply(
        text=whole_text(choice.message.text),
        reasoning=_reasoning(choice),
        tool_arguments=_tool_arguments(choice),
        stop=stop if refusal is None else "content_filter",
        detail=_explained(choice) if refusal is None else refusal,
        top_logprobs=first_answer_token(choice),
        input_tokens=read if known else 0,
        output_tokens=written if known else 0,
        reasoning_tokens=None if usage is None else tokens(usage.reasoning_tokens),
        usage_known=known,
        latency=output.time,
        cost=None if usage is None else dollars(usage.total_cost),
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
    return first_token(
        (
            whole_text(token.token),
            [
                TokenLogprob(whole_text(one.token), finite(one.logprob))
                for one in token.top_logprobs or ()
            ],
        )
        for token in choice.logprobs.content
    )


def _refusal(choice: ChatCompletionChoice) -> str | None:
    """The words of a refusal that came in a field of its own, as OpenAI's `message.refusal`."""
    content = choice.message.content
    if isinstance(content, str):
        return None
    words = [one.text for one in content if isinstance(one, ContentText) and one.refusal]
    return whole_text("".join(words)) if words else None


def _explained(choice: ChatCompletionChoice) -> str | None:
    """What the provider says of a content filter's stop."""
    details = choice.stop_details
    return None if details is None or details.explanation is None else details.explanation[:300]


def shown_reply(reply: Reply) -> str:
    """A reply as a person reads it in a log."""
    if reply.error is not None:
        return f"(failed: {reply.error})"
    if reply.tool_arguments is not None:
        return f"{reply.text} (tool call: {reply.tool_arguments})".strip()
    return reply.text or "(empty)"
