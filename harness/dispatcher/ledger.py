"""What was spent, on what: useful answers, retries, lost hedges, refusals, cancellations."""

from collections.abc import Callable
from typing import Literal

import msgspec

__all__ = ["Account", "Entry", "Ledger", "Purpose", "Spent"]

Purpose = Literal["useful", "retried", "hedged", "refused", "cancelled"]


class Spent(msgspec.Struct):
    """Requests, tokens and US dollars that went to one purpose."""

    requests: int = 0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    usd: float = 0.0

    @property
    def tokens(self) -> float:
        return self.input_tokens + self.output_tokens


class Account(msgspec.Struct):
    """One endpoint's spending by purpose. Every attempt is booked once, when it ends.

    Tokens of useful answers are as the server reported them; those of attempts that ended
    without usage (a lost hedge, a time-out) are the estimate that was reserved.
    """

    useful: Spent = msgspec.field(default_factory=Spent)
    retried: Spent = msgspec.field(default_factory=Spent)
    hedged: Spent = msgspec.field(default_factory=Spent)
    refused: Spent = msgspec.field(default_factory=Spent)
    cancelled: Spent = msgspec.field(default_factory=Spent)

    def book(self, purpose: Purpose, input_tokens: float, output_tokens: float, usd: float) -> None:
        """Add one attempt."""
        spent: Spent = getattr(self, purpose)
        spent.requests += 1
        spent.input_tokens += input_tokens
        spent.output_tokens += output_tokens
        spent.usd += usd

    def all(self) -> dict[Purpose, Spent]:
        """Spending by purpose."""
        return {
            "useful": self.useful,
            "retried": self.retried,
            "hedged": self.hedged,
            "refused": self.refused,
            "cancelled": self.cancelled,
        }

    @property
    def requests(self) -> int:
        """Attempts that have ended."""
        return sum(spent.requests for spent in self.all().values())

    @property
    def usd(self) -> float:
        return sum(spent.usd for spent in self.all().values())

    @property
    def waste(self) -> float:
        """Attempts without use per useful one."""
        useful = self.useful.requests
        return (self.requests - useful) / useful if useful else float(self.requests > 0)


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line of the ledger's file: an attempt that ended, or an event of an endpoint.

    `t` is seconds since the epoch, `took` seconds from send to end.
    """

    t: float
    endpoint: str
    purpose: Purpose | None = None
    flow: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    took: float = 0.0
    attempt: int = 0
    reason: str = ""
    event: str | None = None


class Ledger:
    """Hands every entry to `write`; the accounts themselves are the endpoints'."""

    def __init__(self, write: Callable[[Entry], None] | None = None) -> None:
        self._write = write

    def record(self, entry: Entry) -> None:
        """Take one entry."""
        if self._write is not None:
            self._write(entry)

    @property
    def on(self) -> bool:
        """Whether anybody reads the entries."""
        return self._write is not None
