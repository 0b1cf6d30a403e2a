"""The main job on simulated raters: ratings, choices, a report. `make demo` runs it.

Three raters rate the built-in items in three templates with four seeds each and choose between
pairs in both orders. A second call finds the logs and only makes the report again.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from inspect_ai import eval_set
from rich.console import Console

from harness.cli.report import report

RATERS = ("sim/faithful", "sim/clusterer", "sim/position-biased")
RATINGS = (
    "evals/anchored.py@anchored_precise_1_5",
    "evals/fruit.py@fruit_rating",
    "evals/likert.py@likert_qualitative",
)
ROOT = Path(__file__).resolve().parents[1]


def run(tasks: list[str], options: dict[str, Any], folder: Path) -> None:
    """Run the tasks with every rater; resumes what is in `folder`."""
    done, logs = eval_set(
        [str(ROOT / task) for task in tasks],
        model=list(RATERS),
        task_args=options,
        log_dir=str(folder),
        log_realtime=False,
        log_model_api=False,
        score_display=False,
        display="rich" if sys.stdout.isatty() else "none",
    )
    failed = [log.eval.task for log in logs if log.status != "success"]
    if not done or failed:
        sys.exit(
            f"demo: {', '.join(failed) or 'some tasks'} did not end with success; see {folder}"
        )


def main() -> None:
    """Parse arguments, run, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=Path, default=Path("logs/demo"), help="folder to write to")
    arguments = parser.parse_args()
    console = Console()
    started = time.monotonic()
    run(list(RATINGS), {"seeds": 4, "block": 25}, arguments.logs / "ratings")
    run(
        ["evals/pairwise.py@pairwise"],
        {"pairs": "regular:5", "block": 25},
        arguments.logs / "choices",
    )
    folders = [str(arguments.logs / "ratings"), str(arguments.logs / "choices")]
    page = arguments.logs / "report"
    report.main([*folders, "-o", str(page), "--name", "Demo"], standalone_mode=False)
    console.print(f"Measured and reported in {time.monotonic() - started:.0f} s")
    console.print("\nTo look further:", style="bold")
    console.print(f"  inspect view --log-dir {arguments.logs}", highlight=False)
    console.print(f"  open {page / 'index.html'}", highlight=False)


if __name__ == "__main__":
    main()
