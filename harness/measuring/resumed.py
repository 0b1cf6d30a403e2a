"""What a resumed run has in common with its beginning, and where it may not go on.

Inspect takes the finished samples of an earlier log of the same task as they are. What they were
made of, and by whom, must be what the rest is made of.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.records.log_file import LogFile, NotALog, read_log
from harness.records.scored import scored

__all__ = ["earlier_logs", "ingredients_in", "refuse_changed", "refuse_others"]


def earlier_logs(location: str, task_id: str) -> list[Path]:
    """Other logs of the task in the folder of the log at `location`, oldest first.

    Inspect puts the task's id into the name of its log. None for a folder on remote storage.
    """
    here = location.removeprefix("file://")
    if "://" in here:
        return []
    own = Path(here)
    found = [*own.parent.glob(f"*{task_id}*.eval"), *own.parent.glob(f"*{task_id}*.json")]
    return sorted(path for path in found if path.name != own.name)


def ingredients_in(log: Path) -> dict[str, str]:
    """The ingredients that a log's header names; none where it was made before they were kept."""
    opened = _opened(log)
    metadata = {} if opened is None or opened.header is None else opened.header.eval.get("metadata")
    kept = (metadata or {}).get("ingredients")
    return {str(k): str(v) for k, v in kept.items()} if isinstance(kept, Mapping) else {}


def refuse_changed(before: Mapping[str, str], now: Mapping[str, str], *, where: str) -> None:
    """UsageError that names the ingredients that differ from those of `before`."""
    changed = [name for name in before if name in now and before[name] != now[name]]
    if changed:
        raise UsageError(
            f"this run began with other {' and '.join(changed)} ({where}): a resumed run must ask "
            "what it began with; give that back, or start in another log folder"
        )


def refuse_others(logs: Sequence[Path], column: str, identity: str) -> None:
    """UsageError where a finished sample of `logs` names another `column` than `identity`."""
    who = column.removesuffix("_identity")
    for log in logs:
        for found in _identities(log, column):
            if found != identity:
                raise UsageError(
                    f"{log} holds finished samples by another {who} ({column} {found}, now "
                    f"{identity}): its model, endpoint, vector or settings changed since; give "
                    "them back, or start in another log folder"
                )


def _identities(log: Path, column: str) -> Iterator[str]:
    opened = _opened(log)
    for sample in () if opened is None else opened.samples():
        if sample.errored:
            continue
        found = scored({name: score.metadata for name, score in (sample.scores or {}).items()})
        for record in found.records:
            value = getattr(record, column)
            if value is not None:
                yield value


def _opened(log: Path) -> LogFile | None:
    try:
        return read_log(log.read_bytes())
    except (OSError, NotALog):
        return None
