"""Runs and their retries: of several logs of one task, which samples are taken from which."""

import io
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
import polars as pl

from harness.records.log_cache import LogEntry
from harness.records.record import SCHEMA

__all__ = ["LogInfo", "newest"]


class LogInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one log.

    `samples` were read; `errored` of them ended in an error, those tried again in a newer log of
    the same task left out. `unreadable` are damaged or were never written, so far as the task's
    newest log tells, and are counted there. `superseded` samples were left to a newer log;
    `unusable` counts records that are not in the form of `Record`. `rows` is what the log gave to
    the table. `metadata` is the eval's own. `passed_over`: a file in a folder that is no log.
    """

    path: str
    kind: Literal["log", "table"] = "log"
    task: str = ""
    task_id: str = ""
    eval_id: str = ""
    created: str = ""
    status: str = ""
    samples: int = 0
    errored: int = 0
    unreadable: int = 0
    superseded: int = 0
    unusable: int = 0
    rows: int = 0
    note: str = ""
    metadata: dict[str, Any] = {}
    passed_over: bool = False


def newest(
    logs: Sequence[tuple[LogInfo, LogEntry | None]],
) -> Iterator[tuple[LogInfo, pl.DataFrame]]:
    """Each log's rows without the samples that a newer log of its task has; logs as given.

    The column `log` names the run, by the newest log of its task: a run and its retries are one
    run to every statistic over repeats.
    """
    ordered = sorted(logs, key=lambda log: (log[0].created, log[0].path), reverse=True)
    tasks: dict[str, _Task] = {}
    for info, entry in ordered:
        if entry is not None:
            tasks.setdefault(info.task_id, _Task(info.path)).add(entry)
    done: dict[str, tuple[LogInfo, pl.DataFrame]] = {}
    for info, entry in ordered:
        if entry is None:
            done[info.path] = info, pl.DataFrame(schema=SCHEMA)
        else:
            done[info.path] = tasks[info.task_id].take(info, entry)
    for info, _ in logs:
        yield done[info.path]


class _Task:
    """What has been taken of one task, from its newest log (at `path`) to its oldest."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._all: set[tuple[str, int]] = set()
        self._seen: set[tuple[str, int]] = set()
        self._taken: set[tuple[str, int]] = set()

    def add(self, entry: LogEntry) -> None:
        """Say that `entry` is one of the task's logs."""
        self._all |= {(sample.id, sample.epoch) for sample in entry.samples}

    def take(self, info: LogInfo, entry: LogEntry) -> tuple[LogInfo, pl.DataFrame]:
        """The rows that no newer log has; call it for the newest log first."""
        keep: list[bool] = []
        superseded = errored = 0
        for sample in entry.samples:
            key = (sample.id, sample.epoch)
            superseded += key in self._taken
            errored += sample.errored and key not in self._seen
            keep += [key not in self._taken] * sample.rows
            self._seen.add(key)
            if sample.rows:
                self._taken.add(key)
        rows = pl.read_parquet(io.BytesIO(entry.rows)).filter(pl.Series(keep, dtype=pl.Boolean))
        rows = rows.with_columns(log=pl.col("log").fill_null(self._path))
        info = msgspec.structs.replace(
            info,
            superseded=superseded,
            errored=errored,
            unreadable=self._missing(entry) if info.path == self._path else 0,
            rows=rows.height,
        )
        return msgspec.structs.replace(info, note=_note(info, entry)), rows

    def _missing(self, entry: LogEntry) -> int:
        """Samples that none of the task's logs has, as far as its newest log tells."""
        if not entry.cut and entry.status == "success":
            return 0
        if entry.expected is None:
            return entry.damaged
        return max(0, entry.expected - len(self._all))


def _note(info: LogInfo, entry: LogEntry) -> str:
    said = []
    if entry.cut:
        said.append(f"cut short: {info.samples} samples read, {info.unreadable} lost")
    elif info.unreadable:
        said.append(
            f"run not finished ({info.status}): {info.samples} samples read, "
            f"{info.unreadable} missing (inspect eval-retry continues it)"
        )
    if info.errored:
        said.append(f"{info.errored} samples ended in an error")
    if info.superseded:
        said.append(f"{info.superseded} samples superseded by a newer log of the same task")
    if info.unusable:
        said.append(f"{info.unusable} records of an unknown form left out")
    if not said and not info.rows:
        said.append("no records of ratings or choices")
    return "; ".join(said)
