"""Pairs of items from a CSV file."""

import csv
from collections.abc import Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.pairs.graphs import Pair

__all__ = ["read_pairs"]


def read_pairs(path: Path, items: Sequence[str]) -> list[Pair]:
    """Index pairs from a CSV with columns `first` and `second` that hold item ids.

    UsageError, with the line, for missing columns, an id that is not among `items`, an item
    paired with itself, or a file without pairs.
    """
    index = {item: position for position, item in enumerate(items)}
    pairs: list[Pair] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"first", "second"} <= set(rows.fieldnames or ()):
            raise UsageError(
                f"{path} has the columns {', '.join(rows.fieldnames or ()) or 'none'}; "
                "expected first,second"
            )
        for row in rows:
            names = ((row["first"] or "").strip(), (row["second"] or "").strip())
            for name in names:
                if name not in index:
                    raise UsageError(
                        f"{path}, line {rows.line_num}: unknown item {name!r}; "
                        f"this run has {len(items)} items ({', '.join(items[:3])}, …)"
                    )
            if names[0] == names[1]:
                raise UsageError(f"{path}, line {rows.line_num}: {names[0]!r} paired with itself")
            pairs.append((index[names[0]], index[names[1]]))
    if not pairs:
        raise UsageError(f"{path} holds no pairs")
    return pairs
