"""From Inspect's generation settings and messages to the body of a chat request."""

from collections.abc import Sequence
from typing import Any

import msgspec
from inspect_ai.model import ChatMessage, GenerateConfig, messages_to_openai
from inspect_ai.tool import ToolChoice, ToolFunction, ToolInfo

from harness.errors import UsageError
from harness.wire import Message, Steering

__all__ = ["members", "options_of", "plain_messages", "request_messages", "with_seed"]

_SAME = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop_seqs": "stop",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "logit_bias": "logit_bias",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
    "parallel_tool_calls": "parallel_tool_calls",
    "reasoning_effort": "reasoning_effort",
    "verbosity": "verbosity",
}
_UNSUPPORTED = ("best_of", "prompt_logprobs", "modalities", "effort", "fallback_models")


def options_of(
    config: GenerateConfig, tools: Sequence[ToolInfo], tool_choice: ToolChoice
) -> dict[str, Any]:
    """Members of the body that all questions of a call share; UsageError for what a pool lacks."""
    _check(config)
    options: dict[str, Any] = {}
    for name, member in _SAME.items():
        value = getattr(config, name)
        if value is not None:
            options[member] = value
    if config.reasoning_tokens is not None:
        options["reasoning"] = {"max_tokens": config.reasoning_tokens}
    if config.response_schema is not None:
        schema = config.response_schema
        options["response_format"] = {
            "type": "json_schema",
            "json_schema": {
                "name": schema.name,
                "schema": schema.json_schema.model_dump(exclude_none=True),
                **({} if schema.strict is None else {"strict": schema.strict}),
            },
        }
    if tools:
        options["tools"] = [_tool(tool) for tool in tools]
        options["tool_choice"] = _choice(tool_choice)
    return options | (config.extra_body or {})


def members(options: dict[str, Any]) -> bytes:
    """As members of a JSON object, each with a comma before it."""
    return b"," + msgspec.json.encode(options)[1:-1] if options else b""


def with_seed(options: bytes, seed: int | None, steering: Steering | None) -> bytes:
    """The shared members with those of one question: its seed, its steering with the answers
    allowed."""
    if seed is not None:
        options += b',"seed":%d' % seed
    if steering is not None:
        options += b',"steering":' + msgspec.json.encode(steering)
    return options


def plain_messages(input: Sequence[ChatMessage]) -> tuple[Message, ...] | None:
    """The conversation as plain turns; None where it holds tool calls, images or the like."""
    plain = []
    for message in input:
        if message.role == "tool" or not isinstance(message.content, str):
            return None
        if message.role == "assistant" and message.tool_calls:
            return None
        plain.append(Message(message.role, message.content))
    return tuple(plain)


async def request_messages(input: Sequence[ChatMessage]) -> bytes:
    """Any conversation as JSON, by Inspect's own rendering where it is not plain."""
    plain = plain_messages(input)
    if plain is not None:
        return msgspec.json.encode(plain)
    return msgspec.json.encode(await messages_to_openai(list(input)))


def _check(config: GenerateConfig) -> None:
    for name in _UNSUPPORTED:
        if getattr(config, name, None) is not None:
            raise UsageError(
                f"{name}={getattr(config, name)!r} is not supported by pool/; leave it out"
            )
    if config.num_choices not in (None, 1):
        raise UsageError(
            f"num_choices={config.num_choices} is not supported by pool/; use -T seeds=…"
        )
    if "steering" in (config.extra_body or {}):
        raise UsageError(
            "--extra-body holds steering, which records would not show; expected -M vector=… "
            "-M coef=… and a pool of steering servers"
        )
    if config.batch:
        raise UsageError("batch is not supported by pool/; a pool sends each request by itself")


def _tool(tool: ToolInfo) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters.model_dump(exclude_none=True),
        },
    }


def _choice(choice: ToolChoice) -> str | dict[str, Any]:
    if isinstance(choice, ToolFunction):
        return {"type": "function", "function": {"name": choice.name}}
    return "required" if choice == "any" else choice
