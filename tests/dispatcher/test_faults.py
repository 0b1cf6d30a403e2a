"""Each fault of the design, one test each: nothing is lost, and little is wasted."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.dispatcher.breaker import State
from harness.dispatcher.job import Job
from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.simulation.scenario import Scenario, Size
from harness.respondent.faults import Fault, ServerSpec

Make = Callable[..., Any]
SIZE = Size(50, 5)
GOOD: tuple[Fault, ...] = ()


def finished(run: Any, count: int = 200) -> Any:
    """Run `count` requests to the end: all answered, each once, invariants kept."""
    run.submit_all([SIZE] * count)
    run.run()
    assert run.answered == count, run.errors[:3]
    assert len(run.ends) == count
    run.check()
    return run


def wasted(run: Any) -> int:
    """Attempts that brought no answer."""
    return sum(entry.purpose != "useful" for entry in run.entries if entry.purpose)


@pytest.mark.parametrize("after", ["2", "date:+2", None, "86400", "-3", "soon"])
def test_429_waits_as_told(campaign: Make, after: str | None) -> None:
    """A 429 costs the request no attempt, and its Retry-After, if usable, holds the endpoint."""
    fault = Fault(kind="throttle", retry_after=after, duration=3.0)
    run = finished(campaign((fault,)))
    sent = sorted(e.t - e.took for e in run.entries if e.purpose == "refused")
    answered = [e.t - e.took for e in run.entries if e.purpose == "useful"]
    first = {"2": 2, "date:+2": 2, "86400": 60}.get(str(after), 0.5)
    assert min(answered) - sent[0] >= first
    assert wasted(run) <= 40


def test_429_burst_of_another_tenant(campaign: Make) -> None:
    """A limit cut to a quarter for a while slows the endpoint down, and it recovers."""
    cut = ServerSpec(
        latency=0.5,
        rpm=1200,
        enforce="bucket",
        faults=(Fault(kind="capacity", factor=0.25, start=5, duration=10),),
    )
    run = finished(campaign(cut), 600)
    assert wasted(run) <= 60
    assert run.endpoints[0].efficiency(run.clock.now()) == 1.0


def test_quota_gone(campaign: Make) -> None:
    """An endpoint without quota goes out, is said once, and the other does the work."""
    run = finished(campaign((Fault(kind="quota", start=1.0),), GOOD))
    assert [line for line in run.said if "is out" in line] == run.said
    assert len(run.said) == 1
    assert run.endpoints[0].out is not None


def test_quota_gone_everywhere_ends_the_pool(campaign: Make) -> None:
    """With no endpoint left every job ends with the reason, and the pool stays dead."""
    run = campaign((Fault(kind="quota"),))
    run.submit_all([SIZE] * 50)
    run.run()
    assert len(run.errors) == 50
    assert all(result.fatal and "quota" in result.fatal for result in run.results.values())
    run.submit_all([SIZE])
    assert run.results[50].fatal
    run.check()


@pytest.mark.parametrize("status", [500, 503, 529, 408])
def test_server_errors(campaign: Make, status: int) -> None:
    """An endpoint that fails is left alone by the breaker, and found again when it is back."""
    fault = Fault(kind="error", status=status, duration=10.0)
    run = finished(campaign((fault,), ServerSpec(latency=0.5, rpm=600)), 400)
    assert wasted(run) <= 40
    assert run.endpoints[0].account.useful.requests > 100
    assert run.endpoints[0].breaker.state is State.CLOSED


@pytest.mark.parametrize(
    "kind", ["refuse", "reset", "reset_body", "truncate", "garbage", "error_in_200"]
)
def test_broken_replies(campaign: Make, kind: str) -> None:
    """No connection, a cut or unreadable body, an error with status 200: tried again elsewhere."""
    run = finished(campaign((Fault(kind=kind, duration=5.0),), GOOD))
    spent = run.endpoints[0].account.retried
    billed = kind in ("reset_body", "truncate", "garbage")
    assert spent.requests > 0
    assert (spent.tokens > 0) is billed


def test_hang(campaign: Make) -> None:
    """A request that hangs ends by the time-out and is answered by the other endpoint."""
    run = finished(campaign((Fault(kind="hang", duration=2.0),), GOOD), 100)
    assert max(e.took for e in run.entries) <= 30.01
    assert run.clock.now() > 0


def test_brown_out(campaign: Make) -> None:
    """A local server that slows down gets fewer requests at a time, never fewer than 8.

    When so few are no faster, it is the server and not its queue: then the limit grows again.
    """
    slow = ServerSpec(
        latency=0.45, slots=16, faults=(Fault(kind="slow", factor=4, start=30, duration=60),)
    )
    spec = EndpointSpec(name="A", url="http://x.invalid", model="m", kind="local")
    run = campaign_with(campaign, Scenario((spec,), (slow,)))
    run.submit_all([SIZE] * 3000)
    limits = {}
    for second in (29, *range(31, 60), 88, 130):
        run.run(second)
        limits[second] = run.endpoints[0].concurrency.limit
    assert 16 <= limits[29] <= 48
    assert min(limits.values()) == 8
    assert limits[88] >= 16
    assert limits[130] >= 16
    run.run()
    run.check()


def campaign_with(campaign: Make, scenario: Scenario, seed: int = 0) -> Any:
    """A campaign over a scenario of one's own."""
    return type(campaign(GOOD))(scenario, seed=seed)


def test_slow_tail(campaign: Make) -> None:
    """Late requests at the end are sent once more elsewhere, and the slow ones are dropped."""
    tail = ServerSpec(latency=0.5, faults=(Fault(kind="slow", share=0.05, factor=60),))
    plain = campaign(tail, ServerSpec(latency=0.6), hedging=False)
    hedged = campaign(tail, ServerSpec(latency=0.6))
    ends = []
    for run in (plain, hedged):
        finished(run)
        ends.append(max(entry.t for entry in run.entries) - run.clock.wall() + run.clock.now())
    lost = sum(e.account.hedged.requests for e in hedged.endpoints)
    assert 0 < lost <= 0.05 * 200 + 1
    assert ends[1] < ends[0] - 10


def test_flapping(campaign: Make) -> None:
    """An endpoint that works every other second neither loses requests nor eats the retries."""
    run = finished(campaign((Fault(kind="error", period=2.0),), ServerSpec(latency=0.5, rpm=600)))
    assert wasted(run) <= 120


def test_all_down_then_one_back(campaign: Make) -> None:
    """With everything down the requests wait, and go on with the one that comes back."""
    down = Fault(kind="refuse", duration=40.0)
    run = finished(campaign((down,), (Fault(kind="refuse"),)))
    assert run.endpoints[1].account.useful.requests == 0
    assert wasted(run) <= 90


@pytest.mark.parametrize("headers", ["minus_one", "zero", "none", "real"])
def test_headers(campaign: Make, headers: str) -> None:
    """Rate-limit headers of −1 or 0 are no limits; true ones change nothing that holds."""
    server = ServerSpec(latency=0.2, rpm=600, tpm=60_000, headers=headers, enforce="bucket")
    run = finished(campaign(server), 300)
    assert run.clock.now() > 0
    assert max(entry.t for entry in run.entries) - min(e.t for e in run.entries) < 40
    assert run.endpoints[0].limits == {"requests": 600, "tokens": 60_000}


def test_headers_teach(campaign: Make) -> None:
    """Limits that the pool file does not tell, or tells too high, are learned from headers."""
    server = ServerSpec(latency=0.2, rpm=300, enforce="bucket")
    spec = EndpointSpec(name="A", url="http://x.invalid", model="m", rpm=9000)
    run = finished(campaign_with(campaign, Scenario((spec,), (server,))), 300)
    assert run.endpoints[0].limits["requests"] == 300
    assert wasted(run) <= 15


@pytest.mark.parametrize("headers", ["none", "real"])
@pytest.mark.parametrize("enforce", ["window", "bucket"])
def test_limits_that_lie(campaign: Make, headers: str, enforce: str) -> None:
    """With twice the true limits in the file the run ends within 1.15 of the bound."""
    server = ServerSpec(latency=0.5, rpm=600, headers=headers, enforce=enforce)
    spec = EndpointSpec(name="A", url="http://x.invalid", model="m", rpm=1200)
    run = campaign_with(campaign, Scenario((spec,), (server,)))
    run.submit_all([SIZE] * 2000)
    run.run()
    assert run.answered == 2000
    took = max(entry.t for entry in run.entries) - 1.7e9
    # A window lets its whole limit through at once: 2 000 requests need three refills.
    bound = 3 * 60 if enforce == "window" else (2000 - 20) / 10
    assert took <= 1.15 * bound
    assert wasted(run) <= 0.1 * 2000


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_clock_jump(campaign: Make, seconds: float) -> None:
    """A jump of the clock loses nothing and stops nothing."""
    run = campaign(ServerSpec(latency=0.5, rpm=600), GOOD)
    run.clock.call_later(2.0, lambda: run.clock.jump(seconds))
    finished(run)


def test_estimate_too_low(campaign: Make) -> None:
    """Answers longer than estimated are counted, and what follows waits for them."""
    server = ServerSpec(latency=0.5, tpm=12_000, enforce="window")
    run = campaign(server)
    run.submit_all([Size(50, 5)] * 60)
    run.submit_all([Size(50, 205)] * 60)
    run.run()
    assert run.answered == 120
    assert run.endpoints[0].underestimated > 0
    run.check()


def test_request_above_the_burst(campaign: Make) -> None:
    """A request larger than a second's worth of tokens, or than the limit itself, still goes."""
    server = ServerSpec(latency=0.5, tpm=6000, enforce="bucket", burst=60)
    run = campaign(server)
    run.submit_all([SIZE] * 20 + [Size(3000, 10)] + [SIZE] * 20, max_tokens=10)
    run.submit_all([Size(9000, 10)], max_tokens=10)
    run.run()
    assert run.answered == 42


def test_cancel_while_queued(campaign: Make) -> None:
    """A request withdrawn before it was sent is never sent."""
    run = campaign(ServerSpec(latency=0.5, rpm=60))
    run.submit_all([SIZE] * 5)
    run.pump.cancel(run.tickets[4])
    run.run()
    assert sorted(run.ends) == [0, 1, 2, 3]
    assert run.servers.models["A"].requests == 4
    run.check()


def test_cancel_in_flight(campaign: Make) -> None:
    """A request withdrawn in flight frees its place, and its tokens stay spent."""
    run = campaign(ServerSpec(latency=5.0, tpm=60_000))
    run.submit_all([SIZE] * 3, max_tokens=5)
    run.run(1.0)
    run.pump.cancel(run.tickets[1])
    run.pump.cancel(run.tickets[1])
    assert run.endpoints[0].inflight == 2
    run.run()
    assert sorted(run.ends) == [0, 2]
    assert run.endpoints[0].account.cancelled.requests == 1
    assert run.endpoints[0].account.cancelled.tokens > 0
    run.check()


def test_cancel_between_reserve_and_send(campaign: Make) -> None:
    """A withdrawal from inside the send itself leaves nothing reserved or in flight."""
    run = campaign(ServerSpec(latency=0.5, rpm=60))
    send = run.watch.send

    def withdrawing(flight: Any, deliver: Any) -> Any:
        cancel = send(flight, deliver)
        run.clock.call_later(0.0, lambda: run.pump.cancel(flight.job.waiters[0]))
        return cancel

    run.watch.send = withdrawing
    run.submit_all([SIZE] * 3)
    run.run()
    assert not run.ends
    run.check()


def test_cancel_during_a_hedge(campaign: Make) -> None:
    """A request withdrawn while it is out twice is stopped twice."""
    tail = ServerSpec(latency=0.5, faults=(Fault(kind="slow", start=1.0, factor=100),))
    run = campaign(tail, ServerSpec(latency=0.6, faults=tail.faults))
    run.submit_all([SIZE] * 20)
    run.run(0.95)
    late = Job(payload=SIZE, size=150)
    run.clock.call_later(0.1, lambda: run.submit(99, late))
    run.run(20.0)
    assert [flight.hedge for flight in late.flights] == [False, True]
    run.pump.cancel(run.tickets[99])
    assert late.flights == []
    run.run()
    assert 99 not in run.ends
    run.check()


def test_rejected_is_final(campaign: Make) -> None:
    """A 400 or 422 ends the request with the server's words, without a second try."""
    run = campaign((Fault(kind="error", status=422),))
    run.submit_all([SIZE] * 3)
    run.run()
    assert len(run.errors) == 3
    assert "422 Planted error" in run.errors[0]
    assert run.servers.models["A"].requests == 3


def test_no_endless_attempts(campaign: Make) -> None:
    """A request that kills whatever answers it ends after six attempts, with the reason."""
    run = campaign((Fault(kind="error", share=0.0001),), patience=50)
    send = run.watch.servers.models["A"].arrive

    def poisoned(now: float, tokens: float, *, wall: float) -> Any:
        plan = send(now, tokens, wall=wall)
        if tokens == 666:
            object.__setattr__(plan, "kind", "truncate")
        return plan

    run.watch.servers.models["A"].arrive = poisoned
    run.submit_all([SIZE] * 30 + [Size(600, 66)] + [SIZE] * 300)
    run.run()
    assert run.answered == 330
    assert len(run.errors) == 1
    assert "unreadable" in run.errors[0]


def test_dead_pool(campaign: Make) -> None:
    """When nothing succeeds for longer than the patience the pool gives up, in one line."""
    run = campaign((Fault(kind="refuse"),), patience=60)
    run.submit_all([SIZE] * 100)
    run.run()
    assert len(run.ends) == 100
    assert any(result.fatal for result in run.results.values())
    assert len(run.said) == 1
    assert "60 s" in run.said[0]
    run.check()


def test_shared_completions(campaign: Make) -> None:
    """Jobs of one key in flight are one call; questions, which have no key, never share."""
    run = campaign(GOOD)
    for index in range(6):
        run.submit(index, Job(payload=SIZE, size=150, share="k" if index < 4 else None))
    run.pump.cancel(run.tickets[0])
    run.run()
    assert sorted(run.ends) == [1, 2, 3, 4, 5]
    assert run.servers.models["A"].requests == 3
    run.submit(6, Job(payload=SIZE, size=150, share="k"))
    run.run()
    assert run.servers.models["A"].requests == 4


def test_conversation_routing(campaign: Make) -> None:
    """Under conversation routing the same opening goes to the same endpoint while it works."""
    run = campaign(GOOD, (Fault(kind="refuse", start=50),), GOOD, by_conversation=True)
    for index in range(60):
        run.submit(index, Job(payload=SIZE, size=150, affinity=index % 3))
    run.run(40)
    by_home = {index: run.results[index].reply.endpoint for index in range(60)}
    assert all(by_home[index] == "ABC"[index % 3] for index in range(60))
    for index in range(60, 90):
        run.submit(index, Job(payload=SIZE, size=150, affinity=1))
    run.clock.jump(15)
    run.run()
    assert run.answered == 90
