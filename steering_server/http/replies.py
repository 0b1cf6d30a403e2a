"""The JSON that goes back: whole replies, chunks of a stream, errors."""

import base64
from collections.abc import Sequence
from typing import Any

import torch

from steering_server.model.models import Loaded
from steering_server.model.requests import ApiError
from steering_server.model.work import Finished, Row, TokenScore

__all__ = [
    "as_text",
    "choice_fields",
    "chunk",
    "delta",
    "error_body",
    "logprob_entry",
    "usage",
    "whole",
]


def error_body(error: ApiError) -> dict[str, Any]:
    """In OpenAI's form."""
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    return {
        "error": {
            "message": error.message,
            "type": kind,
            "code": error.code,
            "param": error.param,
        }
    }


def logprob_entry(loaded: Loaded, score: TokenScore) -> dict[str, Any]:
    """One token's log-probability at temperature 1, and the alternatives, best first."""

    def told(token: int, logprob: float) -> dict[str, Any]:
        text = loaded.tokenizer.decode([token], clean_up_tokenization_spaces=False)
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}

    return {
        **told(score.token, score.logprob),
        "top_logprobs": [told(token, logprob) for token, logprob in score.alternatives],
    }


def _capture(row: Row) -> dict[str, Any] | None:
    """Layer → base64 of little-endian fp32 [width]."""
    if row.recorder is None:
        return None
    return {
        str(layer): base64.b64encode(value.to(torch.float32).numpy().tobytes()).decode()
        for layer, value in row.recorder.result().items()
    }


def usage(prompt_tokens: int, finished: Sequence[Finished]) -> dict[str, int]:
    """Tokens in and out, over all answers."""
    out = sum(one.tokens for one in finished)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": out,
        "total_tokens": prompt_tokens + out,
    }


def _base(loaded: Loaded, identity: str, created: int, kind: str) -> dict[str, Any]:
    return {
        "id": identity,
        "object": kind,
        "created": created,
        "model": loaded.id,
        "system_fingerprint": f"{loaded.weights[:12]}-{loaded.dtype_name}",
    }


def choice_fields(allowed: Sequence[str], finished: Finished) -> tuple[str, dict[str, Any]]:
    """The most probable allowed answer, and the probabilities for `steering` in the reply."""
    assert finished.choices is not None
    table = dict(zip(allowed, finished.choices, strict=True))
    best = max(table, key=lambda choice: table[choice])
    return best, {"choices": table, "mass": sum(finished.choices)}


def whole(
    loaded: Loaded,
    identity: str,
    created: int,
    *,
    rows: Sequence[Row],
    texts: Sequence[str],
    thoughts: Sequence[str],
    scores: Sequence[Sequence[TokenScore]],
    finished: Sequence[Finished],
    steering: dict[str, Any],
    prompt_tokens: int,
) -> dict[str, Any]:
    """A reply that is not streamed; sequences have one entry an answer."""
    choices = []
    for index, row in enumerate(rows):
        entry: dict[str, Any] = {
            "index": index,
            "message": _said(texts[index], thoughts[index]),
            "finish_reason": finished[index].finish,
            "logprobs": None
            if row.logprobs is None
            else {"content": [logprob_entry(loaded, score) for score in scores[index]]},
        }
        if row.recorder is not None:
            entry["capture"] = _capture(row)
        choices.append(entry)
    return {
        **_base(loaded, identity, created, "chat.completion"),
        "choices": choices,
        "usage": usage(prompt_tokens, finished),
        "steering": steering,
    }


def as_text(body: dict[str, Any]) -> dict[str, Any]:
    """A whole reply in the form of `/v1/completions`."""
    return {
        **body,
        "object": "text_completion",
        "choices": [_text_choice(choice) for choice in body["choices"]],
    }


def _text_choice(choice: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in choice.items() if name != "message"}
    told = (rest["logprobs"] or {}).get("content")
    if told is not None:
        rest["logprobs"] = {
            "tokens": [one["token"] for one in told],
            "token_logprobs": [one["logprob"] for one in told],
            "top_logprobs": [
                {other["token"]: other["logprob"] for other in one["top_logprobs"]} for one in told
            ],
        }
    return {"text": choice["message"]["content"], **rest}


def _said(content: str, thought: str) -> dict[str, str]:
    """A message; its thought stands beside the content, never in it."""
    more = {"reasoning_content": thought} if thought else {}
    return {"role": "assistant", "content": content} | more


def chunk(
    loaded: Loaded,
    identity: str,
    created: int,
    *,
    choices: Sequence[dict[str, Any]],
    **more: Any,
) -> dict[str, Any]:
    """One event of a stream."""
    base = _base(loaded, identity, created, "chat.completion.chunk")
    return {**base, "choices": list(choices), **more}


def delta(
    index: int,
    content: str | None,
    *,
    finish: str | None = None,
    thought: str = "",
    entry: dict[str, Any] | None = None,
    row: Row | None = None,
) -> dict[str, Any]:
    """A stream's news of one answer; `row` adds what its recorder took."""
    news: dict[str, Any] = {
        "index": index,
        "delta": {} if content is None else _said(content, thought),
        "finish_reason": finish,
        "logprobs": None if entry is None else {"content": [entry]},
    }
    if row is not None and row.recorder is not None:
        news["capture"] = _capture(row)
    return news
