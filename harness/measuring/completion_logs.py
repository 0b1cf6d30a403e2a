"""Completions from a log of evals/completions.py."""

from pathlib import Path

import msgspec
from inspect_ai.log import read_eval_log

from harness.errors import UsageError
from harness.records.kept import Completion

__all__ = ["read_completions"]


def read_completions(path: str, *, base: Path) -> dict[str, Completion]:
    """Completions by item id; failed ones are left out, so that their items count as missing.

    UsageError for a path that is not there, is no log, or holds no completions.
    """
    where = base / Path(path).expanduser()
    if not where.is_file():
        raise UsageError(
            f"completions={path!r}; expected `self` or a log of evals/completions.py "
            f"(looked for {where})"
        )
    try:
        log = read_eval_log(str(where))
    except Exception as error:
        raise UsageError(f"completions={path!r} is not an Inspect log: {_line(error)}") from None
    found: dict[str, Completion] = {}
    for sample in log.samples or []:
        for score in (sample.scores or {}).values():
            for kept in (score.metadata or {}).get("completions", ()):
                completion = msgspec.convert(kept, Completion)
                if completion.error is None:
                    found[completion.item] = completion
    if not found:
        raise UsageError(f"completions={path!r} holds no completions (task {log.eval.task})")
    return found


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
