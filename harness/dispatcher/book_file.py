"""The ledger's file: one JSON line per attempt and event, and a snapshot every two seconds."""

import time
from pathlib import Path

import msgspec

from harness.dispatcher.ledger import Account, Entry
from harness.where import keep_private

__all__ = ["BookFile", "EndpointState", "Snapshot", "ledger_path"]


class EndpointState(msgspec.Struct, frozen=True):
    """One endpoint at a moment: attempts in flight, their limit, limits in force, what was spent.

    `breaker` is closed, open, half or out.
    """

    name: str
    in_flight: int
    limit: int
    breaker: str
    efficiency: float
    limits: dict[str, float]
    account: Account


class Snapshot(msgspec.Struct, frozen=True, tag="snapshot", tag_field="line"):
    """The pool at a moment. `done` of `samples` are the eval's finished samples, if known."""

    t: float
    pool: str
    waiting: int
    endpoints: tuple[EndpointState, ...]
    done: int = 0
    samples: int = 0


class BookFile:
    """Appends lines; flushed once a second and at the end."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        keep_private(path)
        self._file = path.open("ab", buffering=1 << 16)
        self._flushed = time.monotonic()
        self._encode = msgspec.json.Encoder().encode

    def write(self, line: Entry | Snapshot) -> None:
        """Append one line."""
        self._file.write(self._encode(line) + b"\n")
        now = time.monotonic()
        if now - self._flushed > 1.0:
            self._flushed = now
            self._file.flush()

    def close(self) -> None:
        """Flush and close."""
        self._file.close()


def ledger_path(log_location: str | None, pool: str, now: float) -> Path:
    """Where the ledger of a pool goes: beside the log, or in ./logs for a log that is elsewhere."""
    stamp = time.strftime("%Y-%m-%dT%H-%M-%S", time.localtime(now))
    folder = Path("logs")
    if log_location is not None:
        location = log_location.removeprefix("file://")
        if "://" not in location:
            folder = Path(location).parent
    return folder / f"{stamp}_pool-{pool.replace('/', '-')}.ledger.jsonl"
