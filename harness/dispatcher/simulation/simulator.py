"""Runs a scenario on a virtual clock under one policy, and measures it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.dispatcher.clock import VirtualClock
from harness.dispatcher.endpoint import Endpoint
from harness.dispatcher.job import Ended, Job
from harness.dispatcher.pump import Pump
from harness.dispatcher.simulation.scenario import (
    Scenario,
    Size,
    VirtualServers,
    fluid_bound,
    sizes,
)

__all__ = ["Measured", "Policy", "Trial", "job_of", "measure", "ours"]


@dataclass(frozen=True)
class Measured:
    """One run: makespan in seconds, the fluid bound, and requests sent that brought nothing."""

    policy: str
    makespan: float
    bound: float
    sent: int
    answered: int
    failed: int

    @property
    def ratio(self) -> float:
        """Makespan over the fluid bound."""
        return self.makespan / self.bound

    @property
    def waste(self) -> float:
        """Requests sent beyond one per answer, per answer."""
        return (self.sent - self.answered) / max(1, self.answered)


@dataclass(frozen=True)
class Trial:
    """What a policy is given: endpoints, what serves them, the time, the requests in order, and a
    source of jitter. It calls `done(answered)` once per request."""

    scenario: Scenario
    servers: VirtualServers
    clock: VirtualClock
    work: list[Size]
    rng: np.random.Generator
    done: Callable[[bool], None]


Policy = Callable[[Trial], object]
"""Starts the whole work."""


def job_of(size: Size, index: int) -> Job:
    """A request of that size; a little over three bytes a token, as in English prompts."""
    return Job(payload=size, flow="0", kind="0", size=int(size.input * 3.6), max_tokens=400)


def ours(trial: Trial) -> None:
    """The dispatcher itself."""
    now = trial.clock.now()
    endpoints = [Endpoint(spec, now=now, rng=trial.rng) for spec in trial.scenario.endpoints]
    pump = Pump(endpoints, trial.servers, clock=trial.clock)

    def ended(result: Ended) -> None:
        trial.done(result.reply.error is None)

    for index, size in enumerate(trial.work):
        pump.submit(job_of(size, index), ended)


def measure(
    name: str,
    policy: Policy,
    scenario: Scenario,
    *,
    requests: int,
    seed: int,
    limit: float = 3600.0,
) -> Measured:
    """Run one policy over the scenario, for at most `limit` virtual seconds."""
    rng = np.random.default_rng(seed)
    work_rng, server_rng, policy_rng = rng.spawn(3)
    work = sizes(requests, work_rng)
    clock = VirtualClock()
    servers = VirtualServers(scenario, clock=clock, rng=server_rng)
    start = clock.now()
    ends = [0, 0]
    last = [math.inf]

    def done(answered: bool) -> None:
        ends[0 if answered else 1] += 1
        if sum(ends) == requests:
            last[0] = clock.now() - start

    policy(Trial(scenario, servers, clock, work, policy_rng, done))
    while sum(ends) < requests and clock.now() - start < limit and clock.step():
        pass
    return Measured(
        policy=name,
        makespan=last[0],
        bound=fluid_bound(scenario, work),
        sent=sum(model.requests for model in servers.models.values()),
        answered=ends[0],
        failed=ends[1],
    )
