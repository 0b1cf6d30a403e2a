"""The respondent server: what a client sees of limits and faults, and what it counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest

from harness.dispatcher.calls.http import HttpEndpoint
from harness.dispatcher.calls.payload import Payload
from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.verdict import Verdict
from harness.errors import UsageError
from harness.respondent.faults import Fault, ServerSpec, load_server
from harness.respondent.server import RespondentServer
from harness.respondent.server_model import ServerModel
from harness.respondent.settings import PRESETS

MESSAGES = [{"role": "user", "content": "Write a haiku about rain."}]


@asynccontextmanager
async def running(spec: ServerSpec, **options: Any) -> AsyncIterator[tuple[RespondentServer, str]]:
    server = RespondentServer(dict(PRESETS), spec, **options)
    port = await server.start("127.0.0.1", 0)
    try:
        yield server, f"http://127.0.0.1:{port}/v1"
    finally:
        await server.stop()


async def ask(url: str, *, key: str | None = None) -> Verdict:
    line = HttpEndpoint(EndpointSpec(name="x", url=url, model="faithful", timeout=0.5), key=key)
    future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    payload = Payload(b'[{"role":"user","content":"Write a haiku."}]', b"", 50, lambda: (None,) * 4)
    flight: Any = SimpleNamespace(job=SimpleNamespace(payload=payload))
    line.send(flight, future.set_result)
    try:
        return await asyncio.wait_for(future, 5)
    finally:
        await line.aclose()


KINDS = {
    "throttle": "throttled",
    "quota": "exhausted",
    "error": "unavailable",
    "refuse": "unavailable",
    "reset": "unavailable",
    "reset_body": "unavailable",
    "truncate": "unavailable",
    "garbage": "unavailable",
    "error_in_200": "unavailable",
    "hang": "unavailable",
    "filter": "ok",
}


@pytest.mark.parametrize("kind", KINDS)
async def test_faults_over_sockets(kind: str) -> None:
    """Each fault reaches the client over a real socket as what it is."""
    fault = Fault(kind=kind, retry_after="3")  # type: ignore[arg-type]
    async with running(ServerSpec(latency=0.0, faults=(fault,))) as (server, url):
        verdict = await ask(url)
    assert verdict.kind == KINDS[kind]
    assert server.stats()["requests"] == 1
    assert server.stats()["answered"] == 0
    if kind == "throttle":
        assert verdict.retry_after == 3


async def test_real_headers() -> None:
    """Limits come with x-ratelimit headers; above them there is a 429 with Retry-After."""
    async with running(ServerSpec(latency=0.0, rpm=2)) as (server, url):
        verdicts = [await ask(url) for _ in range(3)]
    assert [verdict.kind for verdict in verdicts] == ["ok", "ok", "throttled"]
    assert verdicts[0].rates is not None
    assert (verdicts[0].rates.limit_requests, verdicts[0].rates.remaining_requests) == (2, 1)
    assert verdicts[2].retry_after is not None
    assert 55 < verdicts[2].retry_after <= 60
    assert server.stats()["answered"] == 2


async def test_key_and_routes() -> None:
    """A wrong key, an unknown model, an unknown route and a bad body have their status."""
    async with running(ServerSpec(latency=0.0), key="right") as (_, url):
        assert (await ask(url, key="right")).kind == "ok"
        assert (await ask(url, key="right-but-longer")).kind == "barred"
        headers = {"authorization": "Bearer right"}
        async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
            body = {"model": "none", "messages": MESSAGES}
            assert (await client.post(f"{url}/chat/completions", json=body)).status_code == 404
            assert (await client.post(f"{url}/chat/completions", json={})).status_code == 400
            assert (await client.get(f"{url}/nothing")).status_code == 404
            models = (await client.get(f"{url}/models")).json()["data"]
            assert {"faithful", "refuser"} <= {model["id"] for model in models}


def test_window_counts_what_fits() -> None:
    """A server never admits more than its limit in any 60 s, and says when there is room."""
    model = ServerModel(ServerSpec(rpm=30), start=0.0, rng=np.random.default_rng(0))
    admitted = []
    for tenth in range(1500):
        plan = model.arrive(tenth / 10, 1, wall=0.0)
        if plan.kind == "reply":
            admitted.append(tenth / 10)
    assert max(sum(a <= b < a + 60 for b in admitted) for a in admitted) == 30


def test_stats_tell_the_fullest_window() -> None:
    """The peaks are the largest sums over any 60 s, counted anew from each arrival."""
    rng = np.random.default_rng(0)
    model = ServerModel(ServerSpec(), start=0.0, rng=rng)
    times = np.cumsum(rng.exponential(0.7, 400)).round(1)
    tokens = rng.integers(1, 200, 400)
    for at, amount in zip(times, tokens, strict=True):
        model.arrive(float(at), float(amount), wall=0.0)
    windows = [(times >= at) & (times < at + 60) for at in times]
    assert times[-1] > 180
    assert model.arrivals.peak == max(window.sum() for window in windows)
    assert model.settled.peak == max(tokens[window].sum() for window in windows)


def test_faults_file(tmp_path: Path) -> None:
    """A faults file is checked like any other: the key and what was expected."""
    file = tmp_path / "faults.toml"
    file.write_text('latency = 0.8\n[[faults]]\nkind = "error"\nstart = 3\n')
    assert load_server(file).faults[0].active(4.0)
    for text, word in (('latency = "x"', "latency"), ('[[faults]]\nkind = "x"', "faults")):
        file.write_text(text)
        with pytest.raises(UsageError, match=word):
            load_server(file)
    with pytest.raises(UsageError, match="no faults file"):
        load_server(tmp_path / "nowhere.toml")
