"""Delimited text files as people and programs write them: CSV in its dialects, and TSV."""

import codecs
import csv
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from harness.errors import UsageError
from harness.items.formulas import restored

__all__ = ["Delimited", "decoded", "delimited"]

_SEPARATORS = (",", ";", "\t", "|")
"""Tried on the header, in this order where two fit it alike."""

_LONGEST = 2**31 - 1
"""Characters of a field: csv's own limit of 131 072 is less than one long answer of a model."""

_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
"""Spreadsheets save "Unicode text" as UTF-16."""


@dataclass(frozen=True)
class Delimited:
    """`header` as it stands there but for blanks around names, () in a file without a line.

    `rows` yields the line on which a record begins, counted from 1, and its fields: as many as
    the header has, without the apostrophe of `formulas`. Lines without anything in them are
    passed over and counted.
    """

    header: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]


def decoded(path: Path, *, first: int = -1) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its mark; UsageError for any other.

    `first` limits it to so many bytes, for a look at the header.
    """
    with path.open("rb") as file:
        data = file.read(first)
        whole = not file.read(1)
    encoding = next((name for mark, name in _BOMS.items() if data.startswith(mark)), "utf-8")
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final=whole)
    except UnicodeDecodeError as error:
        name = encoding.removesuffix("-sig").upper()
        raise UsageError(f"{path} is not {name} (byte {error.start})") from None


def delimited(
    path: Path, text: str, *, names: Collection[str] = (), trim: bool = False
) -> Delimited:
    """The records of `text`, which was read from `path`.

    The separator is the one of comma, semicolon, tab and bar under which the header has most of
    `names` (in lower case), then most fields; a first line `sep=;` names it. `trim` drops blanks
    after a separator. UsageError for a line with more or fewer fields than the header, where more
    than empty ones are too many, and for a quote that is never closed.
    """
    csv.field_size_limit(_LONGEST)
    start, named = _named_separator(text)
    head = _header_line(text, start)
    separator = named or _separator(head, names, path.suffix.lower())
    records = _records(path, text, separator, trim=trim, skip=start)
    header = tuple(restored(name.strip()) for name in next(records, (0, []))[1])
    return Delimited(header, _even(path, records, len(header)))


def _named_separator(text: str) -> tuple[int, str]:
    """How many lines stand before the header, and the separator they name."""
    first = text[:20].split("\n", 1)[0].strip("\r")
    if first.lower().startswith("sep=") and len(first) == 5:
        return 1, first[4]
    return 0, ""


def _header_line(text: str, skip: int) -> str:
    lines = io.StringIO(text, newline="")
    for number, line in enumerate(lines):
        if number >= skip and line.strip():
            return line.strip("\r\n")
    return ""


def _separator(head: str, names: Collection[str], suffix: str) -> str:
    order = sorted(_SEPARATORS, key=lambda one: one != "\t") if suffix == ".tsv" else _SEPARATORS

    def fit(separator: str) -> tuple[int, int]:
        fields = next(csv.reader([head], delimiter=separator), [])
        return sum(field.strip().lower() in names for field in fields), len(fields)

    return max(order, key=fit)


def _records(
    path: Path, text: str, separator: str, *, trim: bool, skip: int
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=trim)
    ended = 0
    held: tuple[int, list[str]] | None = None
    for values in reader:
        begins, ended = ended + 1, reader.line_num
        if begins <= skip or not any(value and not value.isspace() for value in values):
            continue
        if held:
            yield held
        held = begins, values
    if held:
        # Only the last record can be the rest of the file after a quote.
        _closed(path, text, held[0], separator)
        yield held


def _closed(path: Path, text: str, line: int, separator: str) -> None:
    """UsageError where a record is the rest of the file after a quote that is never closed."""
    rest = islice(io.StringIO(text, newline=""), line - 1, None)
    try:
        for _ in csv.reader(rest, delimiter=separator, strict=True):
            pass
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise UsageError(f"{path}, line {line}: a quote that is never closed") from None


def _even(
    path: Path, records: Iterator[tuple[int, list[str]]], width: int
) -> Iterator[tuple[int, list[str]]]:
    for line, values in records:
        if len(values) > width and not any(value.strip() for value in values[width:]):
            del values[width:]
        if len(values) != width:
            raise UsageError(f"{path}, line {line}: {len(values)} fields; the header has {width}")
        yield line, [restored(value) for value in values]
