"""Whatever raises beside the pump, and whatever a server asks to wait: every job ends."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.simulation.scenario import Scenario, Size
from harness.respondent.faults import Fault, ServerSpec

Make = Callable[..., Any]
SIZE = Size(50, 5)


def full(*arguments: Any) -> None:
    raise OSError(28, "No space left on device")


def ended(run: Any, count: int) -> None:
    """Each of `count` jobs ended once, nothing is under way, and the pool says why it died."""
    run.run(1e4)
    assert sum(run.ends.values()) == count
    assert set(run.ends.values()) == {1}
    assert run.pump.waiting == run.pump.inflight == 0
    assert "No space left" in run.pump.dead


@pytest.mark.parametrize("after", [0, 1, 7])
def test_a_ledger_that_cannot_be_written_ends_the_run(campaign: Make, after: int) -> None:
    """A full disk under the ledger ends all jobs with the reason, and books what was paid."""
    run = campaign((), ())
    ledger = run.pump._books._ledger
    write, seen = ledger._write, []

    def filling(entry: Any) -> None:
        seen.append(entry)
        full() if len(seen) > after else write(entry)

    ledger._write = filling
    run.submit_all([SIZE] * 60)
    ended(run, 60)
    assert any(result.fatal for result in run.results.values())
    assert all(endpoint.inflight == 0 for endpoint in run.endpoints)


def test_a_message_that_cannot_be_said_ends_the_run(campaign: Make) -> None:
    """A display that raises on an error's text does not leave the jobs waiting for ever."""
    run = campaign((Fault(kind="quota"),), ())
    run.pump._say_outside = full
    run.submit_all([SIZE] * 40)
    ended(run, 40)


def test_a_caller_that_raises_ends_the_run(campaign: Make) -> None:
    """What takes an answer and raises neither stops the others nor is passed over."""
    run = campaign(())
    run.submit_all([SIZE] * 5)
    first = run.tickets[2]
    done = first.done

    def raising(result: Any) -> None:
        done(result)
        full()

    first.done = raising
    ended(run, 5)


@pytest.mark.parametrize("after", [1, 4])
def test_a_transport_that_raises_ends_the_run(campaign: Make, after: int) -> None:
    """A send that raises leaves no job without an end."""
    run = campaign(())
    send, sent = run.watch.send, []

    def breaking(flight: Any, deliver: Any) -> Any:
        sent.append(flight)
        return full() if len(sent) > after else send(flight, deliver)

    run.watch.send = breaking
    run.submit_all([SIZE] * 12)
    ended(run, 12)


def test_anything_that_raises_while_a_verdict_is_taken_ends_the_run(campaign: Make) -> None:
    """Also a fault of the dispatcher's own ends the run with its reason."""
    run = campaign(())
    run.endpoints[0].succeeded = full
    run.submit_all([SIZE] * 9)
    ended(run, 9)


def test_retry_after_zero_is_not_hammered(campaign: Make) -> None:
    """A server that says "again in 0 s" and refuses is asked ever more seldom."""
    run = campaign((Fault(kind="throttle", retry_after="0"),), patience=1e6)
    run.submit_all([SIZE] * 2)
    run.run(6.0)
    assert run.servers.models["A"].requests <= 20


@pytest.mark.parametrize("after", ["86400", "50", "0", None])
@pytest.mark.parametrize("patience", [3.0, 10.0, 45.0])
def test_patience_holds_while_a_wait_runs(
    campaign: Make, after: str | None, patience: float
) -> None:
    """A long Retry-After does not stretch the patience: the pool dies when it ends."""
    run = campaign((Fault(kind="throttle", retry_after=after),), patience=patience)
    run.submit_all([SIZE] * 3)
    run.run(patience + 1.0)
    assert len(run.ends) == 3
    assert all(result.fatal for result in run.results.values())
    run.check()


def test_patience_ends_at_the_moment_that_was_armed_for(campaign: Make) -> None:
    """Where (t + patience) - t is below patience by rounding, no timer is armed for ever."""
    run = campaign((Fault(kind="throttle", retry_after="86400"),), patience=1e6)
    run.submit_all([SIZE])
    run.run(1.0)
    since = run.pump._failing_since
    assert since is not None
    short = [p / 10 for p in range(700, 999) if (since + p / 10) - since < p / 10]
    run.pump._patience = short[0]
    arm, armed = run.clock.call_at, []

    def counted(when: float, call: Any) -> Any:
        armed.append(when)
        assert len(armed) < 1000
        return arm(when, call)

    run.clock.call_at = counted  # type: ignore[method-assign]
    run.run(since + 200.0)
    assert run.results[0].fatal
    run.check()


def test_patience_holds_while_a_request_hangs(campaign_over: Any) -> None:
    """The same where one request failed and the rest hang until a far time-out."""
    server = ServerSpec(
        latency=0.5,
        faults=(Fault(kind="error", status=500, duration=0.4), Fault(kind="hang", start=0.4)),
    )
    spec = EndpointSpec(name="A", url="http://x.invalid", model="m", timeout=3000)
    run = campaign_over(Scenario((spec,), (server,)), patience=20.0)
    run.submit_all([SIZE] * 3)
    run.run(22.0)
    assert len(run.ends) == 3
    run.check()
