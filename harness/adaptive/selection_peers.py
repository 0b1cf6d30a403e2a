"""The rules that `rank_optimal` is measured against, and random pairs for the reserve."""

from collections.abc import Callable

import numpy as np

from harness.adaptive.selection import Rule, State, orient, pair_keys, rank_optimal
from harness.stats.thurstone.comparisons import FloatArray, IntArray

__all__ = ["RULES", "lowest_gap_and_degree", "random_pairs", "random_regular", "swiss"]

ENUMERATE_UP_TO = 2000
"""Above this many items, all pairs are never listed: a sample of them stands in."""
SAMPLED_PAIRS = 1_000_000


def random_regular(state: State, count: int, rng: np.random.Generator) -> IntArray:
    """Random new pairs that keep the items' numbers of comparisons as even as can be."""
    return _by_order(state, count, rng, lambda degree: degree + rng.uniform(0, 0.99, len(degree)))


def swiss(state: State, count: int, rng: np.random.Generator) -> IntArray:
    """Each round pairs neighbours in the current ranking that have not met."""
    utilities = state.utilities
    jitter = 1e-9 + 0.05 * float(np.std(utilities))
    return _by_order(
        state, count, rng, lambda degree: utilities + rng.normal(0, jitter, len(degree))
    )


def lowest_gap_and_degree(
    state: State, count: int, rng: np.random.Generator, *, gap: float = 0.1, degree: float = 0.2
) -> IntArray:
    """The published rule: at random among the new pairs that are in the lowest `gap` share by
    |Δμ| and in the lowest `degree` share by the items' summed numbers of comparisons; both shares
    widen until there are enough."""
    pairs = _new_pairs(state, rng)
    if len(pairs) <= count:
        return orient(pairs, state.excess(), rng)
    i, j = pairs.T
    apart = np.abs(state.utilities[i] - state.utilities[j])
    degrees = state.degrees()
    load = degrees[i] + degrees[j]
    while True:
        near = apart <= np.quantile(apart, min(gap, 1.0))
        light = load <= np.quantile(load, min(degree, 1.0))
        pool = np.flatnonzero(near & light)
        if len(pool) >= count:
            break
        gap, degree = gap * 1.5, degree * 1.5
    return orient(pairs[rng.choice(pool, count, replace=False)], state.excess(), rng)


def random_pairs(state: State, count: int, rng: np.random.Generator) -> IntArray:
    """New pairs uniformly at random: the reserve."""
    n, asked = state.n, set(state.keys().tolist())
    chosen: dict[int, None] = {}
    tries = 0
    while len(chosen) < count and tries < 50:
        a, b = rng.integers(0, n, (2, 2 * count + 8))
        for key in pair_keys(a, b, n)[a != b].tolist():
            if key not in asked and len(chosen) < count:
                chosen[key] = None
        tries += 1
    keys = np.array(list(chosen), dtype=np.int64)
    return orient(np.stack([keys // n, keys % n], axis=1), state.excess(), rng)


def _new_pairs(state: State, rng: np.random.Generator) -> IntArray:
    n = state.n
    if n <= ENUMERATE_UP_TO:
        a, b = np.triu_indices(n, 1)
        keys = pair_keys(a, b, n)
    else:
        a, b = rng.integers(0, n, (2, SAMPLED_PAIRS))
        keys = np.unique(pair_keys(a, b, n)[a != b])
    keys = keys[~np.isin(keys, state.keys(), assume_unique=True)]
    return np.stack([keys // n, keys % n], axis=1)


def _by_order(
    state: State,
    count: int,
    rng: np.random.Generator,
    sort_key: Callable[[FloatArray], FloatArray],
) -> IntArray:
    """Sort the items, pair each with the next one down that it has not met, repeat."""
    asked = set(state.keys().tolist())
    degree = state.degrees()
    rows: list[tuple[int, int]] = []
    while len(rows) < count:
        order = np.argsort(sort_key(degree), kind="stable")
        before = len(rows)
        for i, j in _pair_down(order.astype(np.int64), asked, state.n):
            if len(rows) == count:
                break
            rows.append((i, j))
            asked.add(min(i, j) * state.n + max(i, j))
            degree[i] += 1
            degree[j] += 1
        if len(rows) == before:
            break
    pairs = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return orient(pairs, state.excess(), rng)


def _pair_down(order: IntArray, asked: set[int], n: int) -> list[tuple[int, int]]:
    waiting = order.tolist()
    pairs = []
    while len(waiting) > 1:
        i = waiting.pop(0)
        for at, j in enumerate(waiting[:50]):
            if min(i, j) * n + max(i, j) not in asked:
                pairs.append((i, waiting.pop(at)))
                break
    return pairs


RULES: dict[str, Rule] = {
    "rank-optimal": rank_optimal,
    "lowest-gap-and-degree": lowest_gap_and_degree,
    "random-regular": random_regular,
    "swiss": swiss,
}
