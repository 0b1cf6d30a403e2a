"""A request on its way: the job, its attempts in flight, and how it ended."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.dispatcher.limits import Bucket, Charge
from harness.dispatcher.verdict import Verdict
from harness.wire import Reply

if TYPE_CHECKING:
    from harness.dispatcher.endpoint import Endpoint

__all__ = ["Demand", "Ended", "Flight", "Job", "Ticket"]


@dataclass(slots=True, frozen=True)
class Demand:
    """Tokens that one attempt is expected to take."""

    input: float
    output: float

    @property
    def tokens(self) -> float:
        return self.input + self.output


@dataclass(slots=True, frozen=True)
class Ended:
    """How a job ended, once and for all.

    `reply.error` is set where there is no usable answer. `fatal` says in one line why nothing
    further can be answered either.
    """

    reply: Reply
    verdict: Verdict | None = None
    fatal: str | None = None


@dataclass(slots=True, eq=False)
class Job:
    """One request, until it has ended.

    `flow` is the eval it belongs to (fairness is among flows), `kind` groups requests whose
    answers are about as long, `size` is the bytes of its messages. `share` is the key of a
    completion: jobs of one key in flight at once are one call. `affinity` chooses the endpoint
    under conversation routing. `owes` is set while its next sending must be paid for from the retry
    budget.
    """

    payload: Any
    flow: str = ""
    kind: str = ""
    size: int = 0
    max_tokens: int | None = None
    share: Hashable | None = None
    affinity: int = 0
    waiters: list["Ticket"] = field(default_factory=list)
    flights: list["Flight"] = field(default_factory=list)
    attempts: int = 0
    owes: bool = False
    sends: int = 0
    avoid: "Endpoint | None" = None
    avoid_until: float = 0.0
    cost: float = 0.0
    hedged: bool = False
    ended: bool = False


@dataclass(slots=True, eq=False)
class Ticket:
    """One caller's claim on a job's end."""

    job: Job
    done: Callable[[Ended], None]


@dataclass(slots=True, eq=False)
class Flight:
    """One attempt in flight.

    `begun` is False from when a line has taken it until its request goes out: one that is cancelled
    before has reached nobody.
    """

    job: Job
    endpoint: "Endpoint"
    demand: Demand
    sent: float
    hedge: bool
    charges: list[tuple[Bucket, Charge, str]]
    cancel: Callable[[], None] = lambda: None
    landed: bool = False
    probe: bool = False
    begun: bool = True
