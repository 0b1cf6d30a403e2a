"""Answers as they arrive, on disk, so that a killed run asks nothing twice.

Inspect writes finished samples; one killed between flushes loses what it had paid for. Here every
reply is appended the moment it comes, one JSON line, to `journal/<task_id>.jsonl` beside the log.
Inspect's task id stays the same over `eval-retry` and `eval-set` and is new for a new run, so a
resumed run finds its replies and a new one finds nothing.

Completions are shared by all tasks of a run (templates must rate the same completion), so they
have a file of their own, `completions-<scope>.jsonl`. The scope is Inspect's eval-set id where
there is one, otherwise the id of the run that first opened the task's journal, which the
journal's first line keeps for later retries.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from harness.wire import FORMAT_VERSION, Reply

__all__ = ["Entries", "Header", "Journal", "journal_directory", "open_journal"]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """First line of a task's journal."""

    task_id: str
    scope: str
    version: int = FORMAT_VERSION


T = TypeVar("T", bound=msgspec.Struct)


class _Line(msgspec.Struct, Generic[T], frozen=True):
    key: str
    entry: T


class Entries(Generic[T]):
    """An append-only file of key → struct. The last entry of a key counts."""

    def __init__(self, path: Path, kind: type[T], *, header: Header | None = None) -> None:
        """Open `path`, reading what is there; a torn last line (a kill) is cut off.

        The text of a line is written by one `write` call in append mode, so several processes or
        tasks may add to one file.
        """
        self.path = path
        self.header = header
        self._entries: dict[str, T] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        self._read(kind)
        if self.header is header and header is not None and not self._had_header:
            self._write(msgspec.json.encode(header))

    def _read(self, kind: type[T]) -> None:
        decoder = msgspec.json.Decoder(_Line[kind])  # type: ignore[valid-type]
        self._had_header = False
        data = self.path.read_bytes()
        if data and not data.endswith(b"\n"):
            # The process died inside a write: what stands after the last newline is no answer.
            whole = data.rfind(b"\n") + 1
            os.ftruncate(self._file, whole)
            data = data[:whole]
        for line in data.splitlines():
            if line.startswith(b'{"task_id"'):
                self.header = msgspec.json.decode(line, type=Header)
                self._had_header = True
                continue
            try:
                parsed = decoder.decode(line)
            except msgspec.DecodeError:
                continue
            self._entries[parsed.key] = parsed.entry

    def _write(self, line: bytes) -> None:
        os.write(self._file, line + b"\n")

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> T | None:
        """The entry of `key`, None where there is none yet."""
        return self._entries.get(key)

    def values(self) -> Iterator[T]:
        """All entries, one a key."""
        return iter(self._entries.values())

    def put(self, key: str, entry: T) -> None:
        """Append; a later entry of the same key stands in for the earlier one."""
        self._entries[key] = entry
        self._write(msgspec.json.encode(_Line(key, entry)))

    def close(self) -> None:
        """Close the file. Entries stay readable."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


Journal = Entries[Reply]
"""Replies of one task, by question key."""


def journal_directory(log_location: str) -> Path:
    """Where the journals of a log's folder lie: `journal/` beside it.

    For a log on remote storage, which takes no appends: under the user's state directory
    (XDG_STATE_HOME), one folder for each remote log folder.
    """
    folder = log_location.rsplit("/", 1)[0] if "/" in log_location else "."
    if folder.startswith("file://"):
        folder = folder.removeprefix("file://")
    if "://" in folder:
        state = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local" / "state"))
        return state / "penchant" / "journal" / folder.replace("://", "_").replace("/", "_")
    return Path(folder) / "journal"


def open_journal(directory: Path, *, task_id: str, scope: str) -> Journal:
    """The journal of a task, made if it is new; its `header.scope` is the first run's."""
    return Entries(
        directory / f"{task_id}.jsonl", Reply, header=Header(task_id=task_id, scope=scope)
    )
