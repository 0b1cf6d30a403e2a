"""From LOGS to the record table.

LOGS is a file, a folder or several of either: Inspect logs (`.eval`, `.json`), or tables of
records (`.parquet`, `.csv`, `.tsv`). A folder is searched for logs; only one that holds none is
searched for tables, so that a table exported beside its logs is not read a second time.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
import polars as pl

from harness.errors import UsageError
from harness.records.files import read_table
from harness.records.judgement import (
    JUDGEMENT_SCHEMA,
    RULE,
    Judgement,
    joined,
    judgement_frame,
)
from harness.records.log_cache import LogCache, LogEntry, SampleRows, cache_folder, content_key
from harness.records.log_file import LogFile, LogSample, NotALog, read_log
from harness.records.log_runs import LogInfo, newest
from harness.records.record import DRAWN_IN_ID, SCHEMA, Record, frame
from harness.records.row_checks import REQUIRED
from harness.records.scored import Scored, scored
from harness.records.served import served_notes
from harness.records.sheet import TABLE_SUFFIXES, sheet_columns

__all__ = ["LogInfo", "LogRecords", "find_logs", "read_records"]

_LOG_SUFFIXES = (".eval", ".json")
_LOG_START = re.compile(rb'\s*\{\s*"(?:version|status|eval)"')
"""How Inspect's JSON logs begin; the listing of an eval set begins with a log's name."""

Row = TypeVar("Row", Record, Judgement)


@dataclass(frozen=True)
class LogRecords:
    """The record table (columns of `harness.records.record.SCHEMA`), what judges said of the
    completions (`harness.records.judgement.JUDGEMENT_SCHEMA`), and what became of each log.

    The records' own columns about completions are those of the judge that was asked for.
    """

    frame: pl.DataFrame
    logs: tuple[LogInfo, ...] = field(default=())
    judgements: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=JUDGEMENT_SCHEMA))

    def notes(self) -> list[str]:
        """One line for each log with something to say, and each cell that several endpoints
        served."""
        said = [f"{log.path}: {log.note}" for log in self.logs if log.note]
        return said + served_notes(self.frame)


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
        if path.suffix.lower() not in _LOG_SUFFIXES + TABLE_SUFFIXES:
            raise UsageError(
                f"cannot read {str(path)!r}; expected an Inspect log (.eval, .json) or a table "
                "of records (.parquet, .csv, .tsv)"
            )
        return [path]
    if not path.is_dir():
        raise UsageError(f"no log or folder {str(path)!r} (looked in {Path.cwd()})")
    files = sorted(file for file in path.rglob("*") if file.is_file())
    logs = [f for f in files if f.suffix == ".eval" or (f.suffix == ".json" and _json_log(f))]
    tables = [f for f in files if f.suffix.lower() in TABLE_SUFFIXES and _record_table(f)]
    if not logs and not tables:
        raise UsageError(
            f"no logs in folder {str(path)!r}; expected .eval or .json logs, or .parquet, .csv or "
            ".tsv tables of records"
        )
    return logs or tables


def _json_log(file: Path) -> bool:
    """Whether a JSON file in a folder looks like a log; `eval-set` leaves other JSON beside."""
    with file.open("rb") as stream:
        return _LOG_START.match(stream.read(64)) is not None


def _record_table(file: Path) -> bool:
    return set(REQUIRED) <= set(sheet_columns(file))


def read_records(
    paths: Sequence[str | Path],
    *,
    progress: bool = False,
    cache: bool = True,
    judge: str = RULE,
    rules_only: bool = False,
) -> LogRecords:
    """Records of all LOGS: those of a folder or file once, retried samples once.

    Of several logs with one `task_id` (a retry, a resumed eval set, a copy) each sample and epoch
    is taken from the newest log that has records of it. Rows of a table that come from a log that
    is read as well are left out. A log named itself that is none is a UsageError; in a folder it
    is noted and passed over. `progress` shows a bar on stderr. `judge` names whose judgements say
    what a completion is; `rules_only` takes answers that a judge has read as the rules left them.
    """
    files = find_logs(paths)
    named = {Path(path).resolve() for path in paths}
    store = LogCache(cache_folder() / "logs" if cache else None)
    logs: list[tuple[LogInfo, LogEntry | None]] = []
    tables: list[tuple[LogInfo, pl.DataFrame]] = []
    for file in _with_progress(files, progress):
        if file.suffix.lower() in TABLE_SUFFIXES:
            table = read_table(file)
            tables.append((LogInfo(path=str(file), kind="table"), table))
            continue
        try:
            entry = _entry(file, store)
            logs.append((_info(file, entry), entry))
        except NotALog as error:
            if file.resolve() in named:
                raise UsageError(f"{str(file)!r} is not an Inspect log: {error}") from None
            logs.append(
                (LogInfo(path=str(file), passed_over=True, note=f"passed over: {error}"), None)
            )
    parts = [*newest(logs), *_other_rows(tables, {Path(info.path).name for info, _ in logs})]
    frames = [part for _, part in parts if part.height]
    whole = pl.concat(frames) if frames else pl.DataFrame(schema=SCHEMA)
    if rules_only:
        whole = _by_rules(whole)
    judged = _judgements(logs)
    return LogRecords(joined(whole, judged, judge=judge), tuple(i for i, _ in parts), judged)


def _judgements(logs: Sequence[tuple[LogInfo, LogEntry | None]]) -> pl.DataFrame:
    """What the logs' judges said, each judge's verdict on a text once a repeat: the newest."""
    newest_first = sorted(logs, key=lambda log: (log[0].created, log[0].path), reverse=True)
    frames = [
        pl.read_parquet(io.BytesIO(entry.judgements)).with_columns(
            log=pl.col("log").fill_null(info.path)
        )
        for info, entry in newest_first
        if entry is not None
    ]
    key = ["judge", "judge_identity", "wording_hash", "kind", "subject", "repeat", "item"]
    whole = pl.concat(frames) if frames else pl.DataFrame(schema=JUDGEMENT_SCHEMA)
    return whole.unique(key, keep="first", maintain_order=True)


_READ = ("answer", "value", "normalised", "choice", "p_first", "read_by")
"""Columns that a judge's reading of an answer fills."""


def _by_rules(records: pl.DataFrame) -> pl.DataFrame:
    """The records, those that a judge has read as invalid: counted, and without a value."""
    read = pl.col("read_by").is_not_null()
    return records.with_columns(
        outcome=pl.when(read).then(pl.lit("invalid")).otherwise(pl.col("outcome")),
        **{name: pl.when(~read).then(pl.col(name)) for name in _READ},
    )


def _with_progress(files: list[Path], show: bool) -> Iterator[Path]:
    """The files, with a bar by bytes on stderr."""
    if not show:
        yield from files
        return
    # Only a person waits for the bar: a plain import stays light.
    from rich.progress import Progress

    from harness.screen import Console

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
    header = log.header
    spec = header.eval if header else {}
    metadata = spec.get("metadata") or {}
    samples = [(sample, _scored(sample)) for sample in log.samples()]
    if "campaign" in metadata:
        for sample, found in samples:
            found.records = [_drawn(record, str(sample.id)) for record in found.records]
    samples.sort(key=lambda pair: (pair[0].epoch, str(pair[0].id).zfill(20)))
    rows, verdicts = io.BytesIO(), io.BytesIO()
    frame([record for _, found in samples for record in found.records]).write_parquet(rows)
    judged = [judgement for _, found in samples for judgement in found.judgements]
    judgement_frame(judged).write_parquet(verdicts)
    return LogEntry(
        task=str(spec.get("task") or ""),
        task_id=str(spec.get("task_id") or ""),
        eval_id=str(spec.get("eval_id") or ""),
        created=str(spec.get("created") or ""),
        status=header.status if header else "",
        expected=header.expected_samples if header else None,
        cut=log.cut,
        damaged=log.damaged,
        unusable=sum(found.unusable for _, found in samples),
        metadata=metadata,
        samples=[
            SampleRows(str(sample.id), sample.epoch, len(found.records), sample.errored)
            for sample, found in samples
        ],
        rows=rows.getvalue(),
        judgements=verdicts.getvalue(),
    )


def _scored(sample: LogSample) -> Scored:
    """The sample's rows, each with the sample's name."""
    where = f"{sample.id}:{sample.epoch}"
    found = scored({name: score.metadata for name, score in (sample.scores or {}).items()})
    found.records = [_added(_named(record, where)) for record in found.records]
    found.judgements = [_named(judgement, where) for judgement in found.judgements]
    return found


def _named(row: Row, where: str) -> Row:
    return row if row.sample_id is not None else msgspec.structs.replace(row, sample_id=where)


def _added(record: Record) -> Record:
    """The record with what was done to the activations; adding was once all there was."""
    if record.vector is None or record.operation is not None:
        return record
    return msgspec.structs.replace(record, operation="add")


def _drawn(record: Record, sample_id: str) -> Record:
    """The record with how its pair was drawn, which once only the sample's id said."""
    told = re.match(DRAWN_IN_ID, sample_id)
    if record.drawn is not None or told is None:
        return record
    return msgspec.structs.replace(record, drawn=told[1])


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
