"""Which pairs of a run's items are shown, in which orders."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np

from harness.errors import UsageError
from harness.pairs.files import read_pairs
from harness.pairs.graphs import Orders, all_pairs, present, random_pairs, regular_pairs
from harness.pairs.winners import winner_pairs

__all__ = ["Shown", "pair_name", "presentations"]

Shown = tuple[str, str, int]
"""First item, second item, and the occurrence: how often this presentation was asked before."""


def presentations(
    spec: str,
    items: Sequence[str],
    *,
    orders: Orders,
    seed: int,
    base: Path,
    task: str,
    origins: Sequence[str] = (),
) -> list[list[Shown]]:
    """(first, second, occurrence) of each pair, in every order it is asked in.

    `spec` is the option `pairs` of `task`, `items` are ids; `regular:D@S` and its like draw
    other pairs for each S. A CSV file is looked for under `base`.
    `origins` has one an item, for `origins:N`.
    """
    rng = np.random.default_rng(seed)
    pairs = _pairs(spec, items, rng, base=base, task=task, origins=origins)
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
    spec: str,
    items: Sequence[str],
    rng: np.random.Generator,
    *,
    base: Path,
    task: str,
    origins: Sequence[str],
) -> list[tuple[int, int]]:
    name, _, number = spec.partition(":")
    if name == "won":
        return _won(number, items, rng, base=base, task=task)
    number, _, other = number.partition("@")
    if other.isdigit():
        # Drawn from the same run's generator: its orders differ with the pairs.
        rng = np.random.default_rng((int(rng.integers(2**32)), int(other)))
    if spec == "all":
        return all_pairs(len(items))
    if name in ("regular", "random") and number.isdigit() and int(number) > 0:
        most = len(items) * (len(items) - 1) // 2
        if name == "regular":
            return regular_pairs(len(items), int(number), rng)
        if int(number) > most:
            raise UsageError(f"pairs={spec} of {task}; {len(items)} items have only {most} pairs")
        return random_pairs(len(items), int(number), rng)
    if name == "origins" and number.isdigit() and int(number) > 0:
        return _by_origin(origins or [""] * len(items), int(number), rng)
    path = base / Path(spec).expanduser()
    if not path.is_file():
        raise UsageError(
            f"pairs={spec!r} of {task}; expected regular:D, random:N, origins:N, "
            f"won:N:LOGS, all or a CSV file "
            f"(looked for {path})"
        )
    return read_pairs(path, items)


def _won(
    rest: str, items: Sequence[str], rng: np.random.Generator, *, base: Path, task: str
) -> list[tuple[int, int]]:
    number, _, logs = rest.partition(":")
    path = base / Path(logs).expanduser()
    if not number.isdigit() or int(number) < 1 or not logs:
        raise UsageError(f"pairs='won:{rest}' of {task}; expected won:N:LOGS")
    return winner_pairs(path, items, int(number), rng)


def _by_origin(
    origins: Sequence[str], count: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """`count` pairs, or all there are, of each two origins and within each, at random."""
    places: dict[str, list[int]] = {}
    for index, origin in enumerate(origins):
        places.setdefault(origin, []).append(index)
    found: list[tuple[int, int]] = []
    for one, two in combinations_with_replacement(sorted(places), 2):
        here, there = places[one], places[two]
        if one == two:
            most = len(here) * (len(here) - 1) // 2
            drawn = random_pairs(len(here), min(count, most), rng)
            found += [(here[a], here[b]) for a, b in drawn]
        else:
            most = len(here) * len(there)
            ranks = rng.choice(most, size=min(count, most), replace=False).tolist()
            found += [(here[rank // len(there)], there[rank % len(there)]) for rank in ranks]
    return found


def pair_name(pair: Sequence[Shown]) -> str:
    """A pair as a sample's id names it."""
    first, second, occurrence = pair[0]
    again = f" #{occurrence + 1}" if occurrence else ""
    return f"{first} vs {second}{again}"
