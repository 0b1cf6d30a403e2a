"""Inspect's OpenAI-compatible providers, heard by the readers of the pool.

Such a provider (`openai-api/`, `openrouter/`, `openai/` and their kind) hands its requests to
OpenAI's client, which reads every reply as it was documented once: a side field of another type
costs the answer, a body is read however large it is, an error in a 200 is retried without end, a
redirection is followed, a 400 becomes an answer by words in it. A hook on the client's responses
reads each body first, by the one function that reads a pool's (`read_response`), keeps the verdict
for whoever listens, and leaves the client a body and a status that say the same plainly.

Not heard: requests that fail before there is a response, streams that were asked for, and the
Responses API. How often and after what waits a client asks again is Inspect's (`--max-retries`,
`--timeout`), but for one thing: a question whose broken replies were paid for as often as a pool
would pay for them is given up.

Checked against httpx2 2.16: a response that has `_content` reads nothing more from its stream.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from harness.dispatcher.calls.plain_body import plain_body, plain_status
from harness.dispatcher.retries import MOST_ATTEMPTS
from harness.dispatcher.verdict import Verdict, read_response
from harness.models.reply_size import MOST_BYTES, ReplyTooLarge
from harness.models.secrets import Keys

__all__ = ["Heard", "listening", "tap"]

_PATH = "/chat/completions"


@dataclass
class Heard:
    """What one `generate` received: the verdict on the latest response, None before there is one.

    `broken` counts replies that were paid for and brought nothing.
    """

    verdict: Verdict | None = None
    broken: int = 0


_heard: ContextVar[Heard | None] = ContextVar("penchant_heard", default=None)


@contextmanager
def listening() -> Iterator[Heard]:
    """Within this context, what tapped clients receive is kept in the `Heard` that is given."""
    heard = Heard()
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def tap(api: Any) -> None:
    """Listen to the HTTP client of an Inspect provider, once; nothing for those without one."""
    client = getattr(api, "http_client", None)
    hooks = getattr(client, "event_hooks", None)
    if not isinstance(hooks, dict) or any(isinstance(h, _Response) for h in hooks["response"]):
        return
    hooks["request"].append(_forget)
    hooks["response"].append(_Response(api))


async def _forget(request: Any) -> None:
    """A new attempt begins: what the last one brought is no longer the latest."""
    heard = _heard.get()
    if heard is not None:
        heard.verdict = None


class _Response:
    """The hook on the responses of one provider's client."""

    def __init__(self, api: Any) -> None:
        self._keys = Keys(_text(getattr(api, "api_key", None)))

    async def __call__(self, response: Any) -> None:
        heard = _heard.get()
        if heard is None or not response.request.url.path.endswith(_PATH):
            return
        if b'"stream":true' in _sent(response.request).replace(b" ", b""):
            return
        content, verdict = b"", None
        try:
            content = self._keys.body(await _capped(response))
        except ReplyTooLarge as error:
            verdict = Verdict(kind="unavailable", reason=str(error), billed=True)
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            verdict = Verdict(kind="unavailable", reason=reason, billed=True)
        if verdict is None:
            headers = {name.lower(): value for name, value in response.headers.items()}
            verdict = read_response(response.status_code, headers, content, wall=time.time())
        verdict.reason = self._keys.text(verdict.reason)
        if verdict.billed:
            heard.broken += 1
            if heard.broken >= MOST_ATTEMPTS:
                verdict.kind = "rejected"
        heard.verdict = verdict
        _replace(response, verdict, content)


def _text(key: Any) -> str | None:
    return key if isinstance(key, str) else None


def _sent(request: Any) -> bytes:
    """The request's body, where it is at hand."""
    try:
        return bytes(request.content)
    except Exception:
        return b""


async def _capped(response: Any, *, most: int = MOST_BYTES) -> bytes:
    """The whole body, decompressed; ReplyTooLarge beyond `most` bytes, with the rest unread."""
    pieces, size = [], 0
    async for piece in response.aiter_bytes():
        size += len(piece)
        if size > most:
            await response.aclose()
            raise ReplyTooLarge(most)
        pieces.append(piece)
    return b"".join(pieces)


def _replace(response: Any, verdict: Verdict, content: bytes) -> None:
    """Leave the client a response that says what the verdict says."""
    response.status_code = plain_status(verdict, response.status_code)
    response._content = plain_body(verdict, content)
    for name in ("content-encoding", "content-length", "transfer-encoding", "location"):
        response.headers.pop(name, None)
    response.headers["content-type"] = "application/json"
    if verdict.retry_after is not None:
        response.headers["retry-after"] = f"{verdict.retry_after:.3f}"
