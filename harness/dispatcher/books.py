"""Ends an attempt in the accounts: settles what it reserved and books what it cost."""

from harness.dispatcher.clock import Clock
from harness.dispatcher.endpoint import Endpoint
from harness.dispatcher.job import Demand, Flight
from harness.dispatcher.ledger import Entry, Ledger, Purpose
from harness.dispatcher.outside import Outside

__all__ = ["Books", "price"]


def price(endpoint: Endpoint, used: Demand) -> float:
    """US dollars for these tokens at the endpoint's prices."""
    spec = endpoint.spec
    return (used.input * spec.price_in + used.output * spec.price_out) / 1e6


class Books:
    """Books every attempt once. What the ledger raises is kept outside: the books still hold."""

    def __init__(self, ledger: Ledger, clock: Clock, outside: Outside) -> None:
        self._ledger = ledger
        self._clock = clock
        self._outside = outside

    def land(
        self,
        flight: Flight,
        purpose: Purpose,
        used: Demand,
        *,
        reason: str = "",
        cost: float | None = None,
    ) -> None:
        """End `flight`, having used `used` tokens; `cost` is the provider's own figure, if any."""
        now = self._clock.now()
        endpoint = flight.endpoint
        endpoint.land(flight, used, now)
        usd = cost if cost is not None else price(endpoint, used)
        endpoint.account.book(purpose, used.input, used.output, usd)
        if not self._ledger.on:
            return
        self._record(
            Entry(
                t=self._clock.wall(),
                endpoint=endpoint.name,
                purpose=purpose,
                flow=flight.job.flow,
                input_tokens=round(used.input),
                output_tokens=round(used.output),
                usd=usd,
                took=round(now - flight.sent, 4),
                attempt=flight.job.sends,
                reason=reason,
            )
        )

    def unsent(self, flight: Flight) -> None:
        """End `flight`, whose request has not gone out: there is nothing to book."""
        flight.endpoint.land(flight, Demand(0.0, 0.0), self._clock.now())

    def event(self, endpoint: Endpoint, event: str, reason: str) -> None:
        """Something happened to the endpoint itself."""
        self._record(
            Entry(t=self._clock.wall(), endpoint=endpoint.name, event=event, reason=reason)
        )

    def _record(self, entry: Entry) -> None:
        self._outside.call("the ledger", self._ledger.record, entry)
