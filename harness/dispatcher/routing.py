"""Which endpoint a request goes to."""

import math
from collections.abc import Sequence

from harness.dispatcher.endpoint import Endpoint
from harness.dispatcher.estimates import Sizes
from harness.dispatcher.job import Demand, Job

__all__ = ["AVOID", "Router"]

AVOID = 2.0
"""Seconds for which a request that failed somewhere waits for another endpoint."""


class Router:
    """Chooses among endpoints of one equivalence label."""

    def __init__(self, endpoints: Sequence[Endpoint], *, by_conversation: bool = False) -> None:
        self.endpoints = list(endpoints)
        self.sizes = Sizes()
        self._by_conversation = by_conversation

    def demand(self, job: Job, endpoint: Endpoint) -> Demand:
        """Tokens to reserve for `job` at `endpoint`."""
        output = self.sizes.output(job.kind, job.max_tokens, reserve=endpoint.spec.reserve)
        return Demand(self.sizes.input(job.size), output)

    def choose(
        self, job: Job, now: float, *, other_than: Endpoint | None = None
    ) -> tuple[Endpoint | None, float]:
        """The endpoint of least expected wait that may take the job now, or when one may.

        The time is infinity where only a reply can make room.
        """
        best: Endpoint | None = None
        earliest = math.inf
        avoid = job.avoid if self.kept_away(job, now) else None
        candidates = self.endpoints
        if self._by_conversation and other_than is None:
            candidates = self._home(job)
        for endpoint in candidates:
            if endpoint is avoid or endpoint is other_than:
                continue
            at = endpoint.ready(self.demand(job, endpoint), now)
            if at > now:
                earliest = min(earliest, at)
            elif best is None or _rank(endpoint) < _rank(best):
                best = endpoint
        if avoid is not None and best is None:
            earliest = min(earliest, job.avoid_until)
        return best, earliest

    def kept_away(self, job: Job, now: float) -> bool:
        """Whether the job still waits for another endpoint than the one that failed it."""
        if job.avoid is None or now >= job.avoid_until:
            return False
        return any(other.working() for other in self.endpoints if other is not job.avoid)

    def _home(self, job: Job) -> list[Endpoint]:
        """Under conversation routing: the job's endpoint, or the next one that works."""
        count = len(self.endpoints)
        for step in range(count):
            endpoint = self.endpoints[(job.affinity + step) % count]
            if endpoint.working() and endpoint is not job.avoid:
                return [endpoint]
        return self.endpoints


def _rank(endpoint: Endpoint) -> tuple[float, float]:
    """Expected seconds, then how full the endpoint is."""
    return endpoint.expected(), endpoint.inflight / endpoint.concurrency.limit
