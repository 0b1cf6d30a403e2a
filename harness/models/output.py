"""From replies to Inspect's ModelOutput: what every provider of this project returns."""

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

from harness.models.block import replies_metadata
from harness.models.replies import shown_reply
from harness.models.single import note
from harness.wire import Reply

__all__ = ["block_output", "parsed_call", "single_output"]


def block_output(model: str, replies: Sequence[Reply]) -> ModelOutput:
    """The output of a block: one message with all answers, numbered like the questions.

    One message, not a choice a question: Inspect validates, copies and walks every choice, which
    costs CPU. The replies themselves reach the solver through the block.
    """
    shown = "\n\n".join(
        f"{number}. {shown_reply(reply)}" for number, reply in enumerate(replies, 1)
    )
    choice = ChatCompletionChoice(message=ChatMessageAssistant(content=shown, model=model))
    return _output(model, replies, choice)


def single_output(model: str, reply: Reply, calls: Sequence[ToolCall] = ()) -> ModelOutput:
    """The output of one conversation, with its tool calls, reasoning and log-probabilities."""
    note(reply)
    content: str | list[Content] = reply.text
    if reply.reasoning is not None:
        content = [ContentReasoning(reasoning=reply.reasoning), ContentText(text=reply.text)]
    stop: StopReason = reply.stop if reply.error is None else "unknown"
    message = ChatMessageAssistant(
        content=content, tool_calls=list(calls) or None, model=model, source="generate"
    )
    choice = ChatCompletionChoice(message=message, stop_reason=stop, logprobs=_logprobs(reply))
    output = _output(model, [reply], choice)
    output.error = reply.error
    return output


def parsed_call(identity: str, function: str, arguments: str) -> ToolCall:
    """A tool call; Inspect wants arguments as an object, and others come as a parse error."""
    call = ToolCall(id=identity, function=function, arguments={})
    try:
        parsed = json.loads(arguments or "{}")
        if not isinstance(parsed, dict):
            raise ValueError(f"expected an object, got {type(parsed).__name__}")
        call.arguments = parsed
    except ValueError as error:
        call.parse_error = f"arguments are not a JSON object: {error}"
    return call


def _output(model: str, replies: Sequence[Reply], choice: ChatCompletionChoice) -> ModelOutput:
    read = sum(reply.input_tokens for reply in replies)
    written = sum(reply.output_tokens for reply in replies)
    thought = [reply.reasoning_tokens for reply in replies if reply.reasoning_tokens]
    costs = [reply.cost for reply in replies if reply.cost]
    return ModelOutput(
        model=model,
        choices=[choice],
        # Always set: without a usage Inspect counts tokens itself, with a tokenizer off the hub.
        usage=ModelUsage(
            input_tokens=read,
            output_tokens=written,
            total_tokens=read + written,
            reasoning_tokens=sum(thought) if thought else None,
            total_cost=sum(costs) if costs else None,
        ),
        metadata=replies_metadata(replies),
    )


def _logprobs(reply: Reply) -> Logprobs | None:
    if not reply.top_logprobs:
        return None
    top = [TopLogprob(token=e.token, logprob=e.logprob) for e in reply.top_logprobs]
    said = next((e for e in reply.top_logprobs if e.token and reply.text.startswith(e.token)), None)
    first = said or reply.top_logprobs[0]
    return Logprobs(content=[Logprob(token=first.token, logprob=first.logprob, top_logprobs=top)])
