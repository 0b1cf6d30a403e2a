"""SIGKILL a pool run at random moments, resume each time, and hold it against an unbroken run.

A run of about 2 000 calls (`evals/pairwise.py`, blocks of 25) over pool/ against `sim serve` in
its own process. Checked: the final records equal those of a run that was left alone, and the
server's own count of calls exceeds the records by no more than what was in flight at the kills.

In flight is counted in the killed process itself (counted_inspect.py), without the journal: from
before an HTTP request is begun until its answer has been handed to whoever asked. The process is
stopped, the count is read, then it is killed. An answer is written to the journal in the stretch
in which it is handed over, so that nothing is lost between; there is no slack in the bound. (A
question asked alone, block=1, is written only after Inspect has closed its call.)
`python scripts/checks/pool_kills.py --kills 20`
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from counted_inspect import ENDED, IN_FLIGHT, SIZE, counts_in

from harness.dispatcher.simulation.rehearsal import server_stats, serving
from harness.records.logs import read_records

ROOT = Path(__file__).resolve().parents[2]
MOST_IN_FLIGHT = 60
LATENCY = 0.1
"""Seconds to an answer, in the middle."""
HOW = ["log", "sample_id", "latency"]
"""Columns that say how a question was carried, not what was measured."""


def command(pools: Path, folder: Path, counts: Path) -> list[str]:
    """The eval-set that is killed and run again: 1 000 pairs, both orders."""
    return [
        sys.executable, str(ROOT / "scripts" / "checks" / "counted_inspect.py"), str(counts),
        "eval-set", "evals/pairwise.py",
        "--model", "pool/x", "-M", f"file={pools}", "-T", "block=25", "-T", "timing=pre",
        "-T", "pairs=regular:10", "--log-dir", str(folder), "--display", "none",
        "--no-log-realtime",
    ]  # fmt: skip


def pool_file(folder: Path, url: str) -> Path:
    """A pool of one endpoint with a bounded number in flight."""
    file = folder / "pools.toml"
    file.write_text(
        f'[x]\n[[x.endpoints]]\nname = "sim"\nurl = "{url}"\nmodel = "faithful"\n'
        f"max_concurrency = {MOST_IN_FLIGHT}\n"
    )
    return file


def started(line: list[str]) -> subprocess.Popen[bytes]:
    """The eval-set, in a process group of its own."""
    return subprocess.Popen(
        line, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )


def killed(line: list[str], counts: memoryview, ended: int, later: float) -> int | None:
    """Run, and kill `later` seconds after so many calls have ended in all.

    What was in flight at the kill; None if the run came to its end before.
    """
    process = started(line)
    while counts[ENDED] < ended:
        if process.poll() is not None:
            return None
        time.sleep(0.002)
    time.sleep(later)
    if process.poll() is not None:
        return None
    os.killpg(process.pid, signal.SIGSTOP)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    stopped = os.WIFSTOPPED(status)
    in_flight = int(counts[IN_FLIGHT])
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return in_flight if stopped else None


def measured(folder: Path) -> pl.DataFrame:
    """The records without what says how they were carried, sorted."""
    table = read_records([folder], cache=False).frame.drop(HOW)
    return table.sort([name for name in table.columns if table[name].dtype != pl.Null])


def check(kills: int, seed: int, base: Path) -> bool:
    """An unbroken run, then a killed one; true where they agree."""
    rng = random.Random(seed)
    faults = base / "server.toml"
    # Answers come one by one, not in rounds, so that a kill meets calls at every age.
    faults.write_text(f"latency = {LATENCY}\njitter = 0.5\n")
    server = ["--faults", str(faults)]
    file = base / "counts"
    file.write_bytes(bytes(SIZE))
    counts = counts_in(file)
    with serving(server) as url:
        if started(command(pool_file(base, url), base / "whole", file)).wait() != 0:
            print("the unbroken run failed")
            return False
        needed = int(server_stats(url)["requests"])
    counts[ENDED] = 0
    with serving(server) as url:
        line = command(pool_file(base, url), base / "broken", file)
        flying, done = 0, 0
        # The last kill leaves a few rounds of calls to be asked after it.
        for moment in sorted(rng.sample(range(20, needed - 4 * MOST_IN_FLIGHT), kills)):
            later = rng.uniform(0, LATENCY)
            in_flight = killed(line, counts, max(moment, counts[ENDED] + 1), later)
            if in_flight is None:
                print("the run ended before it could be killed")
                return False
            done += 1
            flying += in_flight
            print(f"kill at {counts[ENDED]} answers: {in_flight} in flight", flush=True)
        status = started(line).wait()
        asked = int(server_stats(url)["requests"])
    one, two = measured(base / "whole"), measured(base / "broken")
    same = one.equals(two)
    excess = asked - len(two)
    print(
        f"{done} kills; {len(two)} records, the same as unbroken: {same}; the server counted "
        f"{asked} calls, {excess} more than records; in flight at the kills: {flying}"
    )
    return status == 0 and same and excess <= flying


def main() -> None:
    """Exit 1 where the law does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sys.exit(0 if check(given.kills, given.seed, Path(name)) else 1)


if __name__ == "__main__":
    main()
