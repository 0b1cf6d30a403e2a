"""Client CPU per call, live: the dispatcher beside other clients, and evals end to end.

Against a raw stub (benchmarks/stub.py) and against `penchant sim serve`, each in a process of its
own with 20 ms to an answer. Prints milliseconds of client CPU per answer at 50, 200 and 1 000 in
flight, the ratio to the dispatcher, answers a second of client CPU, and the server's CPU. Then
`inspect eval evals/pairwise.py` with pool/ in blocks of 25 against Inspect's openai-api/ with one
call a sample: same server, same questions, same options; each with its own default limit, for
Inspect an adaptive one that starts at 20 in flight and ends at 100 at most. Medians of rounds in
turn; Inspect logs start and end to the second. The ratio grows with the size (--pairs): what an
eval does once weighs on the shorter run. `python -m benchmarks.dispatch --skip-evals`
"""

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from inspect_ai.log import list_eval_logs, read_eval_log
from inspect_ai.model import GenerateConfig, get_model
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pyreqwest.client import ClientBuilder
from pyreqwest.compatibility.httpx import HttpxTransport

from harness.dispatcher.simulation.rehearsal import (
    Driven,
    cpu_seconds,
    drive,
    server_stats,
    serving,
)

ROOT = Path(__file__).resolve().parents[1]
PROMPT = "Rate how much you liked this task on a scale from 1 to 5. " * 5
BODY = {"model": "faithful", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 8}
LONGEST = 25.0
"""Seconds after which a client that is not done counts as without result."""

OURS = "pool/x, block=25"
PEER = "openai-api/, one call a sample"

One = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def httpx_client(url: str, transport: httpx.AsyncBaseTransport | None, most: int) -> Any:
    """One call by httpx, over the given transport or its own pool."""
    limits = httpx.Limits(max_connections=most, max_keepalive_connections=most)
    async with httpx.AsyncClient(transport=transport, limits=limits, timeout=60) as client:

        async def one() -> None:
            reply = await client.post(f"{url}/chat/completions", json=BODY)
            reply.raise_for_status()
            reply.json()

        yield one


@asynccontextmanager
async def raw(url: str, most: int) -> Any:
    """The floor: bytes over asyncio's streams, no HTTP library at all."""
    import json

    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    body = json.dumps(BODY).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n"
    request = head.format(len(body)).encode() + body
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def one() -> None:
        reader, writer = free.pop() if free else await asyncio.open_connection(host, int(port))
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        at = answer.index(b"content-length: ") + 16
        await reader.readexactly(int(answer[at:].split(b"\r\n", 1)[0]))
        free.append((reader, writer))

    yield one
    for _, writer in free:
        writer.close()


@asynccontextmanager
async def pyreqwest_httpx(url: str, most: int) -> Any:
    """httpx over the pyreqwest transport."""
    transport = HttpxTransport(ClientBuilder().max_connections(None).build())
    async with httpx_client(url, transport, most) as one:
        yield one


@asynccontextmanager
async def plain_httpx(url: str, most: int) -> Any:
    """httpx with its own pool."""
    async with httpx_client(url, None, most) as one:
        yield one


@asynccontextmanager
async def openai_sdk(url: str, most: int) -> Any:
    """The openai SDK with its default client."""
    async with AsyncOpenAI(
        base_url=url, api_key="x", http_client=DefaultAsyncHttpxClient(timeout=60)
    ) as client:

        async def one() -> None:
            await client.chat.completions.create(**BODY)  # type: ignore[call-overload]

        yield one


@asynccontextmanager
async def inspect_provider(url: str, most: int) -> Any:
    """Inspect's openai-api/ provider through `Model.generate`."""
    os.environ["SIM_API_KEY"] = "x"
    config = GenerateConfig(max_tokens=8, max_connections=most)
    async with get_model(
        "openai-api/sim/faithful", base_url=url, config=config, memoize=False
    ) as model:
        yield lambda: model.generate(PROMPT)


PEERS = {
    "raw bytes (floor)": raw,
    "httpx + pyreqwest": pyreqwest_httpx,
    "httpx, its own pool": plain_httpx,
    "openai SDK": openai_sdk,
    "Inspect openai-api/": inspect_provider,
}


async def drive_peer(peer: Callable[..., Any], url: str, in_flight: int, count: int) -> Driven:
    """As `drive`: a warm-up, then `count` calls with so many at a time."""
    async with peer(url, in_flight) as one:
        await _together(one, in_flight, in_flight)
        wall, cpu = time.perf_counter(), cpu_seconds()
        await _together(one, in_flight, count)
        return Driven(count, time.perf_counter() - wall, cpu_seconds() - cpu)


async def _together(one: One, in_flight: int, count: int) -> None:
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(work() for _ in range(in_flight)))


async def limited(run: Awaitable[Driven]) -> Driven | None:
    """The run, or None where it takes too long."""
    try:
        async with asyncio.timeout(LONGEST):
            return await run
    except TimeoutError:
        return None


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Both servers, by name."""
    stub = [sys.executable, str(ROOT / "benchmarks" / "stub.py")]
    with serving(program=stub) as raw_url, serving(["--latency", "0.02"]) as sim_url:
        yield {"raw stub": raw_url, "sim serve": sim_url}


def clients(urls: dict[str, str], calls: int, at_once: Sequence[int]) -> None:
    """Client CPU per answer, by server, number in flight and client."""
    for server, url in urls.items():
        peers = PEERS if server == "raw stub" else {}
        for in_flight in at_once:
            count = max(calls, 2 * in_flight)
            before = server_stats(url)["cpu_seconds"]
            ours = asyncio.run(drive(url, in_flight=in_flight, count=count))
            spent = (server_stats(url)["cpu_seconds"] - before) / (count + 3 * in_flight)
            print(
                f"\n{server}, {in_flight} in flight, {count} calls; "
                f"server {spent * 1000:.3f} ms of CPU a call"
            )
            show("dispatcher", ours, ours)
            for name, peer in peers.items():
                few = count if "raw" in name or "pyreqwest" in name else max(in_flight, count // 4)
                show(name, asyncio.run(limited(drive_peer(peer, url, in_flight, few))), ours)


def show(name: str, run: Driven | None, ours: Driven) -> None:
    """One line."""
    if run is None:
        print(f"  {name:22s} no result in {LONGEST:.0f} s", flush=True)
        return
    print(
        f"  {name:22s} {run.cpu_ms:7.3f} ms  {run.cpu_ms / ours.cpu_ms:6.2f} x  "
        f"{run.answers / run.cpu:7,.0f} answers per second of CPU, "
        f"{run.answers / run.wall:6,.0f} of wall time",
        flush=True,
    )


def evals(url: str, rounds: int, pairs: str) -> None:
    """Answers a second of whole evals: blocks over the pool, one call a sample over openai-api/."""
    print(f"\nevals/pairwise.py end to end, pairs={pairs} in both orders, sim serve with 20 ms")
    runs: dict[str, list[Run]] = {}
    with tempfile.TemporaryDirectory() as folder:
        pools = Path(folder) / "pools.toml"
        pools.write_text(f'[x]\n[[x.endpoints]]\nurl = "{url}"\nmodel = "faithful"\n')
        sides = {
            OURS: ["--model", "pool/x", "-M", f"file={pools}", "-T", "block=25"],
            PEER: ["--model", "openai-api/sim/faithful", "--model-base-url", url],
        }
        for number in range(rounds):
            for side, arguments in sides.items():
                run = evaluate([*arguments, "-T", f"pairs={pairs}"], f"{folder}/{side}{number}")
                runs.setdefault(side, []).append(run)
                print(
                    f"  {side:32s} {run.answers:6,d} answers in {run.seconds:5.1f} s: "
                    f"{run.rate:6,.0f}/s, {run.answers / run.cpu:6,.0f} per second of CPU",
                    flush=True,
                )
    if len({run.answers for side in runs.values() for run in side}) != 1:
        raise SystemExit("the two sides did not answer the same number of questions")
    ours, peer = (statistics.median(run.rate for run in runs[side]) for side in (OURS, PEER))
    by_cpu = [statistics.median(run.answers / run.cpu for run in runs[side]) for side in runs]
    print(
        f"  medians of {rounds}: {ours:,.0f} against {peer:,.0f} answers/s, ratio "
        f"{ours / peer:.1f}; per second of CPU, start-up included, {by_cpu[0]:,.0f} against "
        f"{by_cpu[1]:,.0f}, ratio {by_cpu[0] / by_cpu[1]:.1f}"
    )


@dataclass(frozen=True)
class Run:
    """One eval: answers, seconds from its start to its end as logged, CPU seconds in all."""

    answers: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Answers a second between the eval's start and its end."""
        return self.answers / self.seconds


def evaluate(arguments: list[str], folder: str) -> Run:
    """Run `evals/pairwise.py` in a process of its own and read its log."""
    command = [
        str(Path(sys.executable).parent / "inspect"), "eval", "evals/pairwise.py", *arguments,
        "-T", "timing=pre", "-T", "orders=both", "--log-dir", folder, "--display", "none",
    ]  # fmt: skip
    before = children_cpu()
    subprocess.run(command, cwd=ROOT, env=os.environ | {"SIM_API_KEY": "x"}, check=True)
    cpu = children_cpu() - before
    log = read_eval_log(list_eval_logs(folder)[0])
    if log.status != "success" or not log.stats.completed_at:
        raise SystemExit(f"the eval ended with status {log.status}")
    outcomes = [
        record["outcome"]
        for sample in log.samples or []
        for score in (sample.scores or {}).values()
        for record in (score.metadata or {}).get("records", ())
    ]
    began = datetime.fromisoformat(log.stats.started_at)
    ended = datetime.fromisoformat(log.stats.completed_at)
    return Run(outcomes.count("answered"), (ended - began).total_seconds(), cpu)


def children_cpu() -> float:
    """CPU seconds of the child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[50, 200, 1000])
    parser.add_argument("--skip-evals", action="store_true")
    parser.add_argument("--only-evals", action="store_true")
    parser.add_argument("--rounds", type=int, default=3, help="of each eval, in turn")
    parser.add_argument("--pairs", default="regular:20", help="of the evals, as -T pairs")
    given = parser.parse_args()
    with servers() as urls:
        if not given.only_evals:
            clients(urls, given.calls, given.in_flight)
        if not given.skip_evals:
            evals(urls["sim serve"], given.rounds, given.pairs)


if __name__ == "__main__":
    main()
