"""A verdict as a body that any OpenAI client can read.

What a server really sent may hold side fields of any type, NaN, broken text or an error in place of
an answer: a client that validates it throws the answer away, or retries what cannot succeed.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from harness.dispatcher.verdict import ToolCallBody, Verdict
from harness.models.first_token import finite
from harness.models.json_text import loose_json, whole_text
from harness.models.usage import tokens
from harness.wire import Reply

__all__ = ["plain_body", "plain_status"]

_FINISH = {"max_tokens": "length"}
_OURS = {"id", "object", "created", "model", "choices", "usage", "error"}
_STATUS = {"throttled": 429, "exhausted": 402, "unavailable": 502, "rejected": 400, "barred": 404}
"""What stands for a verdict where the server's own status says something else. Clients retry 429
and 502 and give up on the rest."""
_FITTING = {
    "throttled": {429},
    "exhausted": {402, 403},
    "barred": {401, 404},
    "unavailable": {408, *range(500, 600)},
    "rejected": {*range(400, 500)} - {401, 402, 404, 408, 409, 425, 429},
}


def plain_status(verdict: Verdict, status: int) -> int:
    """The HTTP status that tells a client what the verdict says; the server's own if it does."""
    if verdict.kind == "ok":
        return 200
    return status if status in _FITTING[verdict.kind] else _STATUS[verdict.kind]


def plain_body(verdict: Verdict, content: bytes) -> bytes:
    """The body: a chat completion, or an error. `content` is what the server sent."""
    if verdict.kind != "ok" or verdict.reply is None:
        error = {"message": verdict.reason, "type": verdict.kind, "code": None, "param": None}
        return msgspec.json.encode({"error": error})
    try:
        parsed: Any = loose_json(content)
    except ValueError:
        parsed = {}
    parsed = parsed if isinstance(parsed, Mapping) else {}
    body = _completion(verdict.reply, verdict.tool_calls, parsed)
    extras = {name: value for name, value in parsed.items() if name not in _OURS}
    try:
        return msgspec.json.encode({**extras, **body})
    except (UnicodeEncodeError, RecursionError, TypeError):
        return msgspec.json.encode(body)


def _completion(
    reply: Reply, calls: tuple[ToolCallBody, ...], parsed: Mapping[str, Any]
) -> dict[str, Any]:
    choices = parsed.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    given = first.get("logprobs") if isinstance(first, Mapping) else None
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.reasoning is not None:
        message["reasoning_content"] = reply.reasoning
    if calls:
        message["tool_calls"] = [_call(number, call) for number, call in enumerate(calls)]
    return {
        "id": str(parsed.get("id") or "unknown"),
        "object": "chat.completion",
        "created": tokens(parsed.get("created")) or 0,
        "model": reply.model or "",
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": reply.finish or _FINISH.get(reply.stop, reply.stop),
                "logprobs": _logprobs(given),
            }
        ],
        "usage": {
            "prompt_tokens": reply.input_tokens,
            "completion_tokens": reply.output_tokens,
            "total_tokens": reply.input_tokens + reply.output_tokens,
            "prompt_tokens_details": {"cached_tokens": _cached(parsed, reply.input_tokens)},
            "completion_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
        },
    }


def _cached(parsed: Mapping[str, Any], most: int) -> int:
    usage = parsed.get("usage")
    details = usage.get("prompt_tokens_details") if isinstance(usage, Mapping) else None
    found = details.get("cached_tokens") if isinstance(details, Mapping) else None
    return min(tokens(found) or 0, most)


def _call(number: int, call: ToolCallBody) -> dict[str, Any]:
    arguments = call.function.arguments
    if isinstance(arguments, dict):
        arguments = msgspec.json.encode(arguments).decode()
    function = {"name": call.function.name or "", "arguments": arguments or ""}
    return {"id": call.id or f"call_{number}", "type": "function", "function": function}


def _logprobs(given: object) -> dict[str, Any] | None:
    """Every position that can be read, with finite log-probabilities."""
    content = given.get("content") if isinstance(given, Mapping) else None
    if not isinstance(content, list):
        return None
    positions = []
    for entry in content:
        if isinstance(entry, Mapping) and isinstance(entry.get("token"), str):
            top = entry.get("top_logprobs")
            alternatives = [
                _token(one)
                for one in (top if isinstance(top, list) else ())
                if isinstance(one, Mapping) and isinstance(one.get("token"), str)
            ]
            positions.append({**_token(entry), "top_logprobs": alternatives})
    return {"content": positions}


def _token(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"token": whole_text(entry["token"]), "logprob": finite(entry.get("logprob"))}
