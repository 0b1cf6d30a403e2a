"""The tail hedge: once nothing waits, a late request is sent a second time, elsewhere."""

from collections.abc import Iterator

from harness.dispatcher.endpoint import Endpoint
from harness.dispatcher.job import Flight

__all__ = ["HedgeBudget", "late"]


class HedgeBudget:
    """At most 5 % of the requests answered so far, and always one."""

    SHARE = 0.05

    def __init__(self) -> None:
        self._answered = 0
        self.count = 0

    def earned(self) -> None:
        """A request was answered."""
        self._answered += 1

    def spent(self) -> None:
        """A hedge was sent."""
        self.count += 1

    def allowed(self) -> bool:
        """Whether one more may be sent."""
        return self.count < max(1.0, self.SHARE * self._answered)


def late(endpoint: Endpoint) -> Iterator[tuple[Flight, float]]:
    """Attempts that may be hedged, oldest first, each with the time from which it is late."""
    patience = endpoint.patience()
    if patience == float("inf"):
        return
    for flight in list(endpoint.flights):
        if not flight.hedge and not flight.job.hedged and len(flight.job.flights) == 1:
            yield flight, flight.sent + patience
