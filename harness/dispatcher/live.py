"""The pool as a table for the terminal, from the ledger's file."""

import math
from pathlib import Path

import msgspec
from rich.table import Table
from rich.text import Text

from harness.dispatcher.book_file import EndpointState, Snapshot

__all__ = ["Follower", "History", "counter", "summary", "table"]


class History:
    """The first and the last two snapshots: enough for rates and the expected end."""

    def __init__(self) -> None:
        self.first: Snapshot | None = None
        self.before: Snapshot | None = None
        self.last: Snapshot | None = None

    def add(self, snapshot: Snapshot) -> None:
        """Take one more."""
        self.first = self.first or snapshot
        self.before, self.last = self.last or snapshot, snapshot


class Follower(History):
    """Reads a ledger's file as it grows."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._position = 0
        self._rest = b""

    def read(self) -> bool:
        """Take what was appended; True if there was a new snapshot."""
        with self._path.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        self._position += len(data)
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        found = False
        for line in lines:
            if line.startswith(b'{"line":"snapshot"'):
                self.add(msgspec.json.decode(line, type=Snapshot))
                found = True
        return found


def table(history: History) -> Table:
    """One row an endpoint: in flight, limit, rate, tokens, waste, money, breaker; the end below."""
    last, before, first = history.last, history.before, history.first
    # Names come from files and servers: as Text, none of them is markup.
    shown = Table(title=None if last is None else Text(f"pool {last.pool}: {last.waiting} waiting"))
    for heading in ("endpoint", "in flight", "limit", "answers/s", "tokens", "waste", "US $", ""):
        shown.add_column(heading, justify="left" if heading in ("endpoint", "") else "right")
    if last is None or before is None or first is None:
        return shown
    seconds = last.t - before.t
    earlier = {state.name: state for state in before.endpoints}
    for state in last.endpoints:
        shown.add_row(*_row(state, earlier.get(state.name, state), seconds))
    shown.caption = _expected_end(first, last)
    return shown


def summary(history: History) -> str:
    """The same on one line, for displays that have no room for a table."""
    last, first = history.last, history.first
    if last is None or first is None:
        return ""
    parts = [
        f"{state.name} {counter(state)}, {state.account.waste:.1%} waste"
        for state in last.endpoints
    ]
    return f"pool {last.pool}: {last.waiting} waiting; {'; '.join(parts)}; " + _expected_end(
        first, last
    )


def counter(state: EndpointState) -> str:
    """One endpoint in a few words."""
    text = f"{state.in_flight}/{state.limit} in flight, {state.account.useful.requests:,} done"
    if state.breaker != "closed":
        text += f", {state.breaker}"
    if state.account.usd:
        text += f", ${state.account.usd:.2f}"
    return text


def _row(state: EndpointState, before: EndpointState, seconds: float) -> tuple[str | Text, ...]:
    answers = state.account.useful.requests - before.account.useful.requests
    rate = f"{answers / seconds:.1f}" if seconds > 0 else "–"
    tokens = sum(spent.tokens for spent in state.account.all().values())
    style = {"closed": "green", "half": "yellow"}.get(state.breaker, "red")
    return (
        Text(state.name),
        str(state.in_flight),
        str(state.limit),
        rate,
        f"{tokens:,.0f}",
        f"{state.account.waste:.1%}",
        f"{state.account.usd:.2f}",
        Text(state.breaker, style=style),
    )


def _expected_end(first: Snapshot, last: Snapshot) -> str:
    """From the share of samples that are done, or from the queue where that is not known."""
    elapsed = last.t - first.t
    done, samples = last.done - first.done, last.samples - first.done
    if last.samples and done > 0:
        left = elapsed * (samples - done) / done
        return f"{last.done} of {last.samples} samples; {_span(left)} left"
    answers = _answers(last) - _answers(first)
    if answers > 0 and elapsed > 0:
        return f"queue empty in {_span(last.waiting * elapsed / answers)}"
    return "no answer yet"


def _answers(snapshot: Snapshot) -> int:
    return sum(state.account.useful.requests for state in snapshot.endpoints)


def _span(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
