"""The comparison graph: which items are tied together, and whether maximum likelihood is finite."""

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh, eigvalsh_tridiagonal
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh

from harness.stats.thurstone.comparisons import Comparisons, FloatArray, IntArray, sums

__all__ = [
    "between_parts",
    "bottleneck",
    "bridges",
    "components",
    "large_components",
    "one_sided",
    "slow_modes",
    "unbeaten_set",
]

WEAK = 0.1
"""Connectivity below which parts hang together loosely: five groups with a twentieth of the pairs
between them have .05, adaptive campaigns .3 and more."""
OF_RANDOM = 0.5
"""And below this share of a random graph's of the same density: thin graphs are weak everywhere."""
FEWEST = 5
"""Items that a slow mode rests on at least: fewer are items of few comparisons, not parts."""
MODES = 8
"""At most so many slow modes are looked for."""
STEEPEST = 50.0
"""Largest ratio of the modes' prior variances: a chain's first wave has about 36 of its sixth."""
DENSE = 60
"""Items up to which the whole eigenvalue problem is as cheap as a few of its largest."""

STEPS, BELOW = 24, 0.18
"""Lanczos's steps that may say at once that parts hang together well, and ε (`_surely_tied`)."""


def components(data: Comparisons) -> tuple[int, IntArray]:
    """Number of connected components, and each item's component, (n,). Utilities of different
    components are comparable through the prior alone."""
    weight = data.wins + data.losses
    graph = coo_array((weight, (data.first, data.second)), shape=(data.n, data.n))
    count, label = connected_components(graph, directed=False)
    return int(count), label.astype(np.int64)


def bottleneck(data: Comparisons) -> float | None:
    """The algebraic connectivity (second eigenvalue of the normalised Laplacian, one a pair) where
    parts of the graph hang together by few pairs; None where they do not, and where the graph has
    several components.

    The measure is a random regular graph's, 1 − 2·sqrt(d − 1)/d with d opponents an item (Friedman
    2008). Components of fewer than `FEWEST` items are left out: an item that is always refused
    must not hide that the others hang together loosely.
    """
    tied = _connected(data)
    return None if tied is None else _bottleneck(tied)


def bridges(data: Comparisons) -> int | None:
    """Pairs asked between the two sides into which the slowest mode of a graph with a `bottleneck`
    parts the items; None where there is no bottleneck."""
    tied = _connected(data)
    if tied is None or _bottleneck(tied) is None:
        return None
    _, vectors = _largest(tied, 2)
    side = vectors[:, 1] > 0
    return int(tied[side][:, ~side].nnz)


def _connected(data: Comparisons) -> csr_array | None:
    """The normalised adjacency of the one component that has `FEWEST` items or more."""
    if data.n < 3:
        return None
    count, label = components(data)
    adjacency, met = _normalised(data)
    if count > 1:
        if large_components(label) != 1:
            return None
        kept = label[met] == np.argmax(np.bincount(label))
        adjacency = adjacency[kept][:, kept]
    return adjacency


def large_components(label: IntArray) -> int:
    """Number of components, given each item's, that have `FEWEST` items or more."""
    return int((np.bincount(label) >= FEWEST).sum())


def _bottleneck(adjacency: csr_array) -> float | None:
    """The same of a connected graph."""
    if _surely_tied(adjacency):
        return None
    second = float(1 - _largest(adjacency, 2, 1e-2)[0][1])
    return second if second < WEAK and second < _loose(adjacency) else None


def slow_modes(data: Comparisons) -> FloatArray | None:
    """(n, K) the contrasts between parts of the graph that few comparisons see, or none, or no
    path at all; a column's mean square is as 1 to its eigenvalue, and 1 for the largest of these.
    None where the graph hangs together.

    They are the eigenvectors of the normalised Laplacian whose eigenvalues are below half of what
    a random graph of the density has: for groups with few bridges about the groups' indicators,
    for a chain of neighbours its slow waves. At most `MODES`.
    """
    if data.n < 2 * FEWEST:
        return None
    adjacency, met = _normalised(data)
    if _surely_tied(adjacency) and len(met) == data.n:
        return None
    if components(data)[0] == 1 and _bottleneck(adjacency) is None:
        return None
    values, vectors = _largest(adjacency, min(MODES + 1, adjacency.shape[0] - 1))
    slow = 1 - values < _loose(adjacency)
    modes = np.zeros((data.n, int(slow.sum())))
    modes[met] = vectors[:, slow]
    loose = np.maximum(1 - values[slow], 0)
    # An isolated item or two are no part whose mean could be told from the item.
    wide = (modes**2).sum(axis=0) ** 2 / (modes**4).sum(axis=0) >= FEWEST
    # The common level is no contrast.
    modes = modes - modes.mean(axis=0)
    size = np.sqrt((modes**2).mean(axis=0))
    kept = wide & (size > 0.1 / np.sqrt(data.n))
    if not kept.any():
        return None
    # In a Gaussian field on the graph a mode's variance is as 1 to its eigenvalue (Besag 1974).
    # Parts that nothing ties together have eigenvalue 0, all of them perhaps.
    loose = np.maximum(loose, max(float(loose[kept].max()), 1e-9) / STEEPEST)
    scale = np.sqrt(loose[kept].max() / loose[kept])
    return np.asarray(modes[:, kept] / size[kept] * scale)


def _normalised(data: Comparisons) -> tuple[csr_array, IntArray]:
    """D^−½ A D^−½ of the items that met any other, and these items; one a pair that was asked."""
    asked = data.wins + data.losses > 0
    first, second, n = data.first[asked], data.second[asked], data.n
    # Both orders, and all groups, of a pair are one.
    pairs = np.sort(np.minimum(first, second) * n + np.maximum(first, second))
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    low, high = pairs // n, pairs % n
    degree = np.bincount(low, minlength=n) + np.bincount(high, minlength=n)
    met = np.flatnonzero(degree > 0)
    root = 1 / np.sqrt(np.maximum(degree, 1))
    tie = np.tile(root[low] * root[high], 2)
    ends = np.concatenate([low, high]), np.concatenate([high, low])
    whole = coo_array((tie, ends), shape=(n, n)).tocsr()
    return (whole if len(met) == n else whole[met][:, met]), met.astype(np.int64)


def _surely_tied(adjacency: csr_array) -> bool:
    """Whether the second eigenvalue is far enough from what `_bottleneck` calls loose for a few of
    Lanczos's steps to say so, beside the first eigenvector, which is known.

    From a random start the largest Ritz value after k steps is below the eigenvalue by more than a
    share ε with a probability of 1.648·sqrt(n)·exp(−sqrt(ε)(2k − 1)) at most, here 1e-7 for 5 000
    items (Kuczyński & Woźniakowski 1992; of the matrix plus 1, whose eigenvalues are 0 to 2).
    """
    n = adjacency.shape[0]
    if n <= DENSE:
        return False
    first = np.sqrt(np.diff(adjacency.indptr))
    first /= np.linalg.norm(first)
    vector = np.random.default_rng(0).standard_normal(n)
    vector -= first * (first @ vector)
    vector /= np.linalg.norm(vector)
    before, diagonal, beside = np.zeros(n), np.zeros(STEPS), np.zeros(STEPS)
    for k in range(STEPS):
        image = adjacency @ vector
        diagonal[k] = vector @ image
        image -= diagonal[k] * vector + (beside[k - 1] * before if k else 0.0)
        image -= first * (first @ image)
        beside[k] = np.linalg.norm(image)
        if beside[k] < 1e-8:
            return False
        before, vector = vector, image / beside[k]
    ritz = float(eigvalsh_tridiagonal(diagonal, beside[:-1])[-1])
    return (1 + ritz) / (1 - BELOW) < 2 - min(WEAK, _loose(adjacency))


def _loose(adjacency: csr_array) -> float:
    mean = adjacency.nnz / adjacency.shape[0]
    return float(OF_RANDOM * (1 - 2 * np.sqrt(max(mean - 1, 1.0)) / mean))


def _largest(
    adjacency: csr_array, count: int, tolerance: float = 1e-3
) -> tuple[FloatArray, FloatArray]:
    """The `count` largest eigenvalues, largest first, and their vectors."""
    n = adjacency.shape[0]
    if n <= DENSE:
        values, vectors = eigh(adjacency.toarray(), subset_by_index=[n - count, n - 1])
    else:
        # From a fixed start: an interrupted campaign must see the same modes again.
        start = np.random.default_rng(0).standard_normal(n)
        values, vectors = eigsh(adjacency, count, which="LA", v0=start, tol=tolerance)
    order = np.argsort(-values)
    return values[order], vectors[:, order]


def between_parts(data: Comparisons) -> float | None:
    """Comparisons that the worst tied of the items' `parts` has with all others; None where items
    are of one part or of none."""
    names, at = np.unique(np.asarray(data.parts or [""]), return_inverse=True)
    if len(names) < 2:
        return None
    one, other = at[data.first], at[data.second]
    count = np.where(one != other, data.wins + data.losses, 0.0)
    return float(np.min(sums(one, count, len(names)) + sums(other, count, len(names))))


def one_sided(data: Comparisons) -> npt.NDArray[np.bool_]:
    """(n,) whether an item won all its comparisons, or lost all of them."""
    won = sums(data.first, data.wins, data.n) + sums(data.second, data.losses, data.n)
    lost = sums(data.first, data.losses, data.n) + sums(data.second, data.wins, data.n)
    return np.asarray((won == 0) ^ (lost == 0))


def unbeaten_set(data: Comparisons) -> list[str] | None:
    """A group of items that never lost to any item outside it, or None where there is none.

    Without a prior such a group's utilities run to infinity (Ford 1957): a finite estimate needs a
    chain of wins from every item to every other.
    """
    won, lost = data.wins > 0, data.losses > 0
    winner = np.r_[data.first[won], data.second[lost]]
    loser = np.r_[data.second[won], data.first[lost]]
    graph = coo_array((np.ones(len(winner)), (winner, loser)), shape=(data.n, data.n))
    count, label = connected_components(graph, directed=True, connection="strong")
    if count == 1:
        return None
    beaten = np.zeros(count, dtype=bool)
    across = label[winner] != label[loser]
    beaten[label[loser[across]]] = True
    group = int(np.flatnonzero(~beaten)[0])
    return [data.items[i] for i in np.flatnonzero(label == group)]
