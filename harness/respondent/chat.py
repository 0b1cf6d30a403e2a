"""Chat-completion requests and responses around the simulated respondent."""

import random
from typing import Any

import msgspec

from harness.respondent.respond import respond
from harness.respondent.settings import Settings
from harness.wire import Message, Question, Reply

__all__ = ["Chat", "ChatError", "answer", "completion", "model_list"]

_TOP = 5
_STOPS = {"max_tokens": "length", "unknown": "stop"}


class ChatError(Exception):
    """A request that cannot be answered, with the status and code to say so."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class _Function(msgspec.Struct):
    name: str


class _Tool(msgspec.Struct):
    function: _Function


class _Turn(msgspec.Struct):
    role: str
    content: str | list[dict[str, Any]] | None = None


class Chat(msgspec.Struct):
    """The members of a request that the respondents know; others change nothing."""

    model: str
    messages: list[_Turn]
    seed: int | None = None
    temperature: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[_Tool] | None = None
    tool_choice: Any = None
    reasoning_effort: str | None = None


def answer(chat: Chat, settings: dict[str, Settings], rng: random.Random) -> Reply:
    """The respondent's reply; ChatError for a model that is not there or an empty conversation."""
    name = chat.model.removeprefix("sim/")
    if name not in settings:
        raise ChatError(404, "model_not_found", f"The model {chat.model!r} does not exist")
    if not chat.messages:
        raise ChatError(400, "invalid_request", "messages is empty")
    question = Question(messages=tuple(_message(turn) for turn in chat.messages), seed=chat.seed)
    return respond(
        question,
        settings[name],
        rng=rng,
        temperature=chat.temperature,
        logprobs=(chat.top_logprobs or _TOP) if chat.logprobs else None,
        tools=bool(chat.tools) and chat.tool_choice != "none",
        thinking=chat.reasoning_effort not in (None, "none"),
    )


def completion(chat: Chat, reply: Reply) -> bytes:
    """The response's body."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.reasoning is not None:
        message["reasoning_content"] = reply.reasoning
    if reply.tool_arguments is not None and chat.tools:
        function = {"name": chat.tools[0].function.name, "arguments": reply.tool_arguments}
        message["tool_calls"] = [{"id": "call_0", "type": "function", "function": function}]
    choice: dict[str, Any] = {
        "index": 0,
        "message": message,
        "finish_reason": _STOPS.get(reply.stop, reply.stop),
    }
    if reply.top_logprobs:
        first = reply.top_logprobs[0]
        said = {"token": first.token, "logprob": first.logprob, "top_logprobs": reply.top_logprobs}
        choice["logprobs"] = {"content": [said]}
    body: dict[str, Any] = {
        "id": "chatcmpl-sim",
        "object": "chat.completion",
        "created": 0,
        "model": chat.model,
        "system_fingerprint": "sim",
        "choices": [choice],
        "usage": {
            "prompt_tokens": reply.input_tokens,
            "completion_tokens": reply.output_tokens,
            "total_tokens": reply.input_tokens + reply.output_tokens,
            "completion_tokens_details": {"reasoning_tokens": reply.reasoning_tokens or 0},
        },
    }
    return msgspec.json.encode(body)


def model_list(settings: dict[str, Settings]) -> bytes:
    """The response to `GET /v1/models`."""
    models = [{"id": name, "object": "model", "owned_by": "penchant"} for name in settings]
    return msgspec.json.encode({"object": "list", "data": models})


def _message(turn: _Turn) -> Message:
    if turn.role not in ("system", "user", "assistant"):
        raise ChatError(400, "invalid_request", f"role {turn.role!r} is not known here")
    content = turn.content
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content)
    return Message(turn.role, content or "")  # type: ignore[arg-type]
