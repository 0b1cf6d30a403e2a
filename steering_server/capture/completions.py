"""Completions by item: from a log of the completions eval, or a file of one a line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.items.rows import read_rows

__all__ = ["read_completions"]

_TEXTS = ("text", "completion")
_IDS = ("item", "id")
_DEFAULTS = {"refused": False, "truncated": False}
"""Fields that a log leaves out where they are false."""


def read_completions(path: Path) -> dict[str, dict[str, Any]]:
    """What is known of each item's completion, by item id: `text`, and its other fields.

    `path` is an Inspect log (`.eval`, or a log in `.json`) of `evals/completions.py`, or a JSONL or
    CSV file with `item` (or `id`) and `text` (or `completion`). Failed completions are left out, so
    that their items count as missing. UsageError.
    """
    if path.suffix == ".eval":
        rows = _logged(path)
    else:
        rows = [(row.place, row.fields) for row in read_rows(path)]
    found: dict[str, dict[str, Any]] = {}
    for place, fields in rows:
        item, text = (_first(fields, names, place) for names in (_IDS, _TEXTS))
        if fields.get("error"):
            continue
        if item in found and found[item]["text"] != text:
            raise UsageError(f"{place}: a second completion of item {item!r}; expected one an item")
        found[item] = {**fields, "item": item, "text": text}
    if not found:
        raise UsageError(f"{path} holds no completions")
    return found


def _first(fields: Mapping[str, Any], names: tuple[str, ...], place: str) -> str:
    for name in names:
        if isinstance(fields.get(name), str):
            return str(fields[name])
    raise UsageError(
        f"{place}: no field {' or '.join(map(repr, names))} with a text; the fields are "
        f"{', '.join(map(str, fields)) or '(none)'}"
    )


def _logged(path: Path) -> list[tuple[str, dict[str, Any]]]:
    # Imported here: nothing else of this server needs Inspect, and it takes a second.
    from inspect_ai.log import read_eval_log

    try:
        log = read_eval_log(str(path))
    except Exception as error:  # whatever the zip, its JSON or their checks raise
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UsageError(f"{path} is not an Inspect log: {reason}") from error
    return [
        (str(path), {**_DEFAULTS, **kept})
        for sample in log.samples or ()
        for score in (sample.scores or {}).values()
        for kept in (score.metadata or {}).get("completions", ())
    ]
