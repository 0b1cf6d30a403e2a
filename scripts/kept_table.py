"""A table that is kept in the repository and that a test sets beside what the code says now."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["read_kept", "write_kept"]


def write_kept(file: Path, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write the table, and say how many rows it has."""
    kept = list(rows)
    with file.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream, lineterminator="\n")
        out.writerow(head)
        out.writerows(kept)
    print(f"{file.name}: {len(kept)} rows")


def read_kept(file: Path, head: Sequence[str]) -> list[tuple[str, ...]]:
    """Its rows; ValueError where it has other columns."""
    with file.open(encoding="utf-8", newline="") as stream:
        found, *rows = csv.reader(stream)
    if tuple(found) != tuple(head):
        raise ValueError(f"{file.name} has columns {found}, expected {list(head)}")
    return [tuple(row) for row in rows]
