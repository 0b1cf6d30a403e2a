"""Part of what was read: the records that have the values asked for."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from harness.errors import UsageError
from harness.records.logs import LogRecords
from harness.records.pooling import IDENTITY

__all__ = ["only"]


def only(read: LogRecords, wanted: Sequence[str]) -> LogRecords:
    """The records that have all the values in `wanted`, each COLUMN=VALUE.

    Several values of one column are alternatives. Logs without any record left are left out, those
    that had none before stay; judgements stay where a record left is about their text. UsageError
    for a column that tells no cells apart, or a value that no record has.
    """
    if not wanted:
        return read
    values: dict[str, list[str]] = {}
    for one in wanted:
        name, equals, value = one.partition("=")
        if not equals or name not in IDENTITY:
            raise UsageError(
                f"cannot take only {one!r}; expected COLUMN=VALUE with one of {', '.join(IDENTITY)}"
            )
        values.setdefault(name, []).append(value)
    frame = read.frame
    for name, alternatives in values.items():
        column = pl.col(name).cast(pl.String)
        known = read.frame.select(column).to_series().drop_nulls().unique().sort().to_list()
        for value in alternatives:
            if value not in known:
                raise UsageError(
                    f"no record has {name}={value}; these have {', '.join(known) or 'none'}"
                )
        frame = frame.filter(column.is_in(alternatives))
    if not frame.height:
        raise UsageError(f"no record has {' and '.join(wanted)}")
    return _parts(read, frame) if values else read


def _parts(read: LogRecords, frame: pl.DataFrame) -> LogRecords:
    left = set(frame["log"].drop_nulls().to_list())
    tasks = {log.task_id for log in read.logs if log.path in left and log.task_id}
    logs = tuple(
        log
        for log in read.logs
        if not log.rows or log.kind == "table" or log.path in left or log.task_id in tasks
    )
    texts = frame["completion_hash"].drop_nulls().str.split("+").explode()
    replies = frame["reply_hash"].drop_nulls()
    about = pl.concat([texts, replies]).unique().to_list()
    judgements = read.judgements.filter(pl.col("subject").is_in(about))
    return replace(read, frame=frame, logs=logs, judgements=judgements)
