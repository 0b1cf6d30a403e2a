"""Answers as they arrive, on disk, so that a killed run asks nothing twice.

Inspect writes finished samples; one killed between flushes loses what it had paid for. Here every
reply is appended the moment it comes, one JSON line, to `journal/<task_id>.jsonl` beside the log.
Inspect's task id stays the same over `eval-retry` and `eval-set` and is new for a new run, so a
resumed run finds its replies and a new one finds nothing. A key says who was asked, how and what
(`harness.measuring.session`): an answer is never read under another model's name.

A line reaches the operating system before anything else is done with the answer, so a killed
process loses nothing; it reaches the disk itself within `SYNC_SECONDS` and when the file is closed.

Completions are shared by all tasks of a run (templates must rate the same completion), so they
have a file of their own, `completions-<scope>.jsonl`. The scope is Inspect's eval-set id where
there is one, otherwise the id of the run that first opened the task's journal, which the
journal's first line keeps for later retries.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from harness.errors import DiskError
from harness.measuring.resumed import refuse_changed
from harness.notices import say
from harness.where import file_mode
from harness.wire import Reply

__all__ = [
    "JOURNAL_VERSION",
    "SYNC_SECONDS",
    "Entries",
    "Header",
    "Journal",
    "journal_directory",
    "open_journal",
]

JOURNAL_VERSION = 2
"""Raised when the meaning of a line changes. Keys of version 1 did not say who had answered."""
SYNC_SECONDS = 5.0
"""What a power cut can lose; a sync at every line would cost more than the asking."""
_HEADER = b'{"task_id"'


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """First line of a task's journal.

    `ingredients` are the run's own, by name (see `harness.measuring.ingredients`): what a resumed
    run must have in common with it.
    """

    task_id: str
    scope: str
    version: int = JOURNAL_VERSION
    ingredients: dict[str, str] = {}


T = TypeVar("T", bound=msgspec.Struct)


class _Line(msgspec.Struct, Generic[T], frozen=True):
    key: str
    entry: T


class Entries(Generic[T]):
    """An append-only file of key → struct. The last entry of a key counts.

    `damaged` counts lines that could not be read; they are said in one line, and the rest is used.
    """

    def __init__(
        self,
        path: Path,
        kind: type[T],
        *,
        header: Header | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open `path`, reading what is there; a torn last line (a kill) is cut off.

        Several processes or tasks may add to one file: a line is written in append mode, whole.
        `clock` gives seconds. DiskError where the file cannot be made or read.
        """
        self.path = path
        self.header = header
        self.damaged = 0
        self._entries: dict[str, T] = {}
        self._clock = clock
        self._synced = clock()
        self._file = -1
        self._torn = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, file_mode(path.parent))
            had_header = self._read(kind)
        except OSError as error:
            raise self._fault("cannot be opened", error) from error
        if self.damaged:
            say(
                f"journal {path}: {self.damaged} damaged line{'s' * (self.damaged != 1)} not used; "
                f"the other {len(self._entries):,} answers are"
            )
        if header is not None and not had_header:
            self._write(msgspec.json.encode(header))

    def _read(self, kind: type[T]) -> bool:
        """Read all lines; whether a header was among them."""
        decoder = msgspec.json.Decoder(_Line[kind])  # type: ignore[valid-type]
        had_header = False
        data = self.path.read_bytes()
        if data and not data.endswith(b"\n"):
            # The process died inside a write: what stands after the last newline is no answer.
            whole = data.rfind(b"\n") + 1
            os.ftruncate(self._file, whole)
            data = data[:whole]
        for line in filter(None, data.split(b"\n")):
            try:
                if line.startswith(_HEADER):
                    self.header = msgspec.json.decode(line, type=Header)
                    had_header = True
                    continue
                parsed = decoder.decode(line)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                self.damaged += 1
                continue
            self._entries[parsed.key] = parsed.entry
        return had_header

    def _write(self, line: bytes) -> None:
        """Append a line, whole. DiskError where that fails; what was begun of it is taken back."""
        whole = (b"\n" if self._torn else b"") + line + b"\n"
        done = 0
        try:
            while done < len(whole):
                written = os.write(self._file, whole[done:])
                if written <= 0:
                    raise OSError(f"{done} of {len(whole)} bytes written")
                done += written
            self._torn = False
            now = self._clock()
            if now - self._synced >= SYNC_SECONDS:
                self._synced = now
                os.fsync(self._file)
        except OSError as error:
            self._take_back(whole, done)
            raise self._fault("cannot be written", error) from error

    def _take_back(self, line: bytes, done: int) -> None:
        """Cut off a line that is there in part; where that fails, the next one starts anew."""
        if done in (0, len(line)):
            return
        try:
            start = os.fstat(self._file).st_size - done
            if os.pread(self._file, done, start) == line[:done]:
                os.ftruncate(self._file, start)
                return
        except OSError:
            pass
        self._torn = True

    def _fault(self, what: str, error: OSError) -> DiskError:
        reason = error.strerror or str(error)
        return DiskError(f"{self.path} {what} ({reason}); answers that are in it are kept")

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> T | None:
        """The entry of `key`, None where there is none yet."""
        return self._entries.get(key)

    def __iter__(self) -> Iterator[str]:
        """All keys."""
        return iter(self._entries)

    def values(self) -> Iterator[T]:
        """All entries, one a key."""
        return iter(self._entries.values())

    def put(self, key: str, entry: T) -> None:
        """Append; a later entry of the same key stands in for the earlier one.

        DiskError where it could not be written: it is then not among the entries either.
        """
        self._write(msgspec.json.encode(_Line(key, entry)))
        self._entries[key] = entry

    def close(self) -> None:
        """Close the file, once it is on the disk. Entries stay readable. DiskError."""
        if self._file < 0:
            return
        file, self._file = self._file, -1
        try:
            try:
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise self._fault("cannot be written", error) from error


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


def open_journal(
    directory: Path, *, task_id: str, scope: str, ingredients: Mapping[str, str] | None = None
) -> Journal:
    """The journal of a task, made if it is new; its `header.scope` is the first run's.

    UsageError where the run that began it had other `ingredients`. A journal of another version is
    set aside under another name, which one line says: its keys do not mean what they mean here.
    """
    path = directory / f"{task_id}.jsonl"
    old = _header_of(path)
    now = dict(ingredients or {})
    if old is not None:
        scope = old.scope
        refuse_changed(old.ingredients, now, where=str(path))
        if old.version != JOURNAL_VERSION:
            _set_aside(path, old.version)
    header = Header(task_id=task_id, scope=scope, ingredients=now)
    return Entries(path, Reply, header=header)


def _header_of(path: Path) -> Header | None:
    """The journal's header; None where there is no journal, or none that can be read."""
    try:
        with path.open("rb") as file:
            for line in file:
                if line.startswith(_HEADER):
                    return msgspec.json.decode(line, type=Header)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return None


def _set_aside(path: Path, version: int) -> None:
    aside = path.with_name(f"{path.name}.version-{version}")
    path.rename(aside)
    say(
        f"journal {path} is of version {version} (expected {JOURNAL_VERSION}), whose answers do "
        f"not say who gave them: kept as {aside.name}, its questions are asked again"
    )
