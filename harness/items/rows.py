"""Rows of a JSON, JSONL or CSV file, each with the place it stands at."""

from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import UsageError
from harness.items.delimited import decoded, delimited
from harness.trees import json_tree

__all__ = ["Row", "read_rows"]


class Row(msgspec.Struct, frozen=True):
    """One record of a file: `index` counts from 0, `place` names file and line for errors."""

    index: int
    place: str
    fields: dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """All records of `path`, by its ending: .json (a list, or lines), .jsonl, .csv or .tsv.

    Lines end at "\\n" alone: U+2028 and its like are ordinary characters inside a prompt. A BOM
    is dropped. A file without a record is a `UsageError`.
    """
    if not path.is_file():
        raise UsageError(f"no items file at {path}")
    suffix = path.suffix.lower()
    readers = {".json": _json, ".jsonl": _lines, ".csv": _csv, ".tsv": _csv}
    if suffix not in readers:
        raise UsageError(
            f"items file {path}: unknown ending {suffix!r}; expected .jsonl, .csv, .tsv, .json"
        )
    rows = list(readers[suffix](path, decoded(path)))
    if not rows:
        raise UsageError(f"items file {path} is empty")
    return rows


def _lines(path: Path, text: str) -> Iterator[Row]:
    index = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            fields = json_tree(line)
        except ValueError as error:
            raise UsageError(f"{place}: not JSON ({getattr(error, 'msg', error)})") from None
        yield _row(index, place, fields)
        index += 1


def _json(path: Path, text: str) -> Iterator[Row]:
    if not text.lstrip().startswith("["):
        yield from _lines(path, text)
        return
    try:
        records = json_tree(text)
    except ValueError as error:
        place = f"{path}, line {error.lineno}" if isinstance(error, JSONDecodeError) else f"{path}"
        raise UsageError(f"{place}: not JSON ({getattr(error, 'msg', error)})") from None
    for index, fields in enumerate(records):
        yield _row(index, f"{path}, record {index}", fields)


def _row(index: int, place: str, fields: object) -> Row:
    if not isinstance(fields, dict):
        raise UsageError(f"{place}: expected an object with fields, got {type(fields).__name__}")
    return Row(index, place, fields)


def _csv(path: Path, text: str) -> Iterator[Row]:
    table = delimited(path, text)
    for index, (line, values) in enumerate(table.rows):
        fields = dict(zip(table.header, values, strict=True))
        yield Row(index, f"{path}, line {line}", fields)
