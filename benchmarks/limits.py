"""Rate limits live: what servers count in their fullest 60 s, and limits that the file overstates.

Each trial has `penchant sim serve` in a process of its own and a pool of one endpoint; all run at
once, for a little over a minute, since a window of 60 s says nothing about a shorter run. The
servers of the first three allow anything and only count:

* requests: `rpm` in the pool file; at most so many in any 60 s.
* tokens: `tpm`, reserved by `max_tokens`; at most so many in any 60 s.
* tokens, with the learned p95 reserved: at most so many and the counted underestimates. One
  request in 25 thinks first, so that its answer is longer than what is reserved.

Those of the last two have half of what the pool file tells and answer the rest with 429, with and
without x-ratelimit headers; the run ends within 1.15 of what the true limit allows at best.
Exit status 1 where one of these does not hold. `python -m benchmarks.limits`
"""

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.dispatcher.calls.payload import Payload
from harness.dispatcher.calls.pool import Pool
from harness.dispatcher.job import Job
from harness.dispatcher.poolfile import EndpointSpec, PoolSpec
from harness.dispatcher.simulation.rehearsal import server_stats, serving
from harness.dispatcher.simulation.scenario import Scenario, Size, fluid_bound
from harness.errors import ServiceError
from harness.items.builtin import builtin_items
from harness.respondent.faults import ServerSpec

WINDOW = 60.0
"""Seconds of a window, and what each trial must last longer than."""
LATEST = 1.15
"""Most that a run may take with overstated limits, as a multiple of the bound."""
RPM = 600
TPM = 48_000
LONGEST = 200
"""`max_tokens` of every request; above every answer of the respondent."""


@dataclass(frozen=True)
class Trial:
    """What the pool file says of the endpoint, and how the server is."""

    name: str
    told: dict[str, Any]
    server: ServerSpec

    @property
    def lied_to(self) -> bool:
        """Whether the server has limits of its own, which the file does not tell."""
        return self.server.rpm is not None


@dataclass(frozen=True)
class Outcome:
    """One trial as its server counted it: requests and tokens in all and in the fullest window.

    `seconds` from the first request to the last answer, `underestimated` tokens that answers took
    beyond what was reserved, `refused` requests that were answered with 429.
    """

    trial: Trial
    requests: int
    refused: int
    seconds: float
    peak_requests: int
    peak_tokens: int
    underestimated: float

    @property
    def bound(self) -> float:
        """Seconds that the server's true limits need at best."""
        endpoint = EndpointSpec(name="x", url="http://x.invalid", model="x")
        answered = [Size(1, 0)] * (self.requests - self.refused)
        return fluid_bound(Scenario((endpoint,), (self.trial.server,)), answered)

    def broken(self) -> list[str]:
        """What does not hold, in words."""
        wrong = []
        if self.seconds <= WINDOW:
            wrong.append(f"took {self.seconds:.0f} s, less than a window")
        if self.trial.lied_to:
            if self.seconds > LATEST * self.bound:
                wrong.append(f"later than {LATEST} x the bound")
            return wrong
        told = self.trial.told
        if self.peak_requests > told.get("rpm", self.peak_requests):
            wrong.append(f"more than {told['rpm']} requests in {WINDOW:.0f} s")
        spared = 0.0 if told.get("reserve") == "max_tokens" else self.underestimated
        if self.peak_tokens > told.get("tpm", self.peak_tokens) + spared:
            wrong.append(f"more than {told['tpm']} + {spared:.0f} tokens in {WINDOW:.0f} s")
        return wrong

    def __str__(self) -> str:
        """One line with the trial's figures."""
        line = f"{self.trial.name:32s} {self.requests:5d} requests in {self.seconds:5.1f} s; "
        if self.trial.lied_to:
            ratio = self.seconds / self.bound
            return line + f"{ratio:.3f} x the bound of {self.bound:.1f} s, {self.refused} refused"
        if "rpm" in self.trial.told:
            limit = self.trial.told["rpm"]
            peak, unit = self.peak_requests, "requests"
        else:
            limit = self.trial.told["tpm"]
            peak, unit = self.peak_tokens, "tokens"
        return line + (
            f"fullest {WINDOW:.0f} s: {peak:,d} {unit}, {peak / limit:.4f} of {limit:,d}; "
            f"underestimated by {self.underestimated:,.0f}"
        )


def trials() -> list[Trial]:
    """The five."""
    free = ServerSpec(latency=0.2, jitter=0.4)
    told = {"tpm": TPM}
    lies = {"rpm": 2 * RPM}

    def half(headers: Any) -> ServerSpec:
        return msgspec.structs.replace(free, rpm=RPM, enforce="bucket", headers=headers)

    return [
        Trial("requests", {"rpm": RPM}, free),
        Trial("tokens, max_tokens reserved", told | {"reserve": "max_tokens"}, free),
        Trial("tokens, p95 reserved", told | {"reserve": "p95"}, free),
        Trial("twice the true limit, headers", lies, half("real")),
        Trial("twice the true limit, no headers", lies, half("none")),
    ]


def described(server: ServerSpec, file: Path) -> Path:
    """The server's description as the TOML file that `sim serve` reads."""
    facts = msgspec.to_builtins(server).items()
    lines = [
        f"{name} = {msgspec.json.encode(fact).decode()}"
        for name, fact in facts
        if fact is not None and fact != []
    ]
    file.write_text("\n".join(lines), "utf-8")
    return file


async def attempt(trial: Trial, url: str, count: int) -> Outcome:
    """Ask so many questions at once and see what the server counted."""
    endpoint = EndpointSpec(name="server", url=url, model="faithful", **trial.told)
    pool = Pool(PoolSpec(endpoints=(endpoint,), name=trial.name))
    items = list(builtin_items())

    async def one(seed: int) -> None:
        text = items[seed % len(items)].text
        messages = msgspec.json.encode([{"role": "user", "content": text}])
        options = b',"seed":%d' % seed + (b',"reasoning_effort":"low"' if seed % 25 == 0 else b"")
        payload = Payload(messages, options, LONGEST, native=lambda: (None,) * 4)
        ended = await pool.ask(Job(payload=payload, size=len(messages), max_tokens=LONGEST))
        if ended.reply.error is not None:
            raise ServiceError(ended.reply.error)

    started = time.monotonic()
    try:
        await asyncio.gather(*(one(seed) for seed in range(count)))
        seconds = time.monotonic() - started
        underestimated = pool.endpoints[0].underestimated
    finally:
        await pool.aclose()
    stats = server_stats(url)
    return Outcome(
        trial=trial,
        requests=int(stats["requests"]),
        refused=int(stats["requests"] - stats["answered"]),
        seconds=seconds,
        peak_requests=int(stats["peak_requests"]),
        peak_tokens=int(stats["peak_tokens"]),
        underestimated=underestimated,
    )


async def attempt_all(urls: list[str], count: int) -> list[Outcome]:
    """Every trial at the same time, each at its server."""
    pairs = zip(trials(), urls, strict=True)
    return await asyncio.gather(*(attempt(trial, url, count) for trial, url in pairs))


def main() -> None:
    """Print a line a trial; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=800, help="of each trial (default 800)")
    parser.add_argument(
        "--unjudged", action="store_true", help="figures only: for fewer requests than a window has"
    )
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = [
            stack.enter_context(
                serving(["--faults", str(described(trial.server, folder / f"{n}"))])
            )
            for n, trial in enumerate(trials())
        ]
        outcomes = asyncio.run(attempt_all(urls, given.requests))
    failed = False
    for outcome in outcomes:
        wrong = [] if given.unjudged else outcome.broken()
        failed |= bool(wrong)
        print(f"{outcome}{''.join(f'; BROKEN: {words}' for words in wrong)}")
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
