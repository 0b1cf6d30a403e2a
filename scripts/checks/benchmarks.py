"""Every benchmark of `make bench` to its end, at a tiny size: what runs, not how fast.

A benchmark that nothing runs ends in an error one day, and nobody sees it until its figure is
wanted. Figures of these sizes say nothing.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("PENCHANT_SHARED", ROOT.parent / "shared")) / "data"
XSTEST = DATA / "refusal" / "xstest.jsonl"

TINY: dict[str, tuple[str, ...]] = {
    "overhead": ("overhead", "--measurements", "8", "--rounds", "1"),
    "reliability": ("reliability", "--share", "20"),
    "report": ("report", "--records", "2000"),
    "fit": ("fit", "--sizes", "30x300", "--repeats", "1"),
    "policies": ("policies", "--runs", "1", "--items", "40", "--target", "0.5"),
    "policies stop": ("policies", "stop", "--runs", "1", "--items", "20", "--target", "0.7"),
    "policies select": ("policies", "select", "--items", "60", "--batches", "20", "--repeats", "1"),
    "coverage": ("coverage", "--runs", "1", "--only", "8 items"),
    "wordings": ("wordings", "--runs", "1", "--only", "sd 0.8, 40"),
    "zeros": ("zeros", "--runs", "1", "--only", "neither 40"),
    "probes": ("probes", "--runs", "1"),
    "chain": ("chain", "--runs", "1", "--pairs", "regular:3"),
    "chain stop": ("chain", "stop", "--runs", "1", "--target", "0.6"),
    "effects": ("effects", "--runs", "2"),
    "studies": ("studies", "--runs", "2"),
    "choosing": ("choosing", "--runs", "2", "--only", "β"),
    "refusal": ("refusal", str(XSTEST)),
    "verdicts": ("verdicts",),
    "judging": ("judging", "--texts", "50"),
    "judged rates": ("judged_rates", "--runs", "3"),
    "judged rates chain": ("judged_rates", "chain", "--runs", "1", "--pairs", "1"),
    "pool": ("pool", "--requests", "300", "--seeds", "1"),
    "study_run": ("study_run", "--items", "2", "--seeds", "2", "--unjudged"),
    "limits": ("limits", "--requests", "40", "--unjudged"),
    "dispatch": ("dispatch", "--calls", "40", "--in-flight", "20", "--skip-evals"),
    "dispatch evals": ("dispatch", "--only-evals", "--rounds", "1", "--pairs", "regular:1"),
    "steering": ("steering", "--model", "tiny:llama", "--repeats", "1", "--tokens", "4"),
}
LIMIT = 120.0
"""Seconds that one of these may take; the slowest took about 25 on a quiet machine of two cores."""


def main() -> None:
    """Run each; exit with the first that fails."""
    chosen = sys.argv[1:] or list(TINY)
    began = time.monotonic()
    for name in chosen:
        if name == "refusal" and not XSTEST.is_file():
            print(f"benchmarks: refusal left out, no {XSTEST.name} (set PENCHANT_SHARED)")
            continue
        started = time.monotonic()
        module, *arguments = TINY[name]
        line = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
        done = subprocess.run(
            line, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        if done.returncode:
            sys.exit(f"benchmarks: {name} failed\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
        print(f"benchmarks: {name} {time.monotonic() - started:.0f} s", flush=True)
    print(f"benchmarks: {len(chosen)} run to their end in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
