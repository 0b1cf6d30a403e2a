"""Check that every log in a folder ended with success: `inspect eval` exits 0 when one did not."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from inspect_ai.log import list_eval_logs, read_eval_log


def main() -> None:
    """Read the headers and say the worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--logs", type=int, help="how many logs there must be")
    arguments = parser.parse_args()
    logs = [read_eval_log(info, header_only=True) for info in list_eval_logs(str(arguments.folder))]
    for log in logs:
        if log.status != "success":
            message = log.error.message if log.error else ""
            print(f"{log.eval.task} on {log.eval.model}: {log.status} {message}", file=sys.stderr)
    counts = Counter(log.status for log in logs)
    print(f"{arguments.folder}: {dict(counts)}")
    if set(counts) != {"success"} or arguments.logs not in (None, len(logs)):
        sys.exit(f"expected {arguments.logs or 'only'} logs with status success")


if __name__ == "__main__":
    main()
