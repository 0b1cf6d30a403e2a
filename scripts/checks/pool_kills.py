"""SIGKILL a pool run at random moments, resume each time, and hold it against an unbroken run.

A run of about 2 000 calls (`evals/pairwise.py`, blocks of 25) over pool/ against `sim serve` in
its own process. Checked: the final records equal those of a run that was left alone, and the
server's own count of calls exceeds the records by no more than what was in flight at the kills
(asked of the server just before each). `python scripts/checks/pool_kills.py --kills 20`
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

from harness.dispatcher.rehearsal import server_stats, serving
from harness.logs import read_records

ROOT = Path(__file__).resolve().parents[2]
IN_FLIGHT = 60
HOW = ["log", "sample_id", "latency"]
"""Columns that say how a question was carried, not what was measured."""


def command(pools: Path, folder: Path) -> list[str]:
    """The eval-set that is killed and run again: 1 000 pairs, both orders."""
    return [
        str(Path(sys.executable).parent / "inspect"), "eval-set", "evals/pairwise.py",
        "--model", "pool/x", "-M", f"file={pools}", "-T", "block=25", "-T", "timing=pre",
        "-T", "pairs=regular:10", "--log-dir", str(folder), "--display", "none",
        "--no-log-realtime",
    ]  # fmt: skip


def pool_file(folder: Path, url: str) -> Path:
    """A pool of one endpoint with a bounded number in flight."""
    file = folder / "pools.toml"
    file.write_text(
        f'[x]\n[[x.endpoints]]\nname = "sim"\nurl = "{url}"\nmodel = "faithful"\n'
        f"max_concurrency = {IN_FLIGHT}\n"
    )
    return file


def run(line: list[str], url: str, kill_at: float | None) -> tuple[int | None, int]:
    """Run to the end, or kill once the server counted so many calls.

    The exit status (None if killed) and what was in flight at the kill.
    """
    process = subprocess.Popen(
        line, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    while kill_at is not None and process.poll() is None:
        stats = server_stats(url)
        if stats["requests"] >= kill_at:
            os.killpg(process.pid, signal.SIGSTOP)
            # Stopped, nothing new is sent: what the server now holds, and what it answered since
            # the process last read, is what was in flight.
            in_flight = int(stats["in_flight"])
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None, in_flight
        time.sleep(0.01)
    return process.wait(), 0


def measured(folder: Path) -> pl.DataFrame:
    """The records without what says how they were carried, sorted."""
    table = read_records([folder], cache=False).frame.drop(HOW)
    return table.sort([name for name in table.columns if table[name].dtype != pl.Null])


def check(kills: int, seed: int, base: Path) -> bool:
    """An unbroken run, then a killed one; true where they agree."""
    rng = random.Random(seed)
    with serving(["--latency", "0.1"]) as url:
        whole = command(pool_file(base, url), base / "whole")
        if run(whole, url, None)[0] != 0:
            print("the unbroken run failed")
            return False
        needed = server_stats(url)["requests"]
    with serving(["--latency", "0.1"]) as url:
        line = command(pool_file(base, url), base / "broken")
        flying, done = 0, 0
        for moment in sorted(rng.sample(range(20, int(needed) - 20), kills)):
            status, in_flight = run(line, url, max(moment, server_stats(url)["requests"] + 1))
            done += status is None
            flying += in_flight
            print(f"kill at {moment}: {in_flight} in flight", flush=True)
        status, _ = run(line, url, None)
        asked = server_stats(url)["requests"]
    one, two = measured(base / "whole"), measured(base / "broken")
    same = one.equals(two)
    allowed = done * IN_FLIGHT
    print(
        f"{done} kills; {len(two)} records, the same as unbroken: {same}; the server counted "
        f"{asked:.0f} calls, {asked - len(two):.0f} more than records; it held {flying} at the "
        f"kills, at most {allowed} were in flight"
    )
    return status == 0 and same and asked - len(two) <= allowed


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
