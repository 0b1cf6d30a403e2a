"""Pairs of items from a CSV file."""

from collections.abc import Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.items.delimited import decoded, delimited
from harness.pairs.graphs import Pair

__all__ = ["read_pairs"]

_NAMES = ("first", "second")


def read_pairs(path: Path, items: Sequence[str]) -> list[Pair]:
    """Index pairs from a CSV with columns `first` and `second` that hold item ids.

    UsageError, with the line, for missing columns, an id that is not among `items`, an item
    paired with itself, or a file without pairs.
    """
    index = {item: position for position, item in enumerate(items)}
    table = delimited(path, decoded(path), names=_NAMES, trim=True)
    folded = [name.lower() for name in table.header]
    if not set(_NAMES) <= set(folded):
        raise UsageError(
            f"{path} has the columns {', '.join(table.header) or 'none'}; expected first,second"
        )
    columns = [folded.index(name) for name in _NAMES]
    pairs: list[Pair] = []
    for line, values in table.rows:
        names = [values[column].strip() for column in columns]
        for name in names:
            if name not in index:
                raise UsageError(
                    f"{path}, line {line}: unknown item {name!r}; "
                    f"this run has {len(items)} items ({', '.join(items[:3])}, …)"
                )
        if names[0] == names[1]:
            raise UsageError(f"{path}, line {line}: {names[0]!r} paired with itself")
        pairs.append((index[names[0]], index[names[1]]))
    if not pairs:
        raise UsageError(f"{path} holds no pairs")
    return pairs
