"""When enough has been asked: the expected rank correlation with the truth.

Not the correlation between two successive fits: two fits share nearly all their data, so that one
reads .99 where the truth is at .95 (it is printed beside, for comparison).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from harness.stats.thurstone.comparisons import Comparisons, FloatArray
from harness.stats.thurstone.fit import Fit
from harness.stats.thurstone.graph import bottleneck, bridges, components, large_components

__all__ = [
    "HARDLY",
    "Progress",
    "expected_rho",
    "parts_known",
    "rho_band",
    "spearman",
    "tied_together",
    "within_groups",
]

HARDLY = 0.01
"""Connectivity below which a prior for the parts does not make the rank correlation honest: of a
hundred items in a chain, each compared with the five next to it, .34 came of .52 expected."""
BRIDGES = 4
"""Pairs between two parts below which it does not either: of 40 sets of two halves that lie 3 apart
.07 too much or more was expected in 6 with one pair, 1 with two or three, none with four."""


@dataclass(frozen=True)
class Progress:
    """State after one batch. `within_rho` is the mean over origins (the origins' means alone can
    make a high overall one); both are None where few comparisons tie parts of the items together
    (`tied_together`); `successive_rho` is against the fit before, None at the first;
    `position_effect` is None where it is not in the model."""

    iteration: int
    comparisons: float
    expected_rho: float | None
    within_rho: float | None
    successive_rho: float | None
    position_effect: float | None
    tau: float | None


def spearman(a: FloatArray, b: FloatArray) -> float:
    """Rank correlation of two vectors; 0 where one is constant."""
    return float(_rank_correlations(a, b[:, None])[0])


def _rank_correlations(a: FloatArray, draws: FloatArray) -> FloatArray:
    """(k,) rank correlations of `a` (n,) with each column of `draws` (n, k)."""
    x, y = rankdata(a), rankdata(draws, axis=0)
    x, y = x - x.mean(), y - y.mean(axis=0)
    scale = np.sqrt((x @ x) * np.einsum("ij,ij->j", y, y))
    return np.asarray(np.divide(x @ y, scale, out=np.zeros_like(scale), where=scale > 0))


def expected_rho(utilities: FloatArray, draws: FloatArray) -> float:
    """Rank correlation to expect of the utilities (n,) with the truth, from draws (n, k).

    The mean over the draws of the correlation with the draw, less half its standard deviation:
    the correlation of a single run scatters about the mean by that deviation, and the rule that
    stops on it should rather ask a few more than claim too much.
    """
    if len(utilities) < 2:
        return 1.0
    rhos = _rank_correlations(utilities, draws)
    return float(np.mean(rhos) - 0.5 * np.std(rhos))


def rho_band(
    utilities: FloatArray, draws: FloatArray, *, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Mean and interval, over draws (n, k) of the posterior, of the utilities' rank correlation
    with the truth."""
    rhos = _rank_correlations(utilities, draws)
    low, high = np.quantile(rhos, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(rhos.mean()), float(low), float(high)


def parts_known(fitted: Fit, weak: float | None) -> bool:
    """Whether an expected rank correlation is more than the prior's guess of how far parts of the
    items lie apart: their graph hangs together, or the distances have a prior of their own, the
    connectivity `weak`, given where it is low, is not next to nothing, and neither are the pairs
    between the parts."""
    loose = fitted.components > 1 or weak is not None
    if loose and "graph" not in fitted.group_sd:
        return False
    return weak is None or not _hardly(fitted.data, weak)


def tied_together(data: Comparisons, *, own_means: bool) -> bool:
    """Whether a campaign may end on its expected rank correlation: no two parts of some size are
    without a path, and none hang together so loosely that the prior decides.

    Items that were never answered, and pairs that met only each other, are in the draws with all
    of the prior's uncertainty and do not stand in the way. `own_means`: the prior gives the
    parts of the graph means of their own.
    """
    count, label = components(data)
    if count > 1 and large_components(label) > 1:
        return False
    weak = bottleneck(data)
    return weak is None or (own_means and not _hardly(data, weak))


def _hardly(data: Comparisons, weak: float) -> bool:
    return weak < HARDLY or (bridges(data) or 0) < BRIDGES


def within_groups(utilities: FloatArray, draws: FloatArray, labels: Sequence[str]) -> float:
    """Mean of `expected_rho` within each label's items, over labels with at least three."""
    names = np.asarray(labels)
    values = [
        expected_rho(utilities[names == name], draws[names == name])
        for name in np.unique(names)
        if (names == name).sum() >= 3
    ]
    return float(np.mean(values)) if values else expected_rho(utilities, draws)
