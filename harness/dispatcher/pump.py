"""The one place that sends.

`Pump` is synchronous and knows neither asyncio nor HTTP: a transport starts attempts and hands
back verdicts, a clock wakes it. After every event it sends all that may go, and arms at most one
timer for the earliest moment at which more may.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

import msgspec

from harness.dispatcher.books import Books, price
from harness.dispatcher.clock import Clock, Timer
from harness.dispatcher.endpoint import Endpoint
from harness.dispatcher.hedge import HedgeBudget, late
from harness.dispatcher.job import Demand, Ended, Flight, Job, Ticket
from harness.dispatcher.ledger import Ledger, Purpose
from harness.dispatcher.outside import Outside
from harness.dispatcher.queue import FairQueue
from harness.dispatcher.retries import MOST_ATTEMPTS, MOST_PROBES, Retries, RetryBudget
from harness.dispatcher.routing import AVOID, Router
from harness.dispatcher.verdict import Verdict
from harness.wire import Reply

__all__ = ["Pump", "Transport"]

_SCAN = 16
"""Retries looked at in one round: one that no endpoint takes must not hide those behind it, and
with thousands waiting a look at all of them would cost more than the requests."""
_NOTHING = Demand(0.0, 0.0)


class Transport(Protocol):
    """Starts an attempt. `deliver` is called once, later, unless the attempt is cancelled."""

    def send(self, flight: Flight, deliver: Callable[[Verdict], None]) -> Callable[[], None]:
        """Begin `flight` and return what cancels it."""


class Pump:
    """Sends jobs to endpoints of one equivalence label.

    `patience` is for how many seconds nothing may succeed, while something fails, before the pool
    counts as dead: then every job ends with `Ended.fatal`. `say` takes lines for a person.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        transport: Transport,
        *,
        clock: Clock,
        ledger: Ledger | None = None,
        patience: float = 600.0,
        by_conversation: bool = False,
        hedging: bool = True,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.endpoints = list(endpoints)
        self.dead: str | None = None
        self._clock = clock
        self._transport = transport
        self._outside = Outside()
        self._books = Books(ledger or Ledger(), clock, self._outside)
        self._router = Router(self.endpoints, by_conversation=by_conversation)
        self._patience = patience
        self._say_outside = say
        self._queue = FairQueue()
        self._retries = Retries()
        self._budget = RetryBudget(clock.now())
        self._hedges = HedgeBudget() if hedging and len(self.endpoints) > 1 else None
        self._shared: dict[Hashable, Job] = {}
        self._timer: Timer | None = None
        self._timer_at = math.inf
        self._pumping = False
        self._again = False
        # Where no endpoint has a price, nothing is known; beside one that has, 0 means free.
        self._priced = any(e.spec.price_in or e.spec.price_out for e in self.endpoints)
        self._failing_since: float | None = None
        self._last_reason = ""

    @property
    def waiting(self) -> int:
        """Jobs not in flight."""
        return len(self._queue) + len(self._retries)

    @property
    def inflight(self) -> int:
        """Attempts in flight."""
        return sum(endpoint.inflight for endpoint in self.endpoints)

    # Jobs come and go

    def submit(self, job: Job, done: Callable[[Ended], None]) -> Ticket:
        """Take a job; `done` is called exactly once, unless the ticket is cancelled first."""
        if job.share is not None and job.share in self._shared:
            leader = self._shared[job.share]
            ticket = Ticket(leader, done)
            leader.waiters.append(ticket)
            return ticket
        ticket = Ticket(job, done)
        job.waiters.append(ticket)
        if self.dead is not None:
            self._end(job, Ended(Reply(error=self.dead), fatal=self.dead))
            return ticket
        if job.share is not None:
            self._shared[job.share] = job
        job.cost = self._router.demand(job, self.endpoints[0]).tokens
        self._queue.push(job)
        self.pump()
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Withdraw one caller; the job goes when nobody waits for it any more."""
        job = ticket.job
        if job.ended or ticket not in job.waiters:
            return
        job.waiters.remove(ticket)
        if job.waiters:
            return
        for flight in list(job.flights):
            self._cancel(flight, "cancelled")
        self._retries.remove(job)
        self._queue.drop(job)
        self._end(job, Ended(Reply(error="cancelled")))
        self.pump()

    def close(self, reason: str) -> None:
        """End everything, what is in flight included."""
        if self.dead is None:
            self.dead = reason
            self._end_all(reason)
        self._arm(math.inf)

    def fail(self, reason: str) -> None:
        """Something beside the pump is broken (a display, a disk): end the run with the reason."""
        self._die(reason)
        self._arm(math.inf)

    # Sending

    def pump(self) -> None:
        """Send all that may go now and arm the timer for the rest."""
        self._again = True
        if self._pumping:
            return
        self._pumping = True
        wake = math.inf
        try:
            while self._again and self.dead is None:
                self._again = False
                wake = self._send_all(self._clock.now())
        except Exception as error:
            self._outside.failed("sending", error)
        finally:
            self._pumping = False
        if self._outside.broken is not None:
            self._die(self._outside.broken)
        self._arm(min(wake, self._deadline()) if self.dead is None else math.inf)

    def _deadline(self) -> float:
        """When patience ends: looked at even while every endpoint waits for longer."""
        if self._failing_since is None or not (self.waiting or self.inflight):
            return math.inf
        return self._failing_since + self._patience

    def _send_all(self, now: float) -> float:
        """Send until nothing may go; the next time at which something may."""
        wake = math.inf
        for job in self._retries.first(_SCAN):
            endpoint, at = self._router.choose(job, now)
            paid_at = self._budget.ready(now) if job.owes else now
            if endpoint is not None and paid_at <= now:
                self._retries.remove(job)
                if job.owes:
                    self._budget.take()
                    job.owes = False
                self._send(job, endpoint, now)
                continue
            wake = min(wake, max(at, paid_at) if endpoint is None else paid_at)
            # One that shuns an endpoint or is not paid for holds nobody up; any other does.
            if endpoint is None and not self._router.kept_away(job, now):
                return wake
        while (head := self._queue.head()) is not None:
            endpoint, at = self._router.choose(head, now)
            if endpoint is None:
                return min(wake, at)
            self._queue.take(head)
            self._send(head, endpoint, now)
        if self._hedges is not None and not self._retries:
            wake = min(wake, self._send_hedges(self._hedges, now))
        return wake

    def _send(self, job: Job, endpoint: Endpoint, now: float, *, hedge: bool = False) -> None:
        job.sends += 1
        flight = endpoint.depart(job, self._router.demand(job, endpoint), now, hedge=hedge)
        job.flights.append(flight)
        flight.cancel = self._transport.send(flight, lambda verdict: self._arrived(flight, verdict))

    def _send_hedges(self, budget: HedgeBudget, now: float) -> float:
        """With nothing waiting, send late requests once more; when the next will be late."""
        wake = math.inf
        for endpoint in self.endpoints:
            for flight, due in late(endpoint):
                if due > now:
                    wake = min(wake, due)
                    break
                if not budget.allowed():
                    return math.inf
                other, at = self._router.choose(flight.job, now, other_than=endpoint)
                if other is None:
                    wake = min(wake, at)
                    break
                flight.job.hedged = True
                budget.spent()
                self._send(flight.job, other, now, hedge=True)
        return wake

    def _arm(self, wake: float) -> None:
        if self._timer is not None:
            if wake == self._timer_at:
                return
            self._timer.cancel()
            self._timer = None
        self._timer_at = wake
        if wake < math.inf:
            self._timer = self._clock.call_at(wake, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self._timer_at = math.inf
        self._check_patience(self._clock.now())
        self.pump()

    # Verdicts

    def _arrived(self, flight: Flight, verdict: Verdict) -> None:
        """An attempt ended by itself. Raises nothing: whoever delivers could not end the jobs."""
        if flight.landed:
            return
        now = self._clock.now()
        try:
            self._take(flight, verdict, now)
        except Exception as error:
            self._outside.failed("the dispatcher", error)
            # Where it broke off the attempt may have left its job: that one must end as well.
            if not flight.job.ended:
                self._again_soon(flight.job)
        self._check_patience(now)
        self.pump()

    def _take(self, flight: Flight, verdict: Verdict, now: float) -> None:
        job, endpoint = flight.job, flight.endpoint
        job.flights.remove(flight)
        if verdict.kind == "ok":
            self._answered(flight, verdict, now)
        elif verdict.kind == "unavailable":
            self._failed(flight, verdict, now)
        else:
            self._books.land(flight, "refused", _NOTHING, reason=verdict.reason)
            if verdict.kind == "throttled":
                endpoint.throttled(flight, now, verdict.retry_after, verdict.rates)
                self._failing(verdict, now)
                self._again_soon(job)
            elif verdict.kind == "amended":
                endpoint.breaker.succeeded(now, probe=flight.probe)
                self._again_soon(job)
                if verdict.reason:
                    self._books.event(endpoint, "amended", verdict.reason)
                    self._say(f"endpoint {endpoint.name} {verdict.reason}")
            elif verdict.kind == "rejected":
                endpoint.breaker.succeeded(now, probe=flight.probe)
                self._finish(flight, verdict, now)
            else:
                # First back into the line: if the pool dies of this, the job must end with it.
                self._again_soon(job)
                self._put_out(endpoint, verdict)

    def _answered(self, flight: Flight, verdict: Verdict, now: float) -> None:
        job, reply = flight.job, verdict.reply
        assert reply is not None
        used = flight.demand
        if reply.input_tokens or reply.output_tokens:
            used = Demand(reply.input_tokens, reply.output_tokens)
            self._router.sizes.learn(job.kind, job.size, reply.input_tokens, reply.output_tokens)
        elif reply.stop == "content_filter":
            used = _NOTHING
        self._books.land(flight, "useful", used, cost=reply.cost)
        flight.endpoint.succeeded(flight, now, verdict.rates)
        self._queue.settle(job, used.tokens)
        self._budget.earned()
        if self._hedges is not None:
            self._hedges.earned()
        self._failing_since = None
        self._finish(flight, verdict, now)

    def _failed(self, flight: Flight, verdict: Verdict, now: float) -> None:
        job, endpoint = flight.job, flight.endpoint
        used = flight.demand if verdict.billed else _NOTHING
        self._books.land(flight, "retried", used, reason=verdict.reason)
        if endpoint.failed(flight, now):
            self._books.event(endpoint, "breaker open", verdict.reason)
        if verdict.retry_after is not None:
            endpoint.not_before = max(endpoint.not_before, now + min(verdict.retry_after, 30.0))
        self._failing(verdict, now)
        # A failed probe tells about the endpoint, not about the request it was made with.
        if not flight.probe or job.sends > MOST_PROBES:
            job.attempts += 1
            job.owes = True
        if job.flights:
            return
        if job.attempts >= MOST_ATTEMPTS:
            self._finish(flight, verdict, now)
            return
        job.avoid, job.avoid_until = endpoint, now + AVOID
        self._again_soon(job)

    def _again_soon(self, job: Job) -> None:
        if not job.ended and not job.flights and self.dead is None:
            self._retries.add(job)

    def _put_out(self, endpoint: Endpoint, verdict: Verdict) -> None:
        """An endpoint will answer nothing more; said once."""
        if endpoint.out is None:
            endpoint.out = verdict.reason
            self._books.event(endpoint, "out", verdict.reason)
            self._say(f"endpoint {endpoint.name} is out: {verdict.reason}")
        if all(other.out is not None for other in self.endpoints):
            reasons = "; ".join(f"{other.name}: {other.out}" for other in self.endpoints)
            self._die(f"no endpoint of the pool is left: {reasons}")

    # Ends

    def _finish(self, flight: Flight, verdict: Verdict, now: float) -> None:
        """The job has its answer, or its last word."""
        job, endpoint = flight.job, flight.endpoint
        for loser in list(job.flights):
            self._cancel(loser, "hedged")
        reply = verdict.reply or Reply(error=f"{endpoint.name}: {verdict.reason}")
        cost = reply.cost
        if cost is None and reply.error is None and self._priced:
            cost = price(endpoint, Demand(reply.input_tokens, reply.output_tokens))
        reply = msgspec.structs.replace(
            reply,
            endpoint=f"{endpoint.name}:{reply.endpoint}" if reply.endpoint else endpoint.name,
            attempts=job.sends,
            latency=now - flight.sent,
            cost=cost,
        )
        self._end(job, Ended(reply, verdict))

    def _end(self, job: Job, ended: Ended) -> None:
        job.ended = True
        if job.share is not None and self._shared.get(job.share) is job:
            del self._shared[job.share]
        waiters, job.waiters = job.waiters, []
        for ticket in waiters:
            self._outside.call("taking an answer", ticket.done, ended)

    def _cancel(self, flight: Flight, purpose: Purpose) -> None:
        """Stop an attempt. One that has gone out the provider may bill: its estimate stays reserved
        and is booked."""
        flight.job.flights.remove(flight)
        flight.cancel()
        if flight.probe:
            flight.endpoint.breaker.abandoned(self._clock.now())
        if flight.begun:
            self._books.land(flight, purpose, flight.demand)
        else:
            self._books.unsent(flight)

    def _failing(self, verdict: Verdict, now: float) -> None:
        self._last_reason = verdict.reason
        if self._failing_since is None:
            self._failing_since = now

    def _check_patience(self, now: float) -> None:
        if self._failing_since is None or self.dead is not None:
            return
        if not self.waiting and not self.inflight:
            self._failing_since = None
        elif now >= self._failing_since + self._patience:
            self._die(
                f"nothing succeeded on any endpoint for {self._patience:.0f} s; "
                f"last: {self._last_reason}"
            )

    def _say(self, line: str) -> None:
        self._outside.call("a message", self._say_outside, line)

    def _die(self, reason: str) -> None:
        if self.dead is None:
            self.dead = reason
            self._say(reason)
            self._end_all(reason)

    def _end_all(self, reason: str) -> None:
        jobs = [*self._retries.drain(), *self._queue.drain()]
        for endpoint in self.endpoints:
            for flight in list(endpoint.flights):
                jobs.append(flight.job)
                self._cancel(flight, "cancelled")
        for job in jobs:
            if not job.ended:
                self._end(job, Ended(Reply(error=reason), fatal=reason))
