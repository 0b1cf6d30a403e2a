"""The HTTP line against real sockets: what was found when the client was tried stays true."""

import asyncio
import contextlib
import gzip
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.dispatcher.calls.http import HttpEndpoint
from harness.dispatcher.calls.payload import Payload
from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.verdict import Verdict
from harness.models.reply_size import MOST_BYTES

BODY = b'{"choices":[{"message":{"content":"A"},"finish_reason":"stop"}]}'
OK = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
KEY = "sk-canary"


@asynccontextmanager
async def served(
    answer: Handler, *, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[HttpEndpoint]:
    """A line to a server of our own that answers each request by `answer`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(Exception):
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
    spec = EndpointSpec(
        name="x", url=f"{scheme}://{host}:{port}/v1", model="m", **({"timeout": 0.4} | options)
    )
    line = HttpEndpoint(spec, key=KEY)
    try:
        yield line
    finally:
        await line.aclose()
        server.close()


async def ask(line: HttpEndpoint) -> Verdict:
    """One attempt."""
    future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    payload = Payload(b'[{"role":"user","content":"hi"}]', b',"seed":1', 5, lambda: (None,) * 4)
    flight: Any = SimpleNamespace(job=SimpleNamespace(payload=payload))
    line.send(flight, future.set_result)
    return await asyncio.wait_for(future, 10)


async def well(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    await writer.drain()


async def test_body_and_key() -> None:
    """The request holds what the payload and the endpoint say, and the key in its header."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(1000))
        await well(reader, writer)

    async with served(answer, backends=("one", "two"), extra_body={"top_k": 3}) as line:
        verdict = await ask(line)
    assert verdict.reply is not None
    assert verdict.reply.text == "A"
    for part in (b'"seed":1', b'"model":"m"', b'"top_k":3', b'"max_tokens":5', b'"order":["one"'):
        assert part in seen[0]
    assert b'"allow_fallbacks":false' in seen[0]


async def test_reset_before_headers() -> None:
    """A reset before the headers is a failed attempt that may have been billed."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with served(answer) as line:
        verdict = await ask(line)
    assert (verdict.kind, verdict.billed) == ("unavailable", True)


async def test_cut_body() -> None:
    """A connection closed inside the body is a failed attempt, never half an answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK[:-20])
        await writer.drain()

    async with served(answer) as line:
        verdict = await ask(line)
    assert (verdict.kind, verdict.billed, verdict.reply) == ("unavailable", True, None)


@pytest.mark.parametrize("packed", [True, False])
async def test_no_reply_is_read_without_end(packed: bool) -> None:
    """A body beyond the cap is a failed attempt, counted as it unfolds where it is compressed."""
    plain = b" " * (MOST_BYTES + 1) + BODY
    body = gzip.compress(plain) if packed else plain
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n" % len(body)
    head += b"content-encoding: gzip\r\n\r\n" if packed else b"\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head + body)
        await writer.drain()

    async with served(answer, timeout=20.0) as line:
        verdict = await ask(line)
    assert (verdict.kind, verdict.billed) == ("unavailable", True)
    assert "more than 33,554,432 bytes" in verdict.reason


async def test_timeout_despite_trickle() -> None:
    """The time-out covers the whole reply, however the bytes come."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in OK:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    async with served(answer) as line:
        verdict = await ask(line)
    assert verdict.kind == "unavailable"
    assert "0.4 s" in verdict.reason


async def test_refused_connection() -> None:
    """A closed port and an unknown host fail at once, are not billed, and are told in words."""
    for url, word in (("http://127.0.0.1:9/v1", "refused"), ("http://x.invalid/v1", "lookup")):
        line = HttpEndpoint(EndpointSpec(name="x", url=url, model="m"), key=None)
        verdict = await ask(line)
        with pytest.raises(ConnectionError, match=word):
            await line.models()
        await line.aclose()
        assert (verdict.kind, verdict.billed) == ("unavailable", False)
        assert word in verdict.reason


async def test_cancelled_attempt() -> None:
    """A cancelled attempt tells nobody, leaves no task, and the next one goes through."""
    arrived, never = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not arrived.is_set():
            arrived.set()
            await never.wait()
        await well(reader, writer)

    async with served(answer) as line:
        heard: list[Verdict] = []
        payload = Payload(b"[]", b"", None, lambda: (None,) * 4)
        flight: Any = SimpleNamespace(job=SimpleNamespace(payload=payload))
        cancel = line.send(flight, heard.append)
        await arrived.wait()
        cancel()
        assert (await ask(line)).kind == "ok"
        assert heard == []
        assert not line._tasks


@pytest.fixture
def certified(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for localhost, signed by its owner, and a server's context with it."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is needed to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-keyout {key} -out {certificate} -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


async def test_certificates(certified: tuple[Path, ssl.SSLContext]) -> None:
    """A certificate that nobody vouches for is refused, until `ca_file` names it."""
    certificate, context = certified
    async with served(well, tls=context, timeout=5.0) as line:
        verdict = await ask(line)
    assert (verdict.kind, verdict.billed) == ("unavailable", False)
    assert "certificate" in verdict.reason
    async with served(well, tls=context, timeout=5.0, ca_file=str(certificate)) as line:
        assert (await ask(line)).kind == "ok"


async def test_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and HTTPS_PROXY are obeyed, and NO_PROXY excepts."""
    seen: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
        await well(reader, writer)
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, address)
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    async def through(url: str) -> str:
        line = HttpEndpoint(EndpointSpec(name="x", url=url, model="m", timeout=2.0), key=None)
        verdict = await ask(line)
        await line.aclose()
        return verdict.kind

    assert await through("http://x.invalid/v1") == "ok"
    await through("https://x.invalid/v1")
    assert [line.split()[0] for line in seen] == [b"POST", b"CONNECT"]
    monkeypatch.setenv("NO_PROXY", "x.invalid")
    monkeypatch.setenv("no_proxy", "x.invalid")
    assert await through("http://x.invalid/v1") == "unavailable"
    assert len(seen) == 2
    server.close()


async def test_key_is_scrubbed() -> None:
    """A key that the server repeats, and the line's own text, do not reach anybody."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        error = b'{"error":{"message":"bad key %s"}}' % KEY.encode()
        head = b"HTTP/1.1 401 No\r\ncontent-length: %d\r\n\r\n" % len(error)
        writer.write(head + error)
        await writer.drain()

    async with served(answer) as line:
        verdict = await ask(line)
        _, body = await line.models()
    assert verdict.reason == "401 bad key [key]"
    assert KEY not in repr(verdict) + repr(line) + body.decode()


async def test_a_request_that_is_cancelled_at_once_has_not_begun() -> None:
    """Nothing goes out before the line's first step; from then on the server may have seen it."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(b"seen")
        await well(reader, writer)

    payload = Payload(b'[{"role":"user","content":"hi"}]', b"", 5, lambda: (None,) * 4)
    async with served(answer) as line:
        flight: Any = SimpleNamespace(job=SimpleNamespace(payload=payload))
        line.send(flight, lambda verdict: None)()
        assert not flight.begun
        future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        flight = SimpleNamespace(job=SimpleNamespace(payload=payload))
        line.send(flight, future.set_result)
        await asyncio.wait_for(future, 10)
        assert flight.begun
    assert seen == [b"seen"]
