"""Inspect's command line, with a pool's calls in flight counted in a file that others can read.

The file holds two native 64-bit numbers: calls in flight, and calls ended (added to what the file
says). A call is in flight from before its HTTP request is begun until its answer has been handed
to whoever asked, the journal included. The counts are changed in the process that asks, and stay
in the file when it is killed. `python scripts/checks/counted_inspect.py COUNTS eval-set …`
"""

import mmap
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from harness.dispatcher.calls.http import HttpEndpoint
from harness.dispatcher.calls.payload import Payload
from harness.dispatcher.verdict import Verdict

__all__ = ["ENDED", "IN_FLIGHT", "SIZE", "counts_in"]

IN_FLIGHT, ENDED = 0, 1
SIZE = 16


def counts_in(file: Path) -> memoryview:
    """The file's numbers, shared with every process that has it open."""
    with file.open("r+b") as opened:
        return memoryview(mmap.mmap(opened.fileno(), SIZE)).cast("q")


def count(counts: memoryview) -> None:
    """Have every attempt of the dispatcher counted."""
    attempt = HttpEndpoint._attempt

    async def counted(
        self: HttpEndpoint, payload: Payload, deliver: Callable[[Verdict], None]
    ) -> None:
        counts[IN_FLIGHT] += 1
        # One that is cancelled stays counted: its request runs on.
        await attempt(self, payload, deliver)
        counts[ENDED] += 1
        counts[IN_FLIGHT] -= 1

    HttpEndpoint._attempt = counted  # type: ignore[method-assign]


def main() -> None:
    """Count, and be `inspect`."""
    counts = counts_in(Path(sys.argv.pop(1)))
    counts[IN_FLIGHT] = 0
    count(counts)
    [inspect] = entry_points(group="console_scripts", name="inspect")
    inspect.load()()


if __name__ == "__main__":
    main()
