"""A campaign on a virtual clock that checks the dispatcher's invariants while it runs."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from harness.dispatcher.clock import Timer, VirtualClock
from harness.dispatcher.endpoint import Endpoint
from harness.dispatcher.job import Ended, Flight, Job, Ticket
from harness.dispatcher.ledger import Entry, Ledger
from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.pump import Pump
from harness.dispatcher.simulation.scenario import Scenario, Size, VirtualServers
from harness.dispatcher.verdict import Verdict
from harness.respondent.faults import Fault, ServerSpec


class CountingClock(VirtualClock):
    """Counts the timers of the pump, which alone uses `call_at`; the servers use `call_later`."""

    def __init__(self) -> None:
        super().__init__()
        self.timers: list[Timer] = []
        self.most_timers = 0

    def call_at(self, when: float, call: Callable[[], None]) -> Timer:
        timer = super().call_at(when, call)
        self.timers = [t for t in self.timers if self._waits(t)]
        self.timers.append(timer)
        self.most_timers = max(self.most_timers, len(self.timers))
        return timer

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        return super().call_at(self.now() + delay, call)

    def _waits(self, timer: Timer) -> bool:
        return any(due is timer and not due.cancelled for _, _, due in self._due)


class Watch:
    """Looks at every send: never more in flight than the limit at that moment."""

    def __init__(self, servers: VirtualServers) -> None:
        self.servers = servers
        self.overfull: list[str] = []
        self.sent: Counter[str] = Counter()

    def send(self, flight: Flight, deliver: Callable[[Verdict], None]) -> Callable[[], None]:
        endpoint = flight.endpoint
        if endpoint.inflight > max(endpoint.concurrency.limit, 1):
            self.overfull.append(f"{endpoint.name}: {endpoint.inflight}")
        self.sent[endpoint.name] += 1
        return self.servers.send(flight, deliver)


@dataclass
class Campaign:
    """One run, and what came of it."""

    scenario: Scenario
    seed: int = 0
    patience: float = 120.0
    clock: CountingClock = field(default_factory=CountingClock)
    ends: Counter[int] = field(default_factory=Counter)
    results: dict[int, Ended] = field(default_factory=dict)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    hedging: bool = True
    by_conversation: bool = False

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        server_rng, own = rng.spawn(2)
        self.start = self.clock.now()
        self.servers = VirtualServers(self.scenario, clock=self.clock, rng=server_rng)
        self.watch = Watch(self.servers)
        self.endpoints = [
            Endpoint(spec, now=self.start, rng=own) for spec in self.scenario.endpoints
        ]
        self.pump = Pump(
            self.endpoints,
            self.watch,
            clock=self.clock,
            ledger=Ledger(self.entries.append),
            patience=self.patience,
            say=self.said.append,
            hedging=self.hedging,
            by_conversation=self.by_conversation,
        )

    def submit(self, index: int, job: Job) -> None:
        """Send in one job and count its ends."""

        def done(ended: Ended) -> None:
            self.ends[index] += 1
            self.results[index] = ended

        self.tickets[index] = self.pump.submit(job, done)

    def submit_all(self, sizes: Sequence[Size], *, flow: str = "0", max_tokens: int = 400) -> None:
        """Send in plain jobs, numbered on from the last; three bytes are exactly one token."""
        for size in sizes:
            job = Job(
                payload=size, flow=flow, kind=flow, size=3 * size.input, max_tokens=max_tokens
            )
            self.submit(len(self.tickets), job)

    def run(self, seconds: float = 1e5) -> "Campaign":
        """Let everything due happen."""
        self.clock.run(self.start + seconds)
        return self

    @property
    def errors(self) -> list[str]:
        """Reasons of the jobs that got no answer."""
        return [r.reply.error for r in self.results.values() if r.reply.error is not None]

    @property
    def answered(self) -> int:
        return sum(ended.reply.error is None for ended in self.results.values())

    def check(self) -> None:
        """The invariants that hold after any run whatever."""
        assert all(count == 1 for count in self.ends.values())
        assert self.watch.overfull == []
        assert self.clock.most_timers <= 1
        for endpoint in self.endpoints:
            assert endpoint.inflight == 0
            model = self.servers.models[endpoint.name]
            assert endpoint.account.requests == model.requests
            if endpoint.spec.rpm is not None:
                assert model.arrivals.peak <= endpoint.spec.rpm
            if endpoint.spec.tpm is not None:
                allowed = endpoint.spec.tpm + endpoint.underestimated
                assert model.settled.peak <= allowed + 1e-6
        useful = sum(
            e.input_tokens + e.output_tokens for e in self.entries if e.purpose == "useful"
        )
        assert useful == sum(
            r.reply.input_tokens + r.reply.output_tokens
            for r in self.results.values()
            if r.reply.error is None
        )


def make_campaign(
    *servers: ServerSpec | Sequence[Fault], seed: int = 0, **options: object
) -> Campaign:
    """A campaign over endpoints A, B, C whose pool file tells the servers' true limits."""
    specs = [
        s if isinstance(s, ServerSpec) else ServerSpec(latency=0.5, faults=tuple(s))
        for s in servers
    ]
    endpoints = tuple(
        EndpointSpec(
            name=name, url="http://x.invalid", model="m", rpm=spec.rpm, tpm=spec.tpm, timeout=30
        )
        for name, spec in zip("ABC", specs, strict=False)
    )
    known = {"patience", "hedging", "by_conversation"}
    assert set(options) <= known
    return Campaign(Scenario(endpoints, tuple(specs)), seed=seed, **options)  # type: ignore[arg-type]


@pytest.fixture
def campaign() -> Callable[..., Campaign]:
    """`campaign(server_or_faults, …)` makes a Campaign."""
    return make_campaign


@pytest.fixture
def campaign_over() -> type[Campaign]:
    """The class, for tests that build their own scenario."""
    return Campaign
