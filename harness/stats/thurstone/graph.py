"""The comparison graph: which items are tied together, and whether maximum likelihood is finite."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from harness.stats.thurstone.comparisons import Comparisons, IntArray

__all__ = ["components", "unbeaten_set"]


def components(data: Comparisons) -> tuple[int, IntArray]:
    """Number of connected components, and each item's component, (n,). Utilities of different
    components are comparable through the prior alone."""
    weight = data.wins + data.losses
    graph = coo_array((weight, (data.first, data.second)), shape=(data.n, data.n))
    count, label = connected_components(graph, directed=False)
    return int(count), label.astype(np.int64)


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
