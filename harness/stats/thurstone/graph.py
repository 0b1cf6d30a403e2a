"""The comparison graph: which items are tied together, and whether maximum likelihood is finite."""

import numpy as np
from scipy.linalg import eigvalsh
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from harness.stats.thurstone.comparisons import Comparisons, IntArray

__all__ = ["bottleneck", "components", "unbeaten_set"]

WEAK = 0.1
"""Connectivity below which parts hang together loosely: five groups with a twentieth of the pairs
between them have .05, adaptive campaigns .3 and more."""
OF_RANDOM = 0.5
"""And below this share of a random graph's of the same density: thin graphs are weak everywhere."""
LARGEST = 1500
"""Items up to which the dense eigenvalue problem costs less than the fit."""


def components(data: Comparisons) -> tuple[int, IntArray]:
    """Number of connected components, and each item's component, (n,). Utilities of different
    components are comparable through the prior alone."""
    weight = data.wins + data.losses
    graph = coo_array((weight, (data.first, data.second)), shape=(data.n, data.n))
    count, label = connected_components(graph, directed=False)
    return int(count), label.astype(np.int64)


def bottleneck(data: Comparisons) -> float | None:
    """The algebraic connectivity (second eigenvalue of the normalised Laplacian, one a pair) where
    parts of the graph hang together by few pairs; None where they do not, where the graph has
    several components, and above `LARGEST` items.

    The measure is a random regular graph's, 1 − 2·sqrt(d − 1)/d with d opponents an item (Friedman
    2008).
    """
    asked = data.wins + data.losses > 0
    if components(data)[0] > 1 or not 2 < data.n <= LARGEST:
        return None
    met = np.zeros((data.n, data.n))
    met[data.first[asked], data.second[asked]] = 1.0
    met = np.maximum(met, met.T)
    degree = met.sum(axis=1)
    root = np.sqrt(degree)
    laplacian = np.eye(data.n) - met / np.outer(root, root)
    second = float(eigvalsh(laplacian, subset_by_index=[1, 1])[0])
    mean = float(degree.mean())
    random = 1 - 2 * np.sqrt(max(mean - 1, 1.0)) / mean
    return second if second < WEAK and second < OF_RANDOM * random else None


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
