"""Which pairs of a run's items are shown, in which orders."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.errors import UsageError
from harness.items.item import Item
from harness.measuring.options import ChoiceOptions
from harness.pairs.files import read_pairs
from harness.pairs.graphs import all_pairs, present, random_pairs, regular_pairs
from harness.where import SHELL_DIRECTORY

__all__ = ["Shown", "pair_name", "presentations"]

Shown = tuple[str, str, int]


def presentations(options: ChoiceOptions, items: Sequence[Item], *, task: str) -> list[list[Shown]]:
    """(first, second, occurrence) of each pair, in every order it is asked in."""
    rng = np.random.default_rng(options.sample_seed)
    pairs = _pairs(options.pairs, items, rng, task=task)
    seen: dict[tuple[str, str], int] = {}
    found = []
    for orders in present(pairs, options.orders, rng):
        shown = []
        for first, second in orders:
            names = (items[first].id, items[second].id)
            shown.append((*names, seen.get(names, 0)))
            seen[names] = seen.get(names, 0) + 1
        found.append(shown)
    return found


def _pairs(
    spec: str, items: Sequence[Item], rng: np.random.Generator, *, task: str
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
    path = SHELL_DIRECTORY / Path(spec).expanduser()
    if not path.is_file():
        raise UsageError(
            f"pairs={spec!r} of {task}; expected regular:D, random:N, all or a CSV file "
            f"(looked for {path})"
        )
    return read_pairs(path, [item.id for item in items])


def pair_name(pair: Sequence[Shown]) -> str:
    first, second, occurrence = pair[0]
    again = f" #{occurrence + 1}" if occurrence else ""
    return f"{first} vs {second}{again}"
