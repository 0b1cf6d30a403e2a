"""Kill a run at random moments, resume it each time, and compare with an uninterrupted run.

Each kill is a SIGKILL of `inspect eval-set`, followed by the same command on the same log folder.
Checked: the final records equal an uninterrupted run's, and the respondent was asked again at
most what was in flight at the kills (counted by the respondent itself, `-M ask_log`).
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import polars as pl

from harness.records.logs import read_records

ROOT = Path(__file__).resolve().parents[2]
IN_FLIGHT = 20
HOW = ["log", "sample_id", "latency"]
"""Columns that say how a question was carried, not what was measured."""


def command(task: str, folder: Path, asked: Path, arguments: list[str]) -> list[str]:
    """The eval-set that is killed and run again."""
    return [
        str(Path(sys.executable).parent / "inspect"), "eval-set", task,
        "--model", "sim/faithful", "-M", "latency=0.05", "-M", f"ask_log={asked}",
        "--log-dir", str(folder), "--display", "none", "--no-log-realtime",
        "--max-connections", str(IN_FLIGHT), "--max-samples", str(IN_FLIGHT), *arguments,
    ]  # fmt: skip


def run(line: list[str], asked: Path, kill_at: int | None) -> int | None:
    """Run to the end, or kill at so many questions asked; the exit status, None if killed."""
    process = subprocess.Popen(
        line, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    while kill_at is not None and process.poll() is None:
        if lines_of(asked) >= kill_at:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None
        time.sleep(0.005)
    return process.wait()


def lines_of(path: Path) -> int:
    """Questions asked so far."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def measured(folder: Path) -> pl.DataFrame:
    """The records of a folder without what says how they were carried, sorted."""
    table = read_records([folder], cache=False).frame.drop(HOW)
    return table.sort([name for name in table.columns if table[name].dtype != pl.Null])


def asked_again(path: Path) -> tuple[int, int]:
    """Questions asked in all, and how many of them more than once."""
    counts = Counter(line for line in path.read_text().split("\n") if line)
    return sum(counts.values()), sum(count - 1 for count in counts.values())


def check(task: str, arguments: list[str], kills: int, rng: random.Random, base: Path) -> bool:
    """One task: an uninterrupted run, then a killed one; true where they agree."""
    whole, broken = base / "whole", base / "broken"
    once, killed = base / "whole.jsonl", base / "broken.jsonl"
    if run(command(task, whole, once, arguments), once, None) != 0:
        print(f"{task}: the uninterrupted run failed")
        return False
    needed = lines_of(once)
    line = command(task, broken, killed, arguments)
    done = 0
    for moment in sorted(rng.sample(range(5, needed - 5), kills)):
        done += run(line, killed, max(moment, lines_of(killed) + 1)) is None
    status = run(line, killed, None)
    total, again = asked_again(killed)
    same = measured(whole).equals(measured(broken))
    # A question's place in flight is taken by a sample, of which at most IN_FLIGHT are open; the
    # respondent answers a block's questions one after the other.
    allowed = done * IN_FLIGHT
    print(
        f"{task} {' '.join(arguments)}: {done} kills; "
        f"{len(measured(broken))} records, the same: {same}; asked {total} times, "
        f"{needed} needed, {again} again (at most {allowed} in flight)"
    )
    return status == 0 and same and again <= allowed


def main() -> None:
    """Check rating and pairwise runs, at block 1 and in blocks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10, help="in all, over the cases")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    cases = [
        ("evals/pairwise.py", ["-T", "pairs=regular:3", "-T", "per_origin=20"]),
        ("evals/anchored.py@anchored_1_5", ["-T", "seeds=4", "-T", "block=10"]),
    ]
    good = True
    for index, (task, options) in enumerate(cases):
        with tempfile.TemporaryDirectory() as name:
            share = arguments.kills // len(cases) + (index < arguments.kills % len(cases))
            good &= check(task, options, share, rng, Path(name))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
