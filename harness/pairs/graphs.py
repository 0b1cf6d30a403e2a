"""Which pairs are asked, and in which order: position balance by construction.

A pair is two different items, unordered. `pairs` chooses pairs of indices 0…n−1; `orders` turns
them into presentations (first, second).
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

__all__ = [
    "ORDERS",
    "Orders",
    "Pair",
    "all_pairs",
    "connected",
    "present",
    "random_pairs",
    "regular_pairs",
]

Pair = tuple[int, int]
Orders = Literal["both", "balanced", "first"]
ORDERS: tuple[Orders, ...] = ("both", "balanced", "first")


def all_pairs(n: int) -> list[Pair]:
    """Every unordered pair of n items: n(n − 1)/2 of them."""
    return [(i, j) for i in range(n) for j in range(i + 1, n)]


def random_pairs(n: int, count: int, rng: np.random.Generator) -> list[Pair]:
    """`count` different pairs, uniformly at random, without listing all of them."""
    total = n * (n - 1) // 2
    if not 0 <= count <= total:
        raise ValueError(f"{count} pairs of {n} items; there are {total}")
    ranks = rng.choice(total, size=count, replace=False, shuffle=True)
    # Row i of the upper triangle starts at rank i·n − i(i+1)/2 − i − 1 + (i + 1) = i(2n − i − 1)/2.
    starts = np.array([i * (2 * n - i - 1) // 2 for i in range(n)])
    rows = np.searchsorted(starts, ranks, side="right") - 1
    columns = ranks - starts[rows] + rows + 1
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def regular_pairs(n: int, degree: int, rng: np.random.Generator) -> list[Pair]:
    """A random graph in which each item stands in `degree` pairs, connected for degree ≥ 2.

    Where n·degree is odd one item, drawn at random, stands in `degree` − 1. With degree ≥ n − 1
    these are all pairs. Pairing model; loops and repeats are mended by random switches.
    """
    if degree < 1:
        raise ValueError(f"degree {degree}; expected at least 1")
    if degree >= n - 1:
        return all_pairs(n)
    while True:
        edges = _paired_stubs(n, degree, rng)
        if edges is not None and (degree == 1 or connected(n, edges)):
            return edges


def _paired_stubs(n: int, degree: int, rng: np.random.Generator) -> list[Pair] | None:
    """One draw of the pairing model, mended; None where the mending did not converge."""
    stubs = rng.permutation(np.repeat(np.arange(n), degree))
    stubs = stubs[: len(stubs) // 2 * 2].reshape(-1, 2)
    edges = [(int(min(a, b)), int(max(a, b))) for a, b in stubs]
    seen: set[Pair] = set()
    bad = []
    for index, edge in enumerate(edges):
        if edge[0] == edge[1] or edge in seen:
            bad.append(index)
        else:
            seen.add(edge)
    pending = set(bad)
    for index in bad:
        if not _switch(index, edges, seen, pending, rng):
            return None
        pending.remove(index)
    return edges


def _switch(
    index: int, edges: list[Pair], seen: set[Pair], pending: set[int], rng: np.random.Generator
) -> bool:
    """Replace the bad edge a–b and a good one c–d by a–c and b–d, so that degrees stay."""
    a, b = edges[index]
    for _ in range(1000):
        other = int(rng.integers(len(edges)))
        if other in pending:
            continue
        c, d = edges[other] if rng.random() < 0.5 else edges[other][::-1]
        new = ((min(a, c), max(a, c)), (min(b, d), max(b, d)))
        if a == c or b == d or new[0] == new[1] or new[0] in seen or new[1] in seen:
            continue
        seen.discard(edges[other])
        seen.update(new)
        edges[index], edges[other] = new
        return True
    return False


def connected(n: int, edges: Sequence[Pair]) -> bool:
    """Whether the pairs tie all n items together."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = np.array(edges).T if edges else (np.zeros(0, int), np.zeros(0, int))
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n, n))
    return int(connected_components(graph, directed=False)[0]) == 1


def present(pairs: Sequence[Pair], orders: Orders, rng: np.random.Generator) -> list[list[Pair]]:
    """The presentations of each pair, as (first, second).

    `both`: two, one in each order. `first`: one, as given. `balanced`: one, such that each item
    stands first as often as second, or once more or less where its number of pairs is odd.
    """
    if orders == "both":
        return [[(a, b), (b, a)] for a, b in pairs]
    if orders == "first":
        return [[(a, b)] for a, b in pairs]
    return [[pair] for pair in _balanced(pairs, rng)]


def _balanced(pairs: Sequence[Pair], rng: np.random.Generator) -> list[Pair]:
    """Orient along Euler circuits, the items of odd degree tied to an extra one: in = out ± 1."""
    extra = -1
    degree: dict[int, int] = {}
    for a, b in pairs:
        degree[a] = degree.get(a, 0) + 1
        degree[b] = degree.get(b, 0) + 1
    edges = [*pairs, *((item, extra) for item, count in degree.items() if count % 2)]
    around: dict[int, list[int]] = {}
    for index in rng.permutation(len(edges)).tolist():
        for end in edges[index]:
            around.setdefault(end, []).append(index)
    oriented: list[Pair | None] = [None] * len(edges)
    for start in around:
        at = start
        # Every vertex has even degree, so a walk that cannot go on has closed at its start.
        while (index := _unused(around[at], oriented)) is not None:
            a, b = edges[index]
            oriented[index] = (at, b if at == a else a)
            at = b if at == a else a
    return [pair for pair in oriented[: len(pairs)] if pair is not None]


def _unused(indices: list[int], oriented: Sequence[Pair | None]) -> int | None:
    while indices:
        index = indices.pop()
        if oriented[index] is None:
            return index
    return None
