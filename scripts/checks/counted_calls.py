"""Thousands of calls against endpoints that fail in every way: the ledger has what servers have.

Three servers in processes of their own, each with faults of its own (statuses, resets before and
inside the body, cut and garbled bodies, errors in a 200, throttling, filters, slow replies), and
one pool over them. Checked: every call ends once; attempts in the accounts, attempts in the
ledger's file and requests at each server are one number; so are answers and their tokens; and the
process that sends stays below a bound of memory, most of which is Inspect's import.
`python scripts/checks/counted_calls.py --calls 20000`
"""

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import msgspec

from harness.dispatcher.book_file import BookFile
from harness.dispatcher.calls.payload import Payload
from harness.dispatcher.calls.pool import Pool
from harness.dispatcher.job import Job
from harness.dispatcher.poolfile import EndpointSpec, PoolSpec
from harness.dispatcher.simulation.rehearsal import server_stats, serving

MOST_MIB = 200.0
AT_A_TIME = 60
STALL, STALL_EVERY = 1.2, 500
"""Seconds for which the event loop is held up every so many calls, as Inspect's own work does: then
answers lie unread, hedges are sent for them, and cancelled before they have gone out."""
FAULTS = (
    (
        'kind = "error"\nstatus = 500\nshare = 0.02',
        'kind = "reset"\nshare = 0.01',
        'kind = "reset_body"\nshare = 0.01',
        'kind = "filter"\nshare = 0.01',
    ),
    (
        'kind = "truncate"\nshare = 0.01',
        'kind = "garbage"\nshare = 0.01',
        'kind = "error_in_200"\nshare = 0.01',
        'kind = "slow"\nfactor = 10\nshare = 0.02',
    ),
    (
        'kind = "throttle"\nretry_after = "0.05"\nshare = 0.01',
        'kind = "error"\nstatus = 529\nshare = 0.01',
        'kind = "error"\nstatus = 503\nstart = 2\nduration = 1',
        'kind = "reset_body"\nshare = 0.01',
    ),
)


def server_file(folder: Path, number: int) -> Path:
    """The server's description: a latency and its faults."""
    file = folder / f"server{number}.toml"
    faults = "".join(f"\n[[faults]]\n{fault}\n" for fault in FAULTS[number])
    file.write_text(f"latency = 0.01\njitter = 0.2\n{faults}", "utf-8")
    return file


def payload(number: int) -> Payload:
    """One short question with a seed of its own."""
    words = f"Rate how much you liked task {number} on a scale from 1 to 5."
    messages = msgspec.json.encode([{"role": "user", "content": words}])
    return Payload(messages, b',"seed":%d' % number, 8, native=lambda: (None,) * 4)


async def called(urls: list[str], calls: int, ledger: Path) -> tuple[Pool, Counter[str]]:
    """The pool after all calls, and how they ended."""
    endpoints = tuple(
        EndpointSpec(name=f"s{number}", url=url, model="faithful", timeout=20, max_concurrency=100)
        for number, url in enumerate(urls)
    )
    pool = Pool(PoolSpec(endpoints=endpoints, name="counted"), ledger=BookFile(ledger))
    ends: Counter[str] = Counter()
    numbers = iter(range(calls))

    async def caller() -> None:
        for number in numbers:
            if number % STALL_EVERY == 0:
                time.sleep(STALL)  # noqa: ASYNC251  (holding up the loop is the point)
            asked = payload(number)
            job = Job(payload=asked, size=len(asked.messages), max_tokens=8)
            reply = (await pool.ask(job)).reply
            ends["failed" if reply.error else reply.stop] += 1

    try:
        await asyncio.gather(*(caller() for _ in range(AT_A_TIME)))
    finally:
        await pool.aclose()
    return pool, ends


def written(ledger: Path) -> Counter[str]:
    """Attempts in the ledger's file, by endpoint."""
    lines = (msgspec.json.decode(line) for line in ledger.read_bytes().splitlines())
    return Counter(line["endpoint"] for line in lines if line.get("purpose"))


def main() -> None:
    """Call, and hold three counts against each other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    calls = parser.parse_args().calls
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        files = [server_file(folder, number) for number in range(len(FAULTS))]
        urls = [stack.enter_context(serving(["--faults", str(file)])) for file in files]
        pool, ends = asyncio.run(called(urls, calls, folder / "ledger.jsonl"))
        stats = [server_stats(url) for url in urls]
        in_file = written(folder / "ledger.jsonl")
    problems = []
    if ends.total() != calls:
        problems.append(f"{ends.total()} ends of {calls} calls")
    for endpoint, found in zip(pool.endpoints, stats, strict=True):
        told = (endpoint.account.requests, in_file[endpoint.name], int(found["requests"]))
        if len(set(told)) > 1:
            problems.append(f"{endpoint.name}: accounts, file and server count {told}")
    booked = sum(e.account.requests for e in pool.endpoints)
    useful = sum(e.account.useful.requests for e in pool.endpoints)
    if useful != calls - ends["failed"]:
        problems.append(f"{useful} useful attempts for {calls - ends['failed']} answers")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if memory > MOST_MIB:
        problems.append(f"{memory:.0f} MiB of memory, more than {MOST_MIB:.0f}")
    served = sum(int(found["requests"]) for found in stats)
    print(
        f"counted calls: {calls:,} calls, {booked:,} attempts booked, {served:,} at the servers; "
        f"{dict(ends)}; {memory:.0f} MiB; {time.monotonic() - began:.0f} s"
    )
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
