"""The dispatcher against a real server in a process of its own: CPU per call, answers a second."""

import asyncio
import json
import resource
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from harness.dispatcher.calls.payload import Payload
from harness.dispatcher.calls.pool import Pool
from harness.dispatcher.job import Job
from harness.dispatcher.poolfile import EndpointSpec, PoolSpec
from harness.errors import ServiceError

__all__ = ["Driven", "cpu_seconds", "drive", "rehearse", "server_stats", "serving"]

_PROMPT = "Rate how much you liked this task on a scale from 1 to 5. " * 5


@dataclass(frozen=True)
class Driven:
    """One run: answers, wall and client CPU in seconds."""

    answers: int
    wall: float
    cpu: float

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of client CPU per answer."""
        return self.cpu / self.answers * 1000


def cpu_seconds() -> float:
    """CPU that this process has used, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def serving(
    arguments: Sequence[str] = (), *, program: Sequence[str] | None = None
) -> Iterator[str]:
    """`penchant sim serve` (or `program`) in its own process, on a free port; its URL."""
    command = program or [sys.executable, "-m", "harness.cli.main", "sim", "serve", "--port", "0"]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if not line.startswith("listening on "):
            raise ServiceError(f"the server did not start: {line or 'no output'}")
        yield line.removeprefix("listening on ")
    finally:
        process.terminate()
        process.wait(10)


def server_stats(url: str) -> dict[str, float]:
    """What the server counted (GET /stats)."""
    root = url.removesuffix("/v1")
    # The loopback is never reached through a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{root}/stats", timeout=10) as response:
        found: dict[str, float] = json.loads(response.read())
    return found


async def drive(url: str, *, in_flight: int, count: int, model: str = "faithful") -> Driven:
    """Send `count` short requests with up to `in_flight` at a time, after a warm-up."""
    endpoint = EndpointSpec(name="server", url=url, model=model, max_concurrency=in_flight)
    pool = Pool(PoolSpec(endpoints=(endpoint,), name="rehearsal"))
    messages = msgspec.json.encode([{"role": "user", "content": _PROMPT}])

    async def one(seed: int) -> None:
        payload = Payload(messages, b',"seed":%d' % seed, 8, native=lambda: (None,) * 4)
        job = Job(payload=payload, size=len(messages), max_tokens=8)
        ended = await pool.ask(job)
        if ended.reply.error is not None:
            raise ServiceError(ended.reply.error)

    try:
        await asyncio.gather(*(one(seed) for seed in range(3 * in_flight)))
        wall, cpu = time.perf_counter(), cpu_seconds()
        await asyncio.gather(*(one(seed) for seed in range(count)))
        return Driven(count, time.perf_counter() - wall, cpu_seconds() - cpu)
    finally:
        await pool.aclose()


def rehearse(count: int) -> Iterator[str]:
    """Lines of `penchant pool bench --live`."""
    with serving(["--latency", "0.02"]) as url:
        for in_flight in (50, 200, 1000):
            before = server_stats(url)["cpu_seconds"]
            run = asyncio.run(drive(url, in_flight=in_flight, count=count))
            spent = server_stats(url)["cpu_seconds"] - before
            yield (
                f"{in_flight:5d} in flight: {run.cpu_ms:.3f} ms of client CPU an answer, "
                f"{run.answers / run.wall:,.0f} answers/s of wall time, "
                f"{run.answers / run.cpu:,.0f} a second of client CPU; "
                f"server {spent / (count + 3 * in_flight) * 1000:.3f} ms"
            )
