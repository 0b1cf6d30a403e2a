"""The tool calls of an OpenAI-compatible reply as Inspect's."""

from inspect_ai.tool import ToolCall

from harness.dispatcher.verdict import ToolCallBody
from harness.models.output import parsed_call

__all__ = ["tool_call"]


def tool_call(call: ToolCallBody) -> ToolCall:
    """One tool call; its arguments come as JSON text, from some servers as an object."""
    identity, name, arguments = call.id or "call", call.function.name or "", call.function.arguments
    if isinstance(arguments, dict):
        return ToolCall(id=identity, function=name, arguments=arguments)
    return parsed_call(identity, name, arguments or "")
