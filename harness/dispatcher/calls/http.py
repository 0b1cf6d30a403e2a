"""OpenAI-compatible endpoints over HTTP.

The client is pyreqwest's own (Rust's reqwest and hyper), one per endpoint. Its transport for
`httpx.AsyncClient` takes more CPU a request than this whole dispatcher does, in httpx's request
and response objects: `python -m benchmarks.dispatch` prints both.

Found when tried, each now a test (pyreqwest 0.15.1, tests/dispatcher/calls/test_http.py):

* Cancelling the task that waits returns at once and the client goes on working, but the request
  itself runs on: the server sees its connection closed only at the time-out. So a cancelled
  request and a lost hedge count as spent, and `timeout` bounds what they can cost.
* A refused connection, a name that cannot be resolved, a reset before the headers and a bad
  certificate all are ConnectErrors and told apart by their text; a reset inside the body is a
  BodyDecodeError. All come as a failed attempt, never as an empty answer.
* The time-out holds from the start of the request to the end of its body, and a server that
  trickles bytes does not reset it. Before the headers it shows as a ConnectTimeoutError, whether
  or not there was a connection.
* `send` of a plain request reads the whole body, however large and however small it came: so the
  body is read by pieces, and a reply of more than 32 MiB is a failed attempt.
* Certificates are verified; one that is signed by its owner is refused until `ca_file` names it.
  Error texts hold no header, so no key.
* `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are obeyed, as read when the client is made.
* A client that is not closed before the interpreter ends can abort the process with
  "PyGILState_Release": `aclose` must be reached on every way out.

HTTP/2 is off: a server that allows 100 streams on a connection would make the rest of 1 000
requests wait inside the client, where no limit of ours sees them.
"""

import asyncio
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    ConnectError,
    PyreqwestError,
    RequestTimeoutError,
)
from pyreqwest.response import Response

from harness.dispatcher.calls.payload import Payload, body_for, own_members
from harness.dispatcher.job import Flight
from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.verdict import Verdict, read_response
from harness.errors import UsageError
from harness.models.concessions import Concessions
from harness.models.reply_size import MOST_BYTES, ReplyTooLarge
from harness.models.secrets import Keys

__all__ = ["HttpEndpoint", "capped"]

_CONNECT = timedelta(seconds=15)
_UNSENT = re.compile(r"refused|lookup|resolve|certificate|unreachable|tls|proxy", re.IGNORECASE)


class HttpEndpoint:
    """Sends attempts to one URL. The key stays in this object and is in no text it hands out."""

    def __init__(self, spec: EndpointSpec, *, key: str | None) -> None:
        assert spec.url is not None
        self._url = spec.url.rstrip("/")
        self._spec = spec
        self._keys = Keys(key)
        self._own = own_members(spec)
        self._concessions = Concessions()
        self._timeout = timedelta(seconds=spec.timeout)
        self._headers = {"content-type": "application/json", "accept": "application/json"}
        if key is not None:
            self._headers["authorization"] = f"Bearer {key}"
        self._client = _client(spec)
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"HttpEndpoint({self._spec.name!r})"

    def send(self, flight: Flight, deliver: Callable[[Verdict], None]) -> Callable[[], None]:
        """Begin an attempt; see `Transport`."""
        flight.begun = False
        task = asyncio.get_running_loop().create_task(self._attempt(flight, deliver))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task.cancel  # type: ignore[return-value]

    async def models(self, *, seconds: float = 20.0) -> tuple[int, bytes]:
        """Status and body of `GET /models`: whether the endpoint is there, at no cost.

        Raises ConnectionError, with one line without secrets, when nothing answers.
        """
        builder = self._client.get(f"{self._url}/models").headers(self._headers)
        try:
            async with builder.timeout(timedelta(seconds=seconds)).build_streamed() as response:
                return response.status, self._keys.bytes(await capped(response))
        except ReplyTooLarge as error:
            raise ConnectionError(str(error)) from None
        except PyreqwestError as error:
            raise ConnectionError(self._reason(error)) from None

    async def aclose(self) -> None:
        """Stop what is under way and close all connections."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    async def _attempt(self, flight: Flight, deliver: Callable[[Verdict], None]) -> None:
        flight.begun = True
        payload = flight.job.payload
        try:
            headers = self._headers | payload.headers if payload.headers else self._headers
            builder = self._client.post(f"{self._url}/chat/completions").headers(headers)
            body = self._body(payload)
            request = builder.body_bytes(body).timeout(self._timeout).build_streamed()
            async with request as response:
                content = self._keys.body(await capped(response))
                told = response.headers
            verdict = read_response(response.status, told, content, wall=time.time())
            verdict = self._conceded(verdict, body)
        except ReplyTooLarge as error:
            verdict = Verdict(kind="unavailable", reason=str(error), billed=True)
        except PyreqwestError as error:
            verdict = self._failure(error)
        except Exception as error:
            # Whatever it was, the job must hear of it: without a verdict it would wait for ever.
            reason = f"{type(error).__name__}: {error}"
            verdict = Verdict(kind="unavailable", reason=reason, billed=True)
        if verdict.reason:
            verdict.reason = self._keys.text(verdict.reason)
        deliver(verdict)

    def _body(self, payload: Payload) -> bytes:
        body = body_for(payload, self._spec, self._own)
        if not self._concessions:
            return body
        return msgspec.json.encode(self._concessions.applied(msgspec.json.decode(body)))

    def _conceded(self, verdict: Verdict, body: bytes) -> Verdict:
        """The verdict after what it teaches of this endpoint, or of a reply without its seed."""
        if verdict.kind == "rejected" and verdict.error is not None:
            learnt = self._concessions.learn(verdict.error, msgspec.json.decode(body))
            return verdict if learnt is None else Verdict(kind="amended", reason=learnt)
        if verdict.reply is not None and self._concessions.seedless:
            verdict.reply = msgspec.structs.replace(verdict.reply, seed_honoured=False)
        return verdict

    def _failure(self, error: PyreqwestError) -> Verdict:
        # Once the request is out, the provider may have worked for it whatever became of the reply.
        reason = self._reason(error)
        unsent = isinstance(error, ConnectError) and bool(_UNSENT.search(reason))
        if isinstance(error, RequestTimeoutError):
            reason = f"no complete reply within {self._spec.timeout:g} s"
        return Verdict(kind="unavailable", reason=reason, billed=not unsent)

    def _reason(self, error: PyreqwestError) -> str:
        """What went wrong, down to the system's own words, on one line."""
        causes = (getattr(error, "details", None) or {}).get("causes") or []
        words = [str(cause.get("message", "")) for cause in causes]
        text = f"{type(error).__name__}: {words[-1] if words else error}"
        return self._keys.text(" ".join(text.split()))[:300]


async def capped(response: Response, *, most: int = MOST_BYTES) -> bytes:
    """The whole body, decompressed; ReplyTooLarge beyond `most` bytes, with the rest unread.

    What is counted is what comes out of the decompression, piece by piece, so that a small body
    that unfolds into a large one never lies in memory whole.
    """
    told = response.get_header("content-length")
    if told is not None and told.isdecimal() and int(told) <= most:
        # The client takes this header away where it decompresses, and reads no more than it says.
        return bytes(await response.bytes())
    reader = response.body_reader
    parts: list[bytes] = []
    size = 0
    while (chunk := await reader.read_chunk()) is not None:
        size += len(chunk)
        if size > most:
            raise ReplyTooLarge(most)
        parts.append(bytes(chunk))
    return b"".join(parts)


def _client(spec: EndpointSpec) -> Client:
    builder = (
        ClientBuilder()
        .max_connections(None)
        .error_for_status(False)
        .follow_redirects(False)
        .connect_timeout(_CONNECT)
        .http1_only()
        .user_agent("penchant")
    )
    if spec.ca_file is not None:
        try:
            builder = builder.add_root_certificate_pem(Path(spec.ca_file).read_bytes())
        except (OSError, ValueError, PyreqwestError) as error:
            raise UsageError(
                f"endpoint {spec.name!r}: ca_file = {spec.ca_file!r} cannot be used: {error}"
            ) from None
    return builder.build()
