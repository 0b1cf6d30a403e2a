"""What was read from logs, kept so that reading them again is cheap.

An entry is named by the hash of the log's whole content and of its rows' form, so an entry is
right wherever the log is moved and however it is rewritten. Entries are written to a file of
their own first and then renamed: two processes never see half of one.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from harness.records.judgement import Judgement
from harness.records.record import Record

__all__ = ["LogCache", "LogEntry", "SampleRows", "cache_folder", "content_key"]

_FORM = 4
"""Raised when the reading itself changes, so that older entries are not taken."""


def cache_folder() -> Path:
    """`PENCHANT_CACHE`, else `penchant/` in the user's cache folder (`XDG_CACHE_HOME`)."""
    given = os.environ.get("PENCHANT_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penchant"


def content_key(data: bytes) -> str:
    """Name of the entry for a log with this content, as 40 hex digits."""
    digest = hashlib.blake2b(digest_size=20)
    fields = (*Record.__struct_fields__, *Judgement.__struct_fields__)
    digest.update(f"{_FORM} {' '.join(fields)} ".encode())
    digest.update(data)
    return digest.hexdigest()


class SampleRows(msgspec.Struct, frozen=True):
    """One sample of a log: which it is, how many rows it gave, whether it ended in an error."""

    id: str
    epoch: int
    rows: int
    errored: bool


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What was read from one log: its header's facts, its samples, and their rows as Parquet.

    `metadata` is the eval's own.

    The rows lie in the order of `samples`; `judgements` are the log's verdicts, as Parquet.
    """

    task: str
    task_id: str
    eval_id: str
    created: str
    status: str
    expected: int | None
    cut: bool
    damaged: int
    unusable: int
    metadata: dict[str, Any]
    samples: list[SampleRows]
    rows: bytes
    judgements: bytes


class LogCache:
    """Entries in a folder. One that cannot be read or written is simply missing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, key: str) -> LogEntry | None:
        """The entry of this name, if there is a whole one."""
        if self._folder is None:
            return None
        try:
            return msgspec.msgpack.decode((self._folder / key).read_bytes(), type=LogEntry)
        except (OSError, msgspec.DecodeError):
            return None

    def put(self, key: str, entry: LogEntry) -> None:
        """Keep an entry; a full or read-only disk costs the next reading time, nothing else."""
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                file.write(msgspec.msgpack.encode(entry))
            Path(file.name).replace(self._folder / key)
        except OSError:
            return
