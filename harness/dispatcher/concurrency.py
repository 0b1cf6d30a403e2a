"""How many requests an endpoint may have in flight."""

import statistics
from collections import deque
from typing import Literal

__all__ = ["Concurrency"]

_START, _FLOOR = 20, 8
"""Enough to find a limit in a few round trips without drawing a refusal at once; and eight in
flight still bring replies often enough to learn from after cuts."""


class Concurrency:
    """The limit L on requests in flight, learned.

    Hosted: L doubles per L successes (slow start) until something is refused or fails, then grows
    by max(1, 5 %) per L successes, and only while the peak in flight reached 0.8 L. Local: a
    server with slots of its own only gets slower, so the median of the last L round trips is
    held against the smallest median seen; above twice that, L = max(floor, L x max(0.7, 2 x
    smallest / median)). The smallest median rises by 0.2 % a round so that it can be
    unlearned.
    """

    def __init__(self, kind: Literal["hosted", "local", "steering"], *, maximum: int) -> None:
        self.kind = kind
        self.maximum = maximum
        self.floor = min(_FLOOR, maximum)
        self.limit = min(_START, maximum)
        # A local server is never raced: it starts beyond slow start.
        self._threshold = float("inf") if kind == "hosted" else 0.0
        self._round = 0
        self._peak = 0
        self._times: deque[float] = deque(maxlen=200)
        self._least: float | None = None
        self._lowered = float("-inf")

    def sent(self, inflight: int) -> None:
        """A request went out; `inflight` counts it."""
        self._peak = max(self._peak, inflight)

    def succeeded(self, seconds: float) -> None:
        """A usable answer came after `seconds`."""
        self._times.append(seconds)
        self._round += 1
        slow_start = self.limit < self._threshold
        busy = self._peak >= 0.8 * self.limit
        if slow_start and busy:
            self.limit = min(self.maximum, self.limit + 1)
        if self._round >= self.limit:
            self._end_round(busy, slow_start)

    def _end_round(self, busy: bool, slow_start: bool) -> None:
        recent = list(self._times)[-self._round :]
        self._round = 0
        self._peak = 0
        if self.kind == "local" and self._knee(statistics.median(recent)):
            return
        if busy and not slow_start:
            self.limit = min(self.maximum, self.limit + max(1, self.limit // 20))

    def _knee(self, median: float) -> bool:
        """Lower L where latency shows a queue in the server; True if it did."""
        if self._least is None or median < self._least:
            self._least = median
        else:
            self._least *= 1.002
        if median <= 2 * self._least:
            return False
        if self.limit <= self.floor:
            # So few cannot be a queue: the server itself has become slower. Learn the new pace.
            self._least = min(median / 2, self._least * 1.25)
        self._threshold = 0.0
        # Down to what one queue's worth of latency says, but never by more than a third at once: a
        # median over one round is noisy.
        factor = max(0.7, 2 * self._least / median)
        self.limit = max(self.floor, int(self.limit * factor))
        return True

    def throttled(self, now: float, pause: float, *, lower: bool) -> None:
        """The server refused for rate: slow start ends; `lower` cuts L, once per `pause`."""
        self._threshold = min(self._threshold, self.limit)
        if lower and now - self._lowered >= pause:
            self._lowered = now
            # Back by .7 and up by 5 %: some seven good rounds undo a cut (CUBIC's β, RFC 9438).
            self.limit = max(self.floor, int(self.limit * 0.7))

    def broke(self) -> None:
        """The breaker opened: begin again from the floor, fast up to where L stood."""
        if self.limit > self.floor:
            self._threshold = self.limit
            self.limit = self.floor
        self._round = self._peak = 0
