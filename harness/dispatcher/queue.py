"""Which request goes next: deficit round robin over evals, in tokens."""

from collections import deque
from dataclasses import dataclass, field

from harness.dispatcher.job import Job

__all__ = ["FairQueue"]


@dataclass(slots=True)
class _Flow:
    jobs: deque[Job] = field(default_factory=deque)
    deficit: float = 0.0
    visited: bool = False


class FairQueue:
    """Jobs waiting, by flow. Every backlogged flow is served the same number of tokens.

    A flow is served while its deficit covers the head's cost, then the next one's turn comes and
    its deficit grows by the quantum, the largest cost seen. What a job cost more or less than
    estimated is settled with its flow later.
    """

    def __init__(self) -> None:
        self._flows: dict[str, _Flow] = {}
        self._turns: deque[str] = deque()
        self._quantum = 1.0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def push(self, job: Job) -> None:
        """Put a job at its flow's tail."""
        flow = self._flows.get(job.flow)
        if flow is None:
            flow = self._flows[job.flow] = _Flow()
        if not flow.jobs:
            self._turns.append(job.flow)
            # A flow that was idle has no claim on the time it was away, but it keeps its debt.
            flow.deficit = min(0.0, flow.deficit)
            flow.visited = False
        flow.jobs.append(job)
        self._quantum = max(self._quantum, job.cost)
        self._count += 1

    def head(self) -> Job | None:
        """The job whose turn it is; it stays in the queue until `take`."""
        while self._turns:
            name = self._turns[0]
            flow = self._flows[name]
            while flow.jobs and flow.jobs[0].ended:
                flow.jobs.popleft()
                self._count -= 1
            if not flow.jobs:
                self._leave(name)
                continue
            job = flow.jobs[0]
            if flow.deficit >= job.cost:
                return job
            if not flow.visited:
                flow.visited = True
                flow.deficit += self._quantum
                continue
            flow.visited = False
            self._turns.rotate(-1)
            if len(self._turns) == 1:
                flow.deficit = max(flow.deficit, job.cost)
        return None

    def take(self, job: Job) -> None:
        """Remove the head and charge its flow."""
        flow = self._flows[job.flow]
        assert flow.jobs[0] is job
        flow.jobs.popleft()
        self._count -= 1
        flow.deficit -= job.cost
        if not flow.jobs:
            self._leave(job.flow)

    def settle(self, job: Job, tokens: float) -> None:
        """Charge the flow what the job came to instead of what was estimated."""
        flow = self._flows.get(job.flow)
        if flow is not None:
            # A debt of more than a few turns would shut the flow out for one bad estimate.
            flow.deficit = max(flow.deficit + job.cost - tokens, -8 * self._quantum)

    def drop(self, job: Job) -> None:
        """Forget a job that ended while it waited."""
        flow = self._flows.get(job.flow)
        if flow is None or job not in flow.jobs:
            return
        flow.jobs.remove(job)
        self._count -= 1
        if not flow.jobs:
            self._leave(job.flow)

    def drain(self) -> list[Job]:
        """Take everything out."""
        jobs = [job for flow in self._flows.values() for job in flow.jobs if not job.ended]
        self._flows.clear()
        self._turns.clear()
        self._count = 0
        return jobs

    def _leave(self, name: str) -> None:
        self._turns.remove(name)
        flow = self._flows[name]
        flow.visited = False
        flow.deficit = min(0.0, flow.deficit)
