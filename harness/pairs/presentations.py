"""Which pairs of a run's items are shown, in which orders."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.errors import UsageError
from harness.pairs.files import read_pairs
from harness.pairs.graphs import Orders, all_pairs, present, random_pairs, regular_pairs

__all__ = ["Shown", "pair_name", "presentations"]

Shown = tuple[str, str, int]
"""First item, second item, and the occurrence: how often this presentation was asked before."""


def presentations(
    spec: str, items: Sequence[str], *, orders: Orders, seed: int, base: Path, task: str
) -> list[list[Shown]]:
    """(first, second, occurrence) of each pair, in every order it is asked in.

    `spec` is the option `pairs` of `task`, `items` are ids; a CSV file is looked for under `base`.
    """
    rng = np.random.default_rng(seed)
    pairs = _pairs(spec, items, rng, base=base, task=task)
    seen: dict[tuple[str, str], int] = {}
    found = []
    for ordered in present(pairs, orders, rng):
        shown = []
        for first, second in ordered:
            names = (items[first], items[second])
            shown.append((*names, seen.get(names, 0)))
            seen[names] = seen.get(names, 0) + 1
        found.append(shown)
    return found


def _pairs(
    spec: str, items: Sequence[str], rng: np.random.Generator, *, base: Path, task: str
) -> list[tuple[int, int]]:
    name, _, number = spec.partition(":")
    if spec == "all":
        return all_pairs(len(items))
    if name in ("regular", "random") and number.isdigit() and int(number) > 0:
        most = len(items) * (len(items) - 1) // 2
        if name == "regular":
            return regular_pairs(len(items), int(number), rng)
        if int(number) > most:
            raise UsageError(f"pairs={spec} of {task}; {len(items)} items have only {most} pairs")
        return random_pairs(len(items), int(number), rng)
    path = base / Path(spec).expanduser()
    if not path.is_file():
        raise UsageError(
            f"pairs={spec!r} of {task}; expected regular:D, random:N, all or a CSV file "
            f"(looked for {path})"
        )
    return read_pairs(path, items)


def pair_name(pair: Sequence[Shown]) -> str:
    """A pair as a sample's id names it."""
    first, second, occurrence = pair[0]
    again = f" #{occurrence + 1}" if occurrence else ""
    return f"{first} vs {second}{again}"
