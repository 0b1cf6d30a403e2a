"""One endpoint as the pump sees it: when it may take a request, and what it learns from each."""

import math

import numpy as np

from harness.dispatcher.breaker import Breaker, State
from harness.dispatcher.concurrency import Concurrency
from harness.dispatcher.estimates import Quantiles
from harness.dispatcher.headers import RateHeaders
from harness.dispatcher.job import Demand, Flight, Job
from harness.dispatcher.ledger import Account
from harness.dispatcher.limits import Bucket, Charge
from harness.dispatcher.poolfile import EndpointSpec

__all__ = ["Endpoint"]

_LONGEST_WAIT = 60.0
"""Seconds: rate limits are by the minute, so that after one there is room again."""
_LEAST_WAIT = 0.1
"""Seconds, doubled for each refusal in a row: `Retry-After: 0` drew 300 calls a second."""
_LEAST_WAIT_MOST = 8.0
_RECOVERY = 0.04


class Endpoint:
    """Limits, breaker, concurrency and times of one endpoint. No I/O; time is an argument."""

    def __init__(self, spec: EndpointSpec, *, now: float, rng: np.random.Generator) -> None:
        self.spec = spec
        self.name = spec.name
        self.account = Account()
        self.breaker = Breaker(rng=rng)
        self.concurrency = Concurrency(spec.kind, maximum=spec.max_concurrency)
        self.flights: dict[Flight, None] = {}
        self.not_before = 0.0
        self.out: str | None = None
        self.answered = 0
        self.times = Quantiles()
        self.rtt = math.nan
        self.underestimated = 0.0
        self.strikes = 0
        self._rng = rng
        self._efficiency = 1.0
        self._efficiency_at = now
        self._cut = -math.inf
        self._lies = 0
        self._buckets: dict[str, Bucket] = {}
        for unit, limit in (("requests", spec.rpm), ("tokens", spec.tpm)):
            if limit is not None:
                self._buckets[unit] = Bucket(limit, now=now)
        for unit, limit in (("input", spec.tpm_in), ("output", spec.tpm_out)):
            if limit is not None:
                self._buckets[unit] = Bucket(limit, now=now)
        if spec.rps is not None:
            self._buckets["second"] = Bucket(spec.rps, now=now, window=1.0)

    @property
    def inflight(self) -> int:
        """Attempts under way."""
        return len(self.flights)

    @property
    def limits(self) -> dict[str, float]:
        """The limits in force, by unit; those that headers taught included."""
        return {unit: bucket.limit for unit, bucket in self._buckets.items()}

    def efficiency(self, now: float) -> float:
        """Share of the file's limits that is used at present."""
        return min(1.0, self._efficiency + _RECOVERY * max(0.0, now - self._efficiency_at))

    def working(self) -> bool:
        """Neither out nor held by the breaker."""
        return self.out is None and self.breaker.state is State.CLOSED

    def ready(self, demand: Demand, now: float) -> float:
        """Earliest time for `demand`: `now`, a later moment, or infinity (until a reply comes)."""
        if self.out is not None:
            return math.inf
        # After two refusals in a row one request finds out whether the server gives way.
        most = 1 if self.strikes >= 2 else self.concurrency.limit
        if len(self.flights) >= most:
            return math.inf
        at = max(now, self.not_before, self.breaker.ready(now))
        if at == math.inf:
            return at
        efficiency = self.efficiency(now)
        for unit, bucket in self._buckets.items():
            bucket.set_efficiency(efficiency, now)
            at = max(at, bucket.ready(_amount(unit, demand), now))
        return at

    def expected(self) -> float:
        """Seconds that a request sent now will probably take; 0 while unknown."""
        return 0.0 if math.isnan(self.rtt) else self.rtt

    def patience(self) -> float:
        """Age in seconds from which a request counts as late: max(1, min(p95, 2 x p50))."""
        # A 95th percentile of fewer is their maximum, and a hedge by it is chance.
        if len(self.times) < 8:
            return math.inf
        return max(1.0, min(self.times.at(0.95), 2 * self.times.at(0.5)))

    def depart(self, job: Job, demand: Demand, now: float, *, hedge: bool) -> Flight:
        """Reserve and register one attempt; the caller has asked `ready`."""
        charges: list[tuple[Bucket, Charge, str]] = [
            (bucket, bucket.take(_amount(unit, demand), now), unit)
            for unit, bucket in self._buckets.items()
        ]
        flight = Flight(job, self, demand, now, hedge, charges)
        self.flights[flight] = None
        usual = self.times.at(0.5) if len(self.times) else 2.0
        flight.probe = self.breaker.sent(now, patience=max(1.0, 3 * usual))
        self.concurrency.sent(len(self.flights))
        return flight

    def land(self, flight: Flight, used: Demand, now: float) -> None:
        """End one attempt and settle its tokens. A request stays counted: it was one."""
        del self.flights[flight]
        flight.landed = True
        for bucket, charge, unit in flight.charges:
            if unit in ("requests", "second"):
                continue
            actual = _amount(unit, used)
            self.underestimated += max(0.0, actual - charge.amount) if unit == "tokens" else 0.0
            bucket.settle(charge, actual, now)

    def succeeded(self, flight: Flight, now: float, rates: RateHeaders | None) -> None:
        """A usable answer came."""
        took = now - flight.sent
        self.answered += 1
        self.rtt = took if math.isnan(self.rtt) else self.rtt + 0.1 * (took - self.rtt)
        self.times.add(took)
        self.breaker.succeeded(now, probe=flight.probe)
        self.concurrency.succeeded(took)
        self.strikes = 0
        if rates is not None:
            self._learn(rates, now)

    def throttled(
        self, flight: Flight, now: float, wait: float | None, rates: RateHeaders | None
    ) -> None:
        """The server said 429: wait as told, and go slower for a while."""
        if now >= self.not_before:
            self.strikes += 1
        pause = self.expected() or 1.0
        if now - self._cut >= pause:
            self._cut = now
            # As much less as a cut of L; never so little that a wrong 429 stops an endpoint.
            self._efficiency = max(0.1, self.efficiency(now) * 0.7)
            self._efficiency_at = now
        if wait is None:
            wait = min(30.0, 0.5 * 2.0 ** min(self.strikes, 6))
        # A server that says 0 and refuses again is asked ever more seldom.
        wait = max(wait, min(_LEAST_WAIT * 2.0 ** min(self.strikes, 8), _LEAST_WAIT_MOST))
        wait = min(wait, _LONGEST_WAIT) * float(self._rng.uniform(1.0, 1.1))
        self.not_before = max(self.not_before, now + wait)
        self.concurrency.throttled(now, pause, lower=not self._buckets)
        for bucket in self._buckets.values():
            bucket.drain(now, self.not_before)
        if rates is not None:
            self._learn(rates, now)
        # Too fast, but alive.
        self.breaker.succeeded(now, probe=flight.probe)

    def failed(self, flight: Flight, now: float) -> bool:
        """The server failed; True when this opened the breaker."""
        opened = self.breaker.failed(now, probe=flight.probe)
        if opened:
            self.concurrency.broke()
        return opened

    def _learn(self, rates: RateHeaders, now: float) -> None:
        """Headers teach limits and lower levels; they never raise what the file says."""
        for unit, limit, left in (
            ("requests", rates.limit_requests, rates.remaining_requests),
            ("tokens", rates.limit_tokens, rates.remaining_tokens),
        ):
            if limit is None:
                continue
            bucket = self._buckets.get(unit)
            if bucket is None:
                bucket = self._buckets[unit] = Bucket(limit, now=now)
            elif limit < bucket.limit:
                bucket.relimit(limit)
            if left is not None and left < bucket.level:
                self._lower(bucket, left, now)

    def _lower(self, bucket: Bucket, left: float, now: float) -> None:
        # A server that says "none left" and keeps answering is not to be believed for ever; twenty
        # is what may have been in flight when it was true.
        if left <= 0:
            self._lies += 1
        if left > 0 or self._lies <= 20:
            bucket.drain(now, now, left)


def _amount(unit: str, demand: Demand) -> float:
    if unit == "tokens":
        return demand.input + demand.output
    if unit == "input":
        return demand.input
    if unit == "output":
        return demand.output
    return 1.0
