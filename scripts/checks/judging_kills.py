"""Kill `inspect score` while a judge is asked, score again, and compare with one undisturbed.

Checked: the verdicts are the same, and the judge was asked again at most what was in flight at the
kills (one question a sample of the log, since a block is answered one question after the other).
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl
from kills import ROOT, asked_again, lines_of, run

from harness.records.logs import read_records

BLOCK, ITEMS = 10, 220


def score(log: Path, asked: Path) -> list[str]:
    """The scoring that is killed and run again."""
    arguments = {"latency": 0.02, "ask_log": str(asked), "false_positive": 0.2}
    role = json.dumps({"model": "sim/judge", "model_args": arguments})
    return [
        str(Path(sys.executable).parent / "inspect"), "score", str(log), "--scorer", "refusal",
        "--action", "append", "--overwrite", "--model-role", f"judge={role}", "--display", "none",
    ]  # fmt: skip


def verdicts(folder: Path) -> pl.DataFrame:
    """What the judge said, sorted."""
    found = read_records([folder], cache=False).judgements.filter(pl.col("judge") == "sim/judge")
    return found.drop("log").sort("subject", "repeat")


def main() -> None:
    """Make a log of completions, score a copy undisturbed, kill the scoring of the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        made = [
            str(Path(sys.executable).parent / "inspect"), "eval", "evals/completions.py",
            "--model", "sim/refuser", "-T", f"block={BLOCK}", "--log-dir", str(base / "whole"),
            "--display", "none",
        ]  # fmt: skip
        subprocess.run(made, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        shutil.copytree(base / "whole", base / "broken")
        logs = {side: next((base / side).glob("*.eval")) for side in ("whole", "broken")}
        once, killed = base / "once.jsonl", base / "killed.jsonl"
        status = run(score(logs["whole"], once), once, None)
        line, done = score(logs["broken"], killed), 0
        for moment in sorted(rng.sample(range(5, ITEMS - 5), options.kills)):
            done += run(line, killed, max(moment, lines_of(killed) + 1)) is None
        ended = run(line, killed, None)
        total, again = asked_again(killed)
        same = verdicts(base / "whole").equals(verdicts(base / "broken"))
        before = lines_of(killed)
        run(line, killed, None)
        allowed = done * -(-ITEMS // BLOCK)
        print(
            f"judging: {done} kills; {verdicts(base / 'broken').height} verdicts, "
            f"the same: {same}; "
            f"asked {total} times, {lines_of(once)} needed, {again} again (at most {allowed} in "
            f"flight); scored once more: {lines_of(killed) - before} asked"
        )
        good = status == ended == 0 and same and again <= allowed and lines_of(killed) == before
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
