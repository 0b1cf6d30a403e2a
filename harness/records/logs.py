"""From LOGS to the record table.

LOGS is a file, a folder or several of either: Inspect logs (`.eval`, `.json`), or tables of
records (`.parquet`, `.csv`). A folder is searched for logs; only one that holds none is searched
for tables, so that a table exported beside its logs is not read a second time.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import polars as pl

from harness.errors import UsageError
from harness.records.files import read_table
from harness.records.log_cache import LogCache, LogEntry, SampleRows, cache_folder, content_key
from harness.records.log_file import LogFile, LogSample, NotALog, read_log
from harness.records.log_runs import LogInfo, newest
from harness.records.record import SCHEMA, Record, frame

__all__ = ["LogInfo", "LogRecords", "find_logs", "read_records"]

_LOG_SUFFIXES = (".eval", ".json")
_TABLE_SUFFIXES = (".parquet", ".csv")
_LOG_START = re.compile(rb'\s*\{\s*"(?:version|status|eval)"')
"""How Inspect's JSON logs begin; the listing of an eval set begins with a log's name."""
_SCORERS = ("rating", "preference")
"""Scorers whose records are measurements, by what stands after the last `/` of their name."""


@dataclass(frozen=True)
class LogRecords:
    """The record table (columns of `harness.records.record.SCHEMA`) and what became of each log."""

    frame: pl.DataFrame
    logs: tuple[LogInfo, ...] = field(default=())

    def notes(self) -> list[str]:
        """One line for each log with something to say."""
        return [f"{log.path}: {log.note}" for log in self.logs if log.note]


def find_logs(paths: Sequence[str | Path]) -> list[Path]:
    """Files that LOGS means, each once, in a stable order.

    UsageError for a path that is not there, a file of another kind, or a folder without any.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        for file in _files(path):
            found.setdefault(file.resolve(), file)
    return list(found.values())


def _files(path: Path) -> list[Path]:
    if path.is_file():
        if path.suffix not in _LOG_SUFFIXES + _TABLE_SUFFIXES:
            raise UsageError(
                f"cannot read {str(path)!r}; expected an Inspect log (.eval, .json) or a table "
                "of records (.parquet, .csv)"
            )
        return [path]
    if not path.is_dir():
        raise UsageError(f"no log or folder {str(path)!r} (looked in {Path.cwd()})")
    files = sorted(file for file in path.rglob("*") if file.is_file())
    logs = [f for f in files if f.suffix == ".eval" or (f.suffix == ".json" and _json_log(f))]
    tables = [f for f in files if f.suffix in _TABLE_SUFFIXES and _record_table(f)]
    if not logs and not tables:
        raise UsageError(
            f"no logs in folder {str(path)!r}; expected .eval or .json logs, or .parquet or .csv "
            "tables of records"
        )
    return logs or tables


def _json_log(file: Path) -> bool:
    """Whether a JSON file in a folder looks like a log; `eval-set` leaves other JSON beside."""
    with file.open("rb") as stream:
        return _LOG_START.match(stream.read(64)) is not None


def _record_table(file: Path) -> bool:
    try:
        if file.suffix == ".parquet":
            columns = set(pl.read_parquet_schema(file))
        else:
            columns = set(pl.read_csv(file, n_rows=0).columns)
    except (OSError, pl.exceptions.PolarsError):
        return False
    return {"kind", "template", "rater", "outcome"} <= columns


def read_records(
    paths: Sequence[str | Path], *, progress: bool = False, cache: bool = True
) -> LogRecords:
    """Records of all LOGS: those of a folder or file once, retried samples once.

    Of several logs with one `task_id` (a retry, a resumed eval set, a copy) each sample and epoch
    is taken from the newest log that has records of it. Rows of a table that come from a log that
    is read as well are left out. A log named itself that is none is a UsageError; in a folder it
    is noted and passed over. `progress` shows a bar on stderr.
    """
    files = find_logs(paths)
    named = {Path(path).resolve() for path in paths}
    store = LogCache(cache_folder() / "logs" if cache else None)
    logs: list[tuple[LogInfo, LogEntry | None]] = []
    tables: list[tuple[LogInfo, pl.DataFrame]] = []
    for file in _with_progress(files, progress):
        if file.suffix in _TABLE_SUFFIXES:
            table = read_table(file)
            tables.append((LogInfo(path=str(file), kind="table"), table))
            continue
        try:
            entry = _entry(file, store)
            logs.append((_info(file, entry), entry))
        except NotALog as error:
            if file.resolve() in named:
                raise UsageError(f"{str(file)!r} is not an Inspect log: {error}") from None
            logs.append((LogInfo(path=str(file), note=f"passed over: {error}"), None))
    parts = [*newest(logs), *_other_rows(tables, {Path(info.path).name for info, _ in logs})]
    frames = [part for _, part in parts if part.height]
    whole = pl.concat(frames) if frames else pl.DataFrame(schema=SCHEMA)
    return LogRecords(whole, tuple(info for info, _ in parts))


def _with_progress(files: list[Path], show: bool) -> Iterator[Path]:
    """The files, with a bar by bytes on stderr."""
    if not show:
        yield from files
        return
    # Only a person waits for the bar: a plain import stays light.
    from rich.console import Console
    from rich.progress import Progress

    sizes = [file.stat().st_size for file in files]
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"Reading {len(files)} logs", total=sum(sizes))
        for file, size in zip(files, sizes, strict=True):
            yield file
            bar.advance(task, size)


def _entry(file: Path, store: LogCache) -> LogEntry:
    data = file.read_bytes()
    key = content_key(data)
    entry = store.get(key)
    if entry is None:
        entry = _read(read_log(data))
        store.put(key, entry)
    return entry


def _read(log: LogFile) -> LogEntry:
    """All samples and their records, sorted as Inspect sorts samples: by epoch, then id."""
    samples: list[tuple[LogSample, list[Record]]] = []
    unusable = 0
    for sample in log.samples():
        records, bad = _records(sample)
        samples.append((sample, records))
        unusable += bad
    samples.sort(key=lambda pair: (pair[0].epoch, str(pair[0].id).zfill(20)))
    rows = io.BytesIO()
    frame([record for _, records in samples for record in records]).write_parquet(rows)
    header = log.header
    spec = header.eval if header else {}
    return LogEntry(
        task=str(spec.get("task") or ""),
        task_id=str(spec.get("task_id") or ""),
        eval_id=str(spec.get("eval_id") or ""),
        created=str(spec.get("created") or ""),
        status=header.status if header else "",
        expected=header.expected_samples if header else None,
        cut=log.cut,
        damaged=log.damaged,
        unusable=unusable,
        metadata=spec.get("metadata") or {},
        samples=[
            SampleRows(str(sample.id), sample.epoch, len(records), sample.errored)
            for sample, records in samples
        ],
        rows=rows.getvalue(),
    )


def _records(sample: LogSample) -> tuple[list[Record], int]:
    """The sample's measurements, and how many entries are not in the form of one."""
    records: list[Record] = []
    unusable = 0
    where = f"{sample.id}:{sample.epoch}"
    # A log scored again under another install has one scorer under two names: the later counts.
    scores = {name.rsplit("/", 1)[-1]: score for name, score in (sample.scores or {}).items()}
    for name in _SCORERS:
        metadata = scores[name].metadata if name in scores else None
        for raw in _listed((metadata or {}).get("records", msgspec.Raw(b"[]"))):
            try:
                record = msgspec.json.decode(raw, type=Record)
            except msgspec.ValidationError:
                unusable += 1
                continue
            if record.sample_id is None:
                record = msgspec.structs.replace(record, sample_id=where)
            records.append(record)
    return records, unusable


def _listed(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """The entries of a list; anything else is one entry, which will not pass for a record."""
    try:
        return msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.ValidationError:
        return [raw]


def _info(file: Path, entry: LogEntry) -> LogInfo:
    return LogInfo(
        path=str(file),
        task=entry.task,
        task_id=entry.task_id or str(file.resolve()),
        eval_id=entry.eval_id,
        created=entry.created,
        status=entry.status,
        samples=len(entry.samples),
        unusable=entry.unusable,
        metadata=entry.metadata,
    )


def _other_rows(
    tables: list[tuple[LogInfo, pl.DataFrame]], read: set[str]
) -> Iterator[tuple[LogInfo, pl.DataFrame]]:
    """Rows of tables, without those whose log is among the logs read (by file name)."""
    for info, table in tables:
        names = Counter(table["log"].drop_nulls().to_list())
        twice = [name for name in names if Path(name).name in read]
        rows = table.filter(~pl.col("log").is_in(twice) | pl.col("log").is_null())
        left_out = table.height - rows.height
        note = f"{left_out} rows left out: their logs are read as well" if left_out else ""
        yield msgspec.structs.replace(info, rows=rows.height, note=note), rows
