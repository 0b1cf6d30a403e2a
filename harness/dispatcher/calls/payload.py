"""What a job carries: one chat request, ready for any endpoint of its pool."""

from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.dispatcher.poolfile import EndpointSpec
from harness.wire import Message

__all__ = ["Native", "Payload", "body_for", "encode_messages", "own_members", "tokens_field"]

Native = tuple[Any, Any, Any, Any]
"""Arguments of an Inspect provider's `generate`: input, tools, tool_choice, config."""

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True, frozen=True)
class Payload:
    """One request.

    `messages` is the JSON array of the conversation, `options` the JSON members that every
    endpoint gets, each with a comma before it. `native` builds the request for a delegated
    Inspect provider, which runs in `context`: the pump sends from whatever task woke it.
    """

    messages: bytes
    options: bytes
    max_tokens: int | None
    native: Callable[[], Native]
    headers: dict[str, str] | None = None
    context: Context | None = None


def encode_messages(messages: tuple[Message, ...]) -> bytes:
    """A plain conversation as JSON."""
    return _encode(messages)


def body_for(payload: Payload, spec: EndpointSpec, own: bytes) -> bytes:
    """The request's body for an endpoint; `own` comes from `own_members`."""
    parts = [b'{"messages":', payload.messages, payload.options, own]
    if payload.max_tokens is not None:
        parts.append(b',"%s":%d' % (tokens_field(spec).encode(), payload.max_tokens))
    parts.append(b"}")
    return b"".join(parts)


def own_members(spec: EndpointSpec) -> bytes:
    """JSON members that this endpoint alone needs: its model id, its backends, its extras.

    `backends` pins a router such as OpenRouter: this order, and no other backend if all fail.
    """
    members: dict[str, Any] = dict(spec.extra_body)
    members["model"] = spec.model
    if spec.backends is not None:
        members["provider"] = {
            **members.get("provider", {}),
            "order": list(spec.backends),
            "allow_fallbacks": False,
        }
    return b"," + _encode(members)[1:-1]


def tokens_field(spec: EndpointSpec) -> str:
    """Name of the limit on output tokens: OpenAI itself wants another one than its imitators."""
    if spec.tokens_field is not None:
        return spec.tokens_field
    at_openai = spec.url is not None and "//api.openai.com" in spec.url
    return "max_completion_tokens" if at_openai else "max_tokens"
