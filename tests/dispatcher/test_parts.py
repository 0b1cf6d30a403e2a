"""The parts: bucket, breaker, concurrency, sizes, fair queue."""

from itertools import accumulate
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from harness.dispatcher.breaker import Breaker, State
from harness.dispatcher.clock import VirtualClock
from harness.dispatcher.concurrency import Concurrency
from harness.dispatcher.endpoint import Endpoint
from harness.dispatcher.estimates import Quantiles, Sizes
from harness.dispatcher.file_limit import allow_connections
from harness.dispatcher.hedge import HedgeBudget
from harness.dispatcher.job import Flight, Job
from harness.dispatcher.limits import Bucket
from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.pump import Pump
from harness.dispatcher.queue import FairQueue

steps = st.lists(
    st.tuples(st.floats(0, 20), st.floats(0.1, 80), st.sampled_from([0.0, 0.3, 1.0])),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, max_examples=150)
@given(
    limit=st.sampled_from([1.0, 2.0, 7.0, 60.0]), window=st.sampled_from([1.0, 60.0]), steps=steps
)
def test_bucket_keeps_every_window(
    limit: float, window: float, steps: list[tuple[float, float, float]]
) -> None:
    """However amounts are taken and given back, no window holds more than the limit."""
    bucket, now = Bucket(limit, now=0.0, window=window), 0.0
    taken: list[tuple[float, float]] = []
    for pause, amount, share in steps:
        now += pause * window / 60
        amount = min(amount, limit)
        while (at := bucket.ready(amount, now)) > now:
            assert at < now + 200
            now = at
        charge = bucket.take(amount, now)
        bucket.settle(charge, amount * share, now)
        taken.append((now, amount * share))
    for start, _ in taken:
        inside = sum(size for at, size in taken if start <= at < start + window)
        assert inside <= limit * (1 + 1e-9)


def test_bucket_rate() -> None:
    """Taken as fast as allowed, a minute brings the whole limit and no more."""
    bucket, now, count = Bucket(600, now=0.0), 0.0, 0
    while now < 60:
        at = bucket.ready(1, now)
        if at > now:
            now = at
            continue
        bucket.take(1, now)
        count += 1
    assert 595 <= count <= 600


def test_bucket_above_the_limit() -> None:
    """An amount above the whole limit goes alone, when the window is empty."""
    bucket = Bucket(100, now=0.0)
    bucket.take(10, 0.0)
    assert bucket.ready(500, 1.0) == pytest.approx(61.0)
    assert bucket.ready(500, 61.0) == 61.0


def test_file_limit() -> None:
    """A low limit on open files is raised for the connections that a pool may open."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = 700
    if hard != resource.RLIM_INFINITY and hard < 1500:
        pytest.skip(f"the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, hard))
    try:
        assert allow_connections(1000) == 1000
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 1000
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_breaker() -> None:
    """Five failures in a row open it; one probe at a time; waits grow with the outage."""
    breaker = Breaker(rng=np.random.default_rng(0))
    assert [breaker.failed(0.0, probe=False) for _ in range(5)] == [False] * 4 + [True]
    assert breaker.ready(0.0) > 0.7
    waits, now = [], 0.0
    for _ in range(25):
        now = breaker.ready(now)
        assert breaker.sent(now, patience=4.0)
        assert not breaker.sent(now + 3.9, patience=4.0)
        assert breaker.ready(now) == now + 4.0
        breaker.failed(now, probe=True)
        waits.append(breaker.until - now)
    assert waits[0] < 1.3
    assert max(waits) <= 36
    assert waits[-1] > 20
    breaker.sent(breaker.until, patience=4.0)
    breaker.succeeded(breaker.until, probe=False)
    assert breaker.state is State.HALF
    breaker.succeeded(breaker.until, probe=True)
    assert breaker.state is State.CLOSED


def test_concurrency_grows_only_when_used() -> None:
    """L doubles per L successes while it is used, and stays while it is not."""
    limit = Concurrency("hosted", maximum=1000)
    limit.sent(2)
    for _ in range(100):
        limit.succeeded(0.5)
    assert limit.limit == 20
    for _ in range(20):
        limit.sent(limit.limit)
        limit.succeeded(0.5)
    assert limit.limit == 40


def test_quantiles() -> None:
    """Quantiles of the last values only."""
    ring = Quantiles(100)
    for value in range(1000):
        ring.add(value)
    assert ring.at(1.0) >= 990
    assert 940 <= ring.at(0.5) <= 950


def test_sizes_are_learned_by_kind() -> None:
    """Output is reserved by max_tokens until twenty replies of the kind came, then by their p95."""
    known = Sizes()
    assert known.output("a", 400, reserve="p95") == 400
    for _ in range(40):
        known.learn("a", 300, 100, 7)
    assert known.output("a", 400, reserve="p95") == 7
    assert known.output("a", 400, reserve="max_tokens") == 400
    assert known.output("b", 400, reserve="p95") == 400
    assert known.input(300) == pytest.approx(101)


def test_queue_order_within_a_flow() -> None:
    """Jobs of one flow keep their order, whatever their cost."""
    queue = FairQueue()
    jobs = [Job(payload=n, flow="a", cost=float(cost)) for n, cost in enumerate([5, 500, 1, 50])]
    for job in jobs:
        queue.push(job)
    taken = []
    while (job := queue.head()) is not None:
        queue.take(job)
        taken.append(job.payload)
    assert taken == [0, 1, 2, 3]
    assert len(queue) == 0


def test_queue_is_fair_at_every_moment() -> None:
    """Two backlogged flows never differ by more than a few turns."""
    queue = FairQueue()
    for flow, cost in (("a", 10.0), ("b", 30.0)):
        for _ in range(300):
            queue.push(Job(payload=None, flow=flow, cost=cost))
    differences = []
    for _ in range(250):
        job = queue.head()
        assert job is not None
        queue.take(job)
        differences.append(job.cost if job.flow == "a" else -job.cost)
    assert max(abs(total) for total in accumulate(differences)) <= 120


@pytest.mark.parametrize(("begun", "booked"), [(False, 0), (True, 1)])
def test_what_was_cancelled_before_it_went_out_is_not_booked(begun: bool, booked: int) -> None:
    """The accounts hold what a server may have seen, and nothing stays reserved either way."""
    clock = VirtualClock()
    spec = EndpointSpec(name="A", url="http://x.invalid", model="m", tpm=60_000.0)
    endpoint = Endpoint(spec, now=clock.now(), rng=np.random.default_rng(0))

    class Held:
        """Takes attempts and does nothing with them."""

        def send(self, flight: Flight, deliver: Any) -> Any:
            flight.begun = begun
            return lambda: None

    pump = Pump([endpoint], Held(), clock=clock)
    ticket = pump.submit(Job(payload=None, size=30, max_tokens=10), lambda ended: None)
    assert endpoint.inflight == 1
    pump.cancel(ticket)
    assert endpoint.account.requests == booked
    assert (endpoint.account.cancelled.tokens > 0) == begun
    assert (endpoint.inflight, pump.waiting) == (0, 0)


@given(st.lists(st.sampled_from(["answered", "hedge"]), max_size=400))
def test_hedges_are_a_twentieth_of_what_was_answered(happened: list[str]) -> None:
    """However answers and hedges take turns: always one, else at most 5 %, and never fewer."""
    budget, answered = HedgeBudget(), 0
    for one in happened:
        if one == "answered":
            budget.earned()
            answered += 1
        elif budget.allowed():
            budget.spent()
        assert budget.count <= max(1, -(-answered // 20))
        assert budget.allowed() == (20 * budget.count < max(20, answered))
