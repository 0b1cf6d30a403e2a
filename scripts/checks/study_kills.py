"""Kill `penchant study run` at random moments, start it again, and compare its tables.

Each kill is a SIGKILL of the whole process group, followed by the same line. Checked: every table
of the report is the same to the last digit as an uninterrupted run's, and models were asked again
at most what was in flight at the kills (counted by the respondent itself, `ask_log`).
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from kills import lines_of, run

IN_FLIGHT = 20
"""Connections that each of the two models may have; a question that is asked holds one."""


def command(folder: Path, asked: Path) -> list[str]:
    """The study that is killed and run again: 9 cells, two models."""
    settings = f"latency=0.05, ask_log={asked}, max_connections={IN_FLIGHT}"
    return [
        str(Path(sys.executable).parent / "penchant"), "study", "run", "sysprompt-3x3",
        "--rehearse", "--yes", "--per-origin", "12", "--seeds", "3", "--block", "4",
        "--rater", f"sim/faithful(completion_effect=0.5, {settings})",
        "--completer", f"sim/faithful@writer({settings})", "-o", str(folder),
    ]  # fmt: skip


def tables(folder: Path) -> dict[str, str]:
    """Text of each table of the report, but of those of logs: a killed run leaves more of them."""
    found = (folder / "report" / "tables").glob("*.csv")
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in found
        if path.stem not in ("logs", "empty_logs")
    }


def check(kills: int, rng: random.Random, base: Path) -> bool:
    """An uninterrupted run, then a killed one; true where they agree."""
    whole, broken = base / "whole", base / "broken"
    once, killed = base / "whole.jsonl", base / "broken.jsonl"
    if run(command(whole, once), once, None) != 0:
        print("study kills: the uninterrupted run failed")
        return False
    needed = lines_of(once)
    line = command(broken, killed)
    done = 0
    for moment in sorted(rng.sample(range(5, needed - 5), kills)):
        done += run(line, killed, max(moment, lines_of(killed) + 1)) is None
    status = run(line, killed, None)
    total = lines_of(killed)
    expected, found = tables(whole), tables(broken)
    differing = sorted(name for name in expected if found.get(name) != expected[name])
    idle = run(line, killed, None) == 0 and lines_of(killed) == total
    allowed = done * 2 * IN_FLIGHT
    print(
        f"study kills: {done} kills; {len(expected)} tables, differing: "
        f"{', '.join(differing) or 'none'}; asked {total} times, {needed} needed, {total - needed} "
        f"more (at most {allowed} in flight); a start with everything done asks nothing: {idle}"
    )
    agreed = bool(expected) and expected.keys() == found.keys() and not differing
    return status == 0 and agreed and total - needed <= allowed and idle


def main() -> None:
    """Check one study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        good = check(arguments.kills, random.Random(arguments.seed), Path(name))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
