"""Time as an argument: the event loop's clock, and a virtual one on which minutes take no time."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["Clock", "LoopClock", "Timer", "VirtualClock"]


class Timer(Protocol):
    """Something due; `cancel` may be called any number of times."""

    def cancel(self) -> None:
        """Make it never happen."""


class Clock(Protocol):
    """What the dispatcher knows of time. Seconds throughout."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    def wall(self) -> float:
        """Seconds since the epoch, as far as this machine knows; may jump."""

    def call_at(self, when: float, call: Callable[[], None]) -> Timer:
        """Have `call` run at `now() == when`, or as soon as possible if that has passed."""


class LoopClock:
    """The running asyncio loop's clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return self._loop.time()

    def wall(self) -> float:
        return time.time()

    def call_at(self, when: float, call: Callable[[], None]) -> Timer:
        return self._loop.call_at(when, call)


class _Due:
    __slots__ = ("call", "cancelled")

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualClock:
    """A clock that stands still until `run` or `step` moves it to the next thing due.

    `jump` moves what `now` says without running anything, as a suspended machine would.
    """

    def __init__(self, start: float = 1000.0, wall: float = 1.7e9) -> None:
        self._now = start
        self._wall_offset = wall - start
        self._due: list[tuple[float, int, _Due]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now + self._wall_offset

    def call_at(self, when: float, call: Callable[[], None]) -> Timer:
        due = _Due(call)
        heapq.heappush(self._due, (max(when, self._now), next(self._order), due))
        return due

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        """`call_at` relative to now."""
        return self.call_at(self._now + delay, call)

    def step(self) -> bool:
        """Run the next thing due, moving to its time; False when nothing is left."""
        while self._due:
            when, _, due = heapq.heappop(self._due)
            if due.cancelled:
                continue
            self._now = max(self._now, when)
            due.call()
            return True
        return False

    def run(self, until: float = float("inf")) -> None:
        """Run everything due up to `until`, what it starts included."""
        while self._due:
            if self._due[0][2].cancelled:
                heapq.heappop(self._due)
            elif self._due[0][0] > until:
                break
            else:
                self.step()
        if until != float("inf"):
            self._now = max(self._now, until)

    @property
    def pending(self) -> int:
        """How many things are due and not cancelled."""
        return sum(not due.cancelled for _, _, due in self._due)

    def jump(self, seconds: float) -> None:
        """Move the clock forward with nothing run in between, and the wall clock alone if back."""
        if seconds >= 0:
            self._now += seconds
        else:
            self._wall_offset += seconds
