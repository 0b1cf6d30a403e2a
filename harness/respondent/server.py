"""The simulated respondents as an OpenAI-compatible HTTP server with limits and faults.

A server of its own on asyncio's protocols, since the faults are those of sockets: a reset before
the headers, half a body, a listening socket that is gone. It reads HTTP/1.1 requests with a
Content-Length, which is what every client of this kind of API sends.

Routes: POST /v1/chat/completions, GET /v1/models, GET /stats (what the server itself counted).
"""

import asyncio
import random
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from harness.respondent.chat import Chat, ChatError, answer, completion, model_list
from harness.respondent.faults import ServerSpec
from harness.respondent.server_model import Handling, ServerModel
from harness.respondent.settings import Settings

__all__ = ["RespondentServer"]

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many"}
_LARGEST = 64 << 20


class RespondentServer:
    """Answers as the respondents of `settings`, by name; with `key`, only to those who have it."""

    def __init__(
        self,
        settings: dict[str, Settings],
        spec: ServerSpec,
        *,
        key: str | None = None,
        seed: int = 0,
    ) -> None:
        self._settings = settings
        self._spec = spec
        self._key = key
        self._rng = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self.model = ServerModel(spec, start=self._loop.time(), rng=np.random.default_rng(seed))
        self.in_flight = 0
        self.most_in_flight = 0
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; the port (chosen by the system for 0)."""
        self._server = await self._loop.create_server(
            lambda: _Connection(self), host, port, backlog=4096
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Close the listening socket and all connections."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.drop()

    def stats(self) -> dict[str, Any]:
        """What the server counted: requests, answers, tokens, and the largest 60 s windows."""
        return {
            "requests": self.model.requests,
            "answered": self.model.answered,
            "tokens": self.model.tokens,
            "peak_requests": self.model.arrivals.peak,
            "peak_tokens": self.model.settled.peak,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "cpu_seconds": time.process_time(),
        }

    def handle(self, connection: "_Connection", head: bytes, body: bytes) -> None:
        """Treat one request."""
        line, _, fields = head.partition(b"\r\n")
        method, path, *_ = (*line.decode("latin-1").split(" "), "", "")
        if (method, path) == ("GET", "/stats"):
            connection.respond(200, {}, msgspec.json.encode(self.stats()))
            return
        if self._key is not None and _bearer(fields) != self._key.encode():
            connection.respond(401, {}, _error("Incorrect API key provided", "invalid_api_key"))
            return
        if (method, path) == ("GET", "/v1/models"):
            connection.respond(200, {}, model_list(self._settings))
        elif (method, path) == ("POST", "/v1/chat/completions"):
            self._chat(connection, body)
        else:
            connection.respond(404, {}, _error(f"No route {method} {path}", "not_found"))

    def _chat(self, connection: "_Connection", body: bytes) -> None:
        try:
            chat = msgspec.json.decode(body, type=Chat)
            reply = answer(chat, self._settings, self._rng)
        except ChatError as error:
            connection.respond(error.status, {}, _error(str(error), error.code))
            return
        except msgspec.DecodeError as error:
            connection.respond(400, {}, _error(str(error), "invalid_request"))
            return
        tokens = reply.input_tokens + reply.output_tokens
        plan = self.model.arrive(self._loop.time(), tokens, wall=time.time())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if plan.kind == "hang":
            return
        self._loop.call_later(
            plan.delay, self._carry_out, connection, plan, lambda: completion(chat, reply)
        )

    def _carry_out(
        self, connection: "_Connection", plan: Handling, content: Callable[[], bytes]
    ) -> None:
        self.in_flight -= 1
        headers = plan.headers
        if plan.kind in ("refuse", "reset"):
            connection.reset()
        elif plan.kind == "status":
            connection.respond(plan.status, headers, _error(plan.message, plan.code))
        elif plan.kind == "garbage":
            connection.respond(200, {}, b"<html>Bad gateway</html>")
        elif plan.kind == "error_in_200":
            connection.respond(200, {}, _error("Planted backend failure", "502"))
        elif plan.kind == "reset_body":
            connection.respond(200, headers, content(), send=0.5)
            connection.reset()
        elif plan.kind == "truncate":
            whole = content()
            connection.respond(200, headers, whole[: len(whole) // 2])
        else:
            connection.respond(200, headers, content())


class _Connection(asyncio.Protocol):
    """One client connection: requests one after another."""

    def __init__(self, server: RespondentServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = _content_length(head)
            if length is None or length > _LARGEST:
                self.respond(411, {}, _error("Content-Length is needed", "length_required"))
                self.drop()
                return
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._server.handle(self, head, body)

    def respond(
        self, status: int, headers: dict[str, str], body: bytes, *, send: float = 1.0
    ) -> None:
        """Write a response, or the first `send` of its body."""
        if self._transport is None or self._transport.is_closing():
            return
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += ["content-type: application/json", f"content-length: {len(body)}", "", ""]
        self._transport.write("\r\n".join(lines).encode() + body[: int(len(body) * send)])

    def reset(self) -> None:
        """Close so that the client sees a reset."""
        if self._transport is None:
            return
        raw = self._transport.get_extra_info("socket")
        if raw is not None and not self._transport.is_closing():
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def drop(self) -> None:
        """Close."""
        if self._transport is not None:
            self._transport.close()


def _content_length(head: bytes) -> int | None:
    """Bytes of the body; 0 for a GET without any; None where it cannot be told."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value) if value.strip().isdigit() else None
    return 0 if head.startswith(b"GET ") else None


def _bearer(fields: bytes) -> bytes | None:
    """The key in the Authorization field."""
    for line in fields.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"authorization":
            return value.strip().removeprefix(b"Bearer ").strip()
    return None


def _error(message: str, code: str) -> bytes:
    return msgspec.json.encode({"error": {"message": message, "code": code or None, "type": code}})
