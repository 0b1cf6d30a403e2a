"""How a simulated provider treats a request: pure bookkeeping, with the time as an argument.

The HTTP server carries the plan out with sleeps and sockets, the simulator on a virtual clock.
"""

import heapq
import math
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Literal

import numpy as np

from harness.respondent.faults import Fault, ServerSpec

__all__ = ["Handling", "ServerModel", "Window"]

PlanKind = Literal[
    "reply",
    "status",
    "refuse",
    "reset",
    "reset_body",
    "truncate",
    "garbage",
    "error_in_200",
    "hang",
]


@dataclass(frozen=True, slots=True)
class Handling:
    """What to do with one request: after `delay` seconds, `kind`."""

    kind: PlanKind
    delay: float
    status: int = 200
    message: str = ""
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class Window:
    """Sum of amounts in the last `seconds`, and the largest that sum has been."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._entries: deque[tuple[float, float]] = deque()
        self.total = 0.0
        self.peak = 0.0

    def advance(self, now: float) -> float:
        """Forget what is too old; the sum."""
        while self._entries and self._entries[0][0] + self._seconds <= now:
            self.total -= self._entries.popleft()[1]
        return self.total

    def add(self, now: float, amount: float) -> None:
        """Count an amount at a time."""
        self.advance(now)
        self._entries.append((now, amount))
        self.total += amount
        self.peak = max(self.peak, self.total)

    def free_at(self, amount: float, limit: float, now: float) -> float:
        """When `amount` will fit under `limit` if nothing else comes."""
        over = self.advance(now) + amount - limit
        for at, size in self._entries:
            if over <= 0:
                break
            over -= size
            now = at + self._seconds
        return now


class ServerModel:
    """Limits, slots and faults of one server. `start` is the time from which faults count."""

    def __init__(self, spec: ServerSpec, *, start: float, rng: np.random.Generator) -> None:
        self.spec = spec
        self.arrivals = Window()
        self.settled = Window()
        self.requests = 0
        self.answered = 0
        self.tokens = 0.0
        self._start = start
        self._rng = rng
        self._levels = {
            unit: limit / 60 * spec.burst
            for unit, limit in (("requests", spec.rpm), ("tokens", spec.tpm))
            if limit is not None
        }
        self._at = start
        self._free: list[float] = [start] * (spec.slots or 0)
        self._admitted = {"requests": Window(), "tokens": Window()}

    def arrive(self, now: float, tokens: float, *, wall: float) -> Handling:
        """Decide about a request that arrives now and will take `tokens` in all."""
        self.requests += 1
        self.arrivals.add(now, 1)
        at = now - self._start
        factor, capacity = 1.0, 1.0
        # Factors are drawn first, so that a fault that ends the request does not shift them.
        ending: Fault | None = None
        for fault in self.spec.faults:
            if not fault.active(at):
                continue
            if fault.share < 1.0 and self._rng.random() >= fault.share:
                continue
            if fault.kind == "slow":
                factor *= fault.factor
            elif fault.kind == "capacity":
                capacity *= fault.factor
            elif ending is None:
                ending = fault
        if ending is not None:
            return self._failing(ending, wall)
        refused = self._limit(now, tokens, capacity)
        if refused is not None:
            return refused
        self.settled.add(now, tokens)
        self.tokens += tokens
        self.answered += 1
        return Handling("reply", self._delay(now, factor), headers=self._rate_headers(now))

    def _delay(self, now: float, factor: float) -> float:
        seconds = self.spec.latency * factor
        if self.spec.jitter:
            seconds *= math.exp(self.spec.jitter * float(self._rng.standard_normal()))
        if not self._free:
            return seconds
        begin = max(now, heapq.heappop(self._free))
        heapq.heappush(self._free, begin + seconds)
        return begin + seconds - now

    def _failing(self, fault: Fault, wall: float) -> Handling:
        quick = min(0.02, self.spec.latency)
        if fault.kind == "throttle":
            headers = {} if fault.retry_after is None else {"retry-after": fault.retry_after}
            if fault.retry_after is not None and fault.retry_after.startswith("date:"):
                seconds = float(fault.retry_after.removeprefix("date:"))
                headers = {
                    "retry-after": formatdate(wall + seconds, usegmt=True),
                    "date": formatdate(wall, usegmt=True),
                }
            return Handling("status", quick, 429, "Rate limit reached", "rate_limit", headers)
        if fault.kind == "quota":
            message = "You exceeded your current quota"
            return Handling("status", quick, 429, message, "insufficient_quota")
        if fault.kind == "filter":
            return Handling("status", quick, 400, "The prompt was filtered", "content_filter")
        if fault.kind == "error":
            return Handling("status", quick, fault.status, f"Planted error {fault.status}")
        if fault.kind == "refuse":
            return Handling("refuse", 0.01)
        if fault.kind in ("reset_body", "truncate", "error_in_200"):
            return Handling(fault.kind, self.spec.latency)
        assert fault.kind in ("reset", "garbage", "hang")
        return Handling(fault.kind, quick)

    def _limit(self, now: float, tokens: float, capacity: float) -> Handling | None:
        """A 429 if the request does not fit the limits; otherwise count it."""
        limits = {"requests": self.spec.rpm, "tokens": self.spec.tpm}
        amounts = {"requests": 1.0, "tokens": tokens}
        wait = 0.0
        for unit, limit in limits.items():
            if limit is not None:
                wait = max(wait, self._wait(unit, limit * capacity, amounts[unit], now))
        self._at = now
        if wait > 0:
            headers = self._rate_headers(now) | {"retry-after": str(max(1, math.ceil(wait)))}
            message = f"Rate limit reached. Please try again in {wait:.2f}s"
            return Handling(
                "status", min(0.02, self.spec.latency), 429, message, "rate_limit", headers
            )
        for unit, amount in amounts.items():
            if unit in self._levels:
                self._levels[unit] -= amount
            self._admitted[unit].add(now, amount)
        return None

    def _wait(self, unit: str, limit: float, amount: float, now: float) -> float:
        """Seconds until `amount` fits."""
        if self.spec.enforce == "window":
            return self._admitted[unit].free_at(amount, limit, now) - now
        rate = limit / 60
        burst = rate * self.spec.burst
        level = min(burst, self._levels[unit] + (now - self._at) * rate)
        self._levels[unit] = level
        return max(0.0, (min(amount, burst) - level) / rate)

    def _rate_headers(self, now: float) -> dict[str, str]:
        if self.spec.headers == "none":
            return {}
        headers: dict[str, str] = {}
        for unit, limit in (("requests", self.spec.rpm), ("tokens", self.spec.tpm)):
            if limit is None:
                continue
            left = self._left(unit, limit, now)
            if self.spec.headers == "real":
                numbers = (
                    f"{limit:.0f}",
                    f"{max(0.0, left):.0f}",
                    f"{(limit - left) / limit * 60:.3f}s",
                )
            else:
                text = "-1" if self.spec.headers == "minus_one" else "0"
                numbers = (text, text, text)
            for name, number in zip(("limit", "remaining", "reset"), numbers, strict=True):
                headers[f"x-ratelimit-{name}-{unit}"] = number
        return headers

    def _left(self, unit: str, limit: float, now: float) -> float:
        if self.spec.enforce == "window":
            return limit - self._admitted[unit].advance(now)
        return limit * self._levels[unit] / (limit / 60 * self.spec.burst)
