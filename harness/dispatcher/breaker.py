"""Stops sending to an endpoint that only fails, and tries it again one request at a time."""

from enum import Enum

import numpy as np

__all__ = ["Breaker", "State"]


class State(Enum):
    """Closed lets all through, open nothing, half one."""

    CLOSED = "closed"
    OPEN = "open"
    HALF = "half"


class Breaker:
    """Opens after `threshold` failures in a row; then probes, one by one, find the way back.

    Waits between probes are a quarter of the time that the endpoint has been failing, at least
    1 s and at most 30 s. Doubling them instead costs less probes but finds a server that is back
    only after up to twice its outage. Without a breaker an endpoint that refuses fast is always
    the one with room, and eats everything.
    """

    def __init__(
        self,
        *,
        rng: np.random.Generator,
        threshold: int = 5,
        shortest: float = 1.0,
        longest: float = 30.0,
    ) -> None:
        self._rng = rng
        self._threshold = threshold
        self._shortest = shortest
        self._longest = longest
        self._failures = 0
        self._successes = 0
        self._failing_since: float | None = None
        self._suspect = False
        self.state = State.CLOSED
        self.until = 0.0

    def ready(self, now: float) -> float:
        """Earliest time at which a request may go."""
        return now if self.state is State.CLOSED else self.until

    def sent(self, now: float, *, patience: float) -> bool:
        """A request goes out; True if it is the probe through an open breaker.

        A probe that has not told anything after `patience` seconds may be one of the slow ones:
        then another one goes.
        """
        if self.state is State.CLOSED or now < self.until:
            return False
        self.state = State.HALF
        self.until = now + patience
        return True

    def succeeded(self, now: float, *, probe: bool) -> None:
        """An answer came back; one to a request sent before the breaker opened proves nothing."""
        if self.state is not State.CLOSED and not probe:
            return
        self._failures = 0
        self.state = State.CLOSED
        self._successes += 1
        # An endpoint that flaps keeps its long waits until it has worked for as long as they are,
        # and on more answers than one that works every other second gives between two failures.
        if self._successes >= 20 and now >= self.until + self._longest:
            self._failing_since = None
            self._suspect = False

    def failed(self, now: float, *, probe: bool) -> bool:
        """A request failed; True when this opened a closed breaker."""
        self._failures += 1
        self._successes = 0
        if self._failing_since is None:
            self._failing_since = now
        # One that was open a moment ago is not given five more to fail with.
        threshold = 2 if self._suspect else self._threshold
        if self.state is State.CLOSED and self._failures >= threshold:
            self._open(now)
            return True
        if probe:
            self._open(now)
        return False

    def abandoned(self, now: float) -> None:
        """The probe was cancelled before it told anything: let the next one be the probe."""
        if self.state is State.HALF:
            self.state = State.OPEN
            self.until = now

    def _open(self, now: float) -> None:
        since = now if self._failing_since is None else self._failing_since
        wait = min(self._longest, max(self._shortest, (now - since) / 4))
        self.state = State.OPEN
        self._suspect = True
        self.until = now + wait * float(self._rng.uniform(0.8, 1.2))
