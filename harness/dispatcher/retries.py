"""Requests that go again: when, and how many the pool can afford."""

import itertools

from harness.dispatcher.job import Job

__all__ = ["MOST_ATTEMPTS", "MOST_PROBES", "Retries", "RetryBudget"]

MOST_ATTEMPTS = 6
"""Failed attempts after which a request ends without an answer; neither a 429 nor a
failed probe of an endpoint that was known to be down is counted."""

MOST_PROBES = 30
"""Sendings after which a failed probe is counted too: the request itself may be what kills."""


class RetryBudget:
    """Retries come to 10 % of successes, and a trickle so that nothing waits for ever.

    A pool that fails on everything would otherwise send everything six times, at once. Thirty may
    be owed from the start, so that a short run whose first replies fail is not held up by what it
    has not earned yet.
    """

    MOST, SHARE, TRICKLE = 30.0, 0.1, 1.0

    def __init__(self, now: float) -> None:
        self._level = self.MOST
        self._at = now

    def earned(self) -> None:
        """A request was answered."""
        self._level = min(self.MOST, self._level + self.SHARE)

    def ready(self, now: float) -> float:
        """When a retry can be afforded; `now` if at once."""
        if now > self._at:
            self._level = min(self.MOST, self._level + (now - self._at) * self.TRICKLE)
            self._at = now
        short = 1.0 - self._level
        return now if short <= 1e-9 else now + short / self.TRICKLE + 1e-6

    def take(self) -> None:
        """Pay for one; the caller has asked `ready`."""
        self._level -= 1.0


class Retries:
    """Jobs that were sent before; they go ahead of the queue, oldest first."""

    def __init__(self) -> None:
        self._jobs: dict[Job, None] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Put a job at the end."""
        self._jobs[job] = None

    def first(self, most: int) -> list[Job]:
        """Up to `most` jobs, oldest first; they stay until `remove`."""
        return list(itertools.islice(self._jobs, most))

    def remove(self, job: Job) -> None:
        """Take a job out; nothing if it is not here."""
        self._jobs.pop(job, None)

    def drain(self) -> list[Job]:
        """Take everything out."""
        jobs = list(self._jobs)
        self._jobs.clear()
        return jobs
