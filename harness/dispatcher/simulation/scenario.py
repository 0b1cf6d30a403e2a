"""A campaign and its providers, on a virtual clock: what the simulator runs.

`standard` is the scenario that the dispatcher is measured by: three endpoints with their limits
and bad moments, 12 000 requests of about 300 tokens.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from harness.dispatcher.clock import VirtualClock
from harness.dispatcher.job import Flight, Job
from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.verdict import Verdict, read_response
from harness.respondent.faults import Fault, ServerSpec
from harness.respondent.server_model import Handling, ServerModel

__all__ = ["Scenario", "Size", "VirtualServers", "fluid_bound", "sizes", "standard"]


@dataclass(frozen=True, slots=True)
class Size:
    """Tokens that one request takes."""

    input: int
    output: int

    @property
    def tokens(self) -> int:
        return self.input + self.output


@dataclass(frozen=True)
class Scenario:
    """Endpoints as the pool file describes them, and the servers as they are."""

    endpoints: tuple[EndpointSpec, ...]
    servers: tuple[ServerSpec, ...]


def standard(*, faults: bool = True) -> Scenario:
    """The scenario of the design: A fast with a slow tail, B slow, C local with 16 slots."""
    a = ServerSpec(
        latency=0.8,
        jitter=0.15,
        rpm=3000,
        tpm=600_000,
        enforce="bucket",
        faults=(
            Fault(kind="slow", share=0.02, factor=12),
            *((Fault(kind="error", status=500, start=40, duration=15),) if faults else ()),
        ),
    )
    quarter = tuple(
        Fault(kind="capacity", factor=0.25, start=start, duration=12) for start in (25, 85)
    )
    b = ServerSpec(
        latency=2.2, jitter=0.15, tpm=400_000, enforce="bucket", faults=quarter if faults else ()
    )
    c = ServerSpec(
        latency=0.45,
        jitter=0.1,
        slots=16,
        faults=(
            Fault(kind="slow", factor=4, start=60, duration=30),
            Fault(kind="refuse", start=110, duration=12),
        )
        if faults
        else (),
    )
    url = "https://{}.invalid/v1"
    return Scenario(
        endpoints=(
            EndpointSpec(name="A", url=url.format("a"), model="m", rpm=3000, tpm=600_000),
            EndpointSpec(name="B", url=url.format("b"), model="m", tpm=400_000),
            EndpointSpec(name="C", url=url.format("c"), model="m", kind="local"),
        ),
        servers=(a, b, c),
    )


def sizes(count: int, rng: np.random.Generator) -> list[Size]:
    """Requests of about 300 tokens: 240 in, 60 out on average, both spread."""
    inputs = rng.lognormal(math.log(240) - 0.045, 0.3, count)
    outputs = rng.lognormal(math.log(60) - 0.125, 0.5, count)
    return [Size(max(1, int(i)), max(1, int(o))) for i, o in zip(inputs, outputs, strict=True)]


def fluid_bound(scenario: Scenario, work: list[Size], *, step: float = 0.05) -> float:
    """Seconds that the work would take if it were a fluid that every server drinks at its limit.

    Requests a second of a server: the least of rpm / 60, tpm / 60 / tokens and slots / latency,
    nothing while it fails, times the factors of its faults.
    """
    tokens = sum(size.tokens for size in work) / len(work)
    left, at = float(len(work)), 0.0
    left -= sum(_in_hand(server, tokens) for server in scenario.servers)
    while left > 0:
        left -= step * sum(_rate(server, at, tokens) for server in scenario.servers)
        at += step
        if at > 1e6:
            return math.inf
    return at


def _in_hand(server: ServerSpec, tokens: float) -> float:
    """Requests that a server's burst lets through at once, beyond its rate."""
    limits = [server.rpm or math.inf, (server.tpm or math.inf) / tokens]
    return min(limits) / 60 * server.burst if min(limits) < math.inf else 0.0


def _rate(server: ServerSpec, at: float, tokens: float) -> float:
    capacity, slower = 1.0, 1.0
    for fault in server.faults:
        if not fault.active(at):
            continue
        if fault.kind == "capacity":
            capacity *= fault.factor
        elif fault.kind == "slow":
            slower *= 1 + fault.share * (fault.factor - 1)
        else:
            capacity *= 1 - fault.share
    limits = [math.inf]
    if server.rpm is not None:
        limits.append(server.rpm / 60 * capacity)
    if server.tpm is not None:
        limits.append(server.tpm / 60 / tokens * capacity)
    if server.slots is not None:
        limits.append(server.slots / (server.latency * slower) * min(1.0, capacity))
    return min(limits)


class VirtualServers:
    """A transport to simulated servers. Bodies are real bytes, read as the HTTP transport does."""

    def __init__(
        self, scenario: Scenario, *, clock: VirtualClock, rng: np.random.Generator
    ) -> None:
        self._clock = clock
        self.models = {
            spec.name: ServerModel(server, start=clock.now(), rng=child)
            for spec, server, child in zip(
                scenario.endpoints, scenario.servers, rng.spawn(len(scenario.servers)), strict=True
            )
        }

    def send(self, flight: Flight, deliver: Callable[[Verdict], None]) -> Callable[[], None]:
        """Begin an attempt; see `Transport`."""
        return self.request(flight.endpoint.spec, flight.job, deliver)

    def request(
        self, spec: EndpointSpec, job: Job, deliver: Callable[[Verdict], None]
    ) -> Callable[[], None]:
        """Have the server of `spec` treat `job`, whose payload is a `Size`."""
        size: Size = job.payload
        clock = self._clock
        plan = self.models[spec.name].arrive(clock.now(), size.tokens, wall=clock.wall())
        delay = spec.timeout if plan.kind == "hang" else min(plan.delay, spec.timeout)
        late = plan.kind != "hang" and plan.delay > spec.timeout

        def arrive() -> None:
            deliver(_TIMEOUT if late else _verdict(plan, size, clock.wall()))

        return clock.call_later(delay, arrive).cancel


_TIMEOUT = Verdict(kind="unavailable", reason="timed out", billed=True)


def _verdict(plan: Handling, size: Size, wall: float) -> Verdict:
    if plan.kind == "hang":
        return _TIMEOUT
    if plan.kind in ("refuse", "reset"):
        return Verdict(kind="unavailable", reason="connection refused or reset")
    if plan.kind == "reset_body":
        return Verdict(kind="unavailable", reason="connection reset inside the body", billed=True)
    if plan.kind == "garbage":
        return read_response(200, {}, b"<html>Bad gateway</html>", wall=wall)
    if plan.kind == "error_in_200":
        body = b'{"error":{"code":502,"message":"backend failed"}}'
        return read_response(200, {}, body, wall=wall)
    if plan.kind == "status":
        error = {"error": {"message": plan.message, "code": plan.code or None}}
        return read_response(plan.status, plan.headers, msgspec.json.encode(error), wall=wall)
    body = _answer(size)
    if plan.kind == "truncate":
        body = body[: len(body) // 2]
    return read_response(200, plan.headers, body, wall=wall)


def _answer(size: Size) -> bytes:
    return (
        b'{"choices":[{"message":{"content":"A"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":%d,"completion_tokens":%d}}' % (size.input, size.output)
    )
