"""From the replies of a call to Inspect's ModelOutput."""

import json
from collections.abc import Sequence

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    Content,
    ContentReasoning,
    ContentText,
    Logprob,
    Logprobs,
    ModelOutput,
    ModelUsage,
    StopReason,
    TopLogprob,
)
from inspect_ai.tool import ToolCall

from harness.dispatcher.verdict import ToolCallBody
from harness.providers.block import replies_metadata
from harness.wire import Reply

__all__ = ["block_output", "single_output"]


def block_output(model: str, replies: Sequence[Reply], tool: str) -> ModelOutput:
    """One choice a question, in order; what failed is an empty choice of stop reason unknown.

    Log-probabilities stand in the metadata's replies only: twice would be dear.
    """
    return _output(
        model, replies, [_choice(model, reply, _own_call(reply, tool)) for reply in replies]
    )


def single_output(model: str, reply: Reply, calls: Sequence[ToolCallBody] | None) -> ModelOutput:
    """The output of one conversation, with all its tool calls and its log-probabilities."""
    choice = _choice(model, reply, [_call(call) for call in calls or ()])
    choice.logprobs = _logprobs(reply)
    return _output(model, [reply], [choice])


def _output(
    model: str, replies: Sequence[Reply], choices: list[ChatCompletionChoice]
) -> ModelOutput:
    read = sum(reply.input_tokens for reply in replies)
    written = sum(reply.output_tokens for reply in replies)
    thought = [reply.reasoning_tokens for reply in replies if reply.reasoning_tokens]
    costs = [reply.cost for reply in replies if reply.cost]
    return ModelOutput(
        model=model,
        choices=choices,
        usage=ModelUsage(
            input_tokens=read,
            output_tokens=written,
            total_tokens=read + written,
            reasoning_tokens=sum(thought) if thought else None,
            total_cost=sum(costs) if costs else None,
        ),
        metadata=replies_metadata(replies),
    )


def _choice(model: str, reply: Reply, calls: list[ToolCall]) -> ChatCompletionChoice:
    content: str | list[Content] = reply.text
    if reply.reasoning is not None:
        content = [ContentReasoning(reasoning=reply.reasoning), ContentText(text=reply.text)]
    stop: StopReason = reply.stop if reply.error is None else "unknown"
    return ChatCompletionChoice(
        message=ChatMessageAssistant(
            content=content, tool_calls=calls or None, model=model, source="generate"
        ),
        stop_reason=stop,
    )


def _own_call(reply: Reply, tool: str) -> list[ToolCall]:
    if reply.tool_arguments is None:
        return []
    return [_parsed("call", tool, reply.tool_arguments)]


def _call(call: ToolCallBody) -> ToolCall:
    arguments = call.function.arguments
    if isinstance(arguments, dict):
        return ToolCall(
            id=call.id or "call", function=call.function.name or "", arguments=arguments
        )
    return _parsed(call.id or "call", call.function.name or "", arguments or "")


def _parsed(identity: str, function: str, arguments: str) -> ToolCall:
    """Inspect wants arguments as an object; those that are none come as a parse error."""
    call = ToolCall(id=identity, function=function, arguments={})
    try:
        parsed = json.loads(arguments or "{}")
        if not isinstance(parsed, dict):
            raise ValueError(f"expected an object, got {type(parsed).__name__}")
        call.arguments = parsed
    except ValueError as error:
        call.parse_error = f"arguments are not a JSON object: {error}"
    return call


def _logprobs(reply: Reply) -> Logprobs | None:
    if not reply.top_logprobs:
        return None
    top = [TopLogprob(token=e.token, logprob=e.logprob) for e in reply.top_logprobs]
    said = next((e for e in reply.top_logprobs if e.token and reply.text.startswith(e.token)), None)
    first = said or reply.top_logprobs[0]
    return Logprobs(content=[Logprob(token=first.token, logprob=first.logprob, top_logprobs=top)])
