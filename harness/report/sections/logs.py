"""The logs that were read: those with records, numbered, and those that gave nothing, once each."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from harness.records.log_runs import LogInfo
from harness.records.logs import LogRecords
from harness.records.served import served_notes
from harness.report.parts.table import Column, Linked, Section, Table
from harness.report.parts.wording import number
from harness.report.sources import Sources

__all__ = ["VIEWER", "empty_logs", "log_section", "once_each"]

VIEWER = "http://127.0.0.1:7575"
"""Where `inspect view` serves by default."""

_MOST_NAMED = 6
"""Files of one kind without records that a row names; their number stands beside."""


def log_section(
    logs: Sequence[LogInfo], sources: Sources | None, tables: Sequence[Table] = ()
) -> Section:
    """The logs with a link that `inspect view` opens; `tables` come before them.

    Without `sources` (no records) all logs are listed as those that gave none.
    """
    paths = sources.paths if sources is not None else []
    empty = empty_logs(logs)
    text = []
    if paths:
        folder = _folder(paths)
        text = [
            f"The numbers behind tables and figures count these. A log's name opens it in "
            f"Inspect's viewer while this runs: inspect view start --log-dir {folder}"
        ]
    shown = [_read_table(logs, paths)] if paths else []
    shown += [_empty_table(empty)] if empty else []
    return Section(title="Logs", anchor="logs", text=tuple(text), tables=(*tables, *shown))


def empty_logs(logs: Sequence[LogInfo]) -> dict[tuple[str, str, str], list[LogInfo]]:
    """Logs that gave no records (failed trials, files that are none), by task, status and note."""
    found: dict[tuple[str, str, str], list[LogInfo]] = {}
    for log in logs:
        if not log.rows:
            found.setdefault((log.task, log.status, log.note), []).append(log)
    return found


def once_each(read: LogRecords) -> list[str]:
    """What is to be said of the logs: a line for each that gave records, one for all alike that
    gave none, and one for each cell that several endpoints served."""
    said = [f"{log.path}: {log.note}" for log in read.logs if log.note and log.rows]
    for (task, status, note), found in empty_logs(read.logs).items():
        if len(found) == 1:
            said.append(f"{found[0].path}: {note}")
        else:
            what = " ".join(part for part in (task, status and f"({status})") if part)
            said.append(f"{len(found)} files{' of ' + what if what else ''}: {note}")
    return said + served_notes(read.frame)


def _folder(paths: Sequence[str]) -> str:
    """The folder that holds all of them."""
    parents = {str(Path(path).parent) for path in paths}
    if len(parents) == 1:
        return parents.pop()
    try:
        return os.path.commonpath(sorted(parents)) or "."
    except ValueError:  # some are absolute, others are not
        return os.path.commonpath([str(Path(parent).absolute()) for parent in parents])


def _link(path: str, folder: str) -> Linked | str:
    """The log's name, and where the viewer over the folder shows it; a table has no such place."""
    if Path(path).suffix not in (".eval", ".json"):
        return Path(path).name
    inside = os.path.relpath(path, folder)
    return Linked(Path(path).name, f"{VIEWER}/#/logs/{quote(inside)}")


def _read_table(logs: Sequence[LogInfo], paths: Sequence[str]) -> Table:
    told = {log.path: log for log in logs}
    folder = _folder(paths)
    columns = (
        Column("number", "no.", "count"),
        Column("link", "log"),
        Column("task", "task"),
        Column("created", "created"),
        Column("status", "status"),
        Column("samples", "samples", "count"),
        Column("errored", "errored", "count"),
        Column("unreadable", "missing", "count"),
        Column("superseded", "superseded", "count"),
        Column("rows", "records", "count"),
        Column("note", "note"),
    )
    rows = []
    for at, path in enumerate(paths, 1):
        log = told.get(path)
        facts = {column.key: getattr(log, column.key, "") for column in columns[2:]}
        if log is None:
            facts = dict.fromkeys(facts, "") | {"note": "named by a table of records"}
        rows.append({"number": at, "link": _link(path, folder), "path": path} | facts)
    return Table(
        name="logs",
        title="Logs with records",
        columns=columns,
        rows=rows,
        caption=f"{len(paths)} log{'s' if len(paths) > 1 else ''}. A sample that a newer log of "
        "the same task has as well is superseded and counts once.",
        first=20,
        anchor="log",
    )


def _empty_table(empty: dict[tuple[str, str, str], list[LogInfo]]) -> Table:
    count = sum(map(len, empty.values()))
    return Table(
        name="empty_logs",
        title="Files that gave no records",
        columns=(
            Column("task", "task"),
            Column("status", "status"),
            Column("note", "what became of them"),
            Column("files", "files", "count"),
            Column("names", "names"),
        ),
        rows=[
            {"task": task, "status": status, "note": note, "files": len(found)}
            | {"names": _named(found)}
            for (task, status, note), found in empty.items()
        ],
        caption=f"{number(count, 'count')} files, each counted once; report.json names all.",
        first=10,
    )


def _named(logs: Sequence[LogInfo]) -> str:
    names = [Path(log.path).name for log in logs]
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
