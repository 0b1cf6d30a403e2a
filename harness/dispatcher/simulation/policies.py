"""What the dispatcher is measured against, in the simulator: four plainer ways to send.

Each tries a request again until it is answered, at most six times where a failure is not a 429.
"""

from collections import deque

from harness.dispatcher.job import Job
from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.simulation.simulator import Policy, Trial, job_of, ours
from harness.dispatcher.verdict import Verdict

__all__ = ["POLICIES"]

_ATTEMPTS = 6


class _Sender:
    """Sends from one queue under a limit that a subclass sets for each endpoint."""

    def __init__(self, trial: Trial) -> None:
        self.specs = list(trial.scenario.endpoints)
        self.trial = trial
        self.clock = trial.clock
        self.queue = deque(job_of(size, index) for index, size in enumerate(trial.work))
        self.inflight = dict.fromkeys((spec.name for spec in self.specs), 0)
        self.go()

    def pick(self) -> EndpointSpec | None:
        """The endpoint to send to now, if any."""
        raise NotImplementedError

    def heard(self, spec: EndpointSpec, verdict: Verdict) -> None:
        """Learn from a verdict."""

    def go(self) -> None:
        """Send all that `pick` allows."""
        while self.queue:
            spec = self.pick()
            if spec is None:
                return
            self.send(self.queue.popleft(), spec)

    def send(self, job: Job, spec: EndpointSpec) -> None:
        """Send one request and see to its end."""
        self.inflight[spec.name] += 1
        job.sends += 1

        def deliver(verdict: Verdict) -> None:
            self.inflight[spec.name] -= 1
            self.heard(spec, verdict)
            if verdict.kind == "ok":
                self.trial.done(True)
            elif verdict.kind != "throttled" and job.attempts + 1 >= _ATTEMPTS:
                self.trial.done(False)
            else:
                self.again(job, verdict)
            self.go()

        self.trial.servers.request(spec, job, deliver)

    def again(self, job: Job, verdict: Verdict) -> None:
        """Put a request back after an exponential wait with jitter, or what the server said."""
        job.attempts += verdict.kind != "throttled"
        longest = 0.5 * 2.0 ** min(job.sends, 6)
        wait = max(verdict.retry_after or 0.0, longest * float(self.trial.rng.random()))
        self.clock.call_later(wait, lambda: self.back(job))

    def back(self, job: Job) -> None:
        """A request has waited."""
        self.queue.appendleft(job)
        self.go()


class _Fixed(_Sender):
    """100 in flight at each endpoint, whatever happens."""

    def pick(self) -> EndpointSpec | None:
        free = [spec for spec in self.specs if self.inflight[spec.name] < 100]
        return min(free, key=lambda spec: self.inflight[spec.name]) if free else None


class _SharedAdaptive(_Sender):
    """One limit of at most 100 over all endpoints, adapted to 429s; endpoints in turn.

    Doubles after as many successes as the limit while no 429 came, then grows by a tenth; a 429
    cuts it by a fifth, at most once in 15 s. A request keeps its slot while it waits.
    """

    limit = 20.0
    held = 0
    turn = 0
    wins = 0
    calm = True
    cut = -1e9

    def pick(self) -> EndpointSpec | None:
        if sum(self.inflight.values()) + self.held >= int(self.limit):
            return None
        self.turn += 1
        return self.specs[self.turn % len(self.specs)]

    def heard(self, spec: EndpointSpec, verdict: Verdict) -> None:
        if verdict.kind == "ok":
            self.wins += 1
            if self.wins >= self.limit:
                self.wins = 0
                self.limit = min(100.0, self.limit * (2.0 if self.calm else 1.1))
        elif verdict.kind == "throttled" and self.clock.now() - self.cut > 15:
            self.cut = self.clock.now()
            self.calm = False
            self.limit = max(1.0, self.limit * 0.8)

    def again(self, job: Job, verdict: Verdict) -> None:
        self.held += 1
        super().again(job, verdict)

    def back(self, job: Job) -> None:
        self.held -= 1
        super().back(job)


class _RoundRobin(_Sender):
    """In turn over endpoints, 100 in flight each; three failures in a row rest one for 5 s."""

    turn = 0

    def __init__(self, trial: Trial) -> None:
        self.failures: dict[str, int] = {}
        self.resting: dict[str, float] = {}
        super().__init__(trial)

    def pick(self) -> EndpointSpec | None:
        for _ in self.specs:
            self.turn += 1
            spec = self.specs[self.turn % len(self.specs)]
            rests = self.resting.get(spec.name, 0.0) > self.clock.now()
            if not rests and self.inflight[spec.name] < 100:
                return spec
        return None

    def heard(self, spec: EndpointSpec, verdict: Verdict) -> None:
        if verdict.kind == "ok":
            self.failures[spec.name] = 0
            return
        self.failures[spec.name] = self.failures.get(spec.name, 0) + 1
        if self.failures[spec.name] >= 3:
            self.failures[spec.name] = 0
            self.resting[spec.name] = self.clock.now() + 5.0
            self.clock.call_later(5.01, self.go)


class _Aimd(_Sender):
    """A limit per endpoint: + 1 per limit's worth of successes, halved by a 429 or a failure.

    No breaker: what refuses fast has room at once, and is sent to again.
    """

    def __init__(self, trial: Trial) -> None:
        self.limits = dict.fromkeys((spec.name for spec in trial.scenario.endpoints), 20.0)
        self.cuts: dict[str, float] = {}
        super().__init__(trial)

    def pick(self) -> EndpointSpec | None:
        free = [s for s in self.specs if self.inflight[s.name] < int(self.limits[s.name])]
        return (
            min(free, key=lambda s: self.inflight[s.name] / self.limits[s.name]) if free else None
        )

    def heard(self, spec: EndpointSpec, verdict: Verdict) -> None:
        limit = self.limits[spec.name]
        if verdict.kind == "ok":
            self.limits[spec.name] = limit + 1 / limit
        elif self.clock.now() - self.cuts.get(spec.name, -1e9) > 1.0:
            self.cuts[spec.name] = self.clock.now()
            self.limits[spec.name] = max(4.0, limit / 2)

    def again(self, job: Job, verdict: Verdict) -> None:
        # Without a wait of its own a failed request goes straight back; it is never given up.
        self.queue.appendleft(job)


POLICIES: dict[str, Policy] = {
    "dispatcher": ours,
    "fixed 100 each": _Fixed,
    "one shared adaptive 100": _SharedAdaptive,
    "round robin with cool-down": _RoundRobin,
    "AIMD without breaker": _Aimd,
}
"""By name, the dispatcher first."""
