"""The comparison graph: which items are tied together, and whether maximum likelihood is finite."""

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh

from harness.stats.thurstone.comparisons import Comparisons, FloatArray, IntArray, sums

__all__ = [
    "between_parts",
    "bottleneck",
    "components",
    "large_components",
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
    if data.n < 3:
        return None
    count, label = components(data)
    adjacency, met = _normalised(data)
    if count > 1:
        if large_components(label) != 1:
            return None
        kept = label[met] == np.argmax(np.bincount(label))
        adjacency = adjacency[kept][:, kept]
    return _bottleneck(adjacency)


def large_components(label: IntArray) -> int:
    """Number of components, given each item's, that have `FEWEST` items or more."""
    return int((np.bincount(label) >= FEWEST).sum())


def _bottleneck(adjacency: csr_array) -> float | None:
    """The same of a connected graph."""
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
    first, second = data.first[asked], data.second[asked]
    ends = np.minimum(first, second), np.maximum(first, second)
    half = coo_array((np.ones(len(first)), ends), shape=(data.n, data.n)).tocsr()
    half.data[:] = 1.0  # Both orders, and all groups, of a pair were summed.
    degree = half.sum(axis=0) + half.sum(axis=1)
    met = np.flatnonzero(degree > 0)
    root = 1 / np.sqrt(np.where(degree > 0, degree, 1.0))
    half = half.multiply(root[:, None]).multiply(root[None, :]).tocsr()
    whole = csr_array(half + half.T)
    return (whole if len(met) == data.n else whole[met][:, met]), met.astype(np.int64)


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
