"""How often a preference between two items turns round when a facet's level changes.

Counted: two answers to the same pair in the same order under two levels of one facet and equal
levels of the others, the share that differ. By the model, for two items drawn at random with
variance v = τ² + Σ s²: the sign of a utility difference is another under another level with
probability arccos(1 − s²/v)/π, and two answers differ with arccos of their latent correlation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats.facets.answers import FacetAnswers
from harness.stats.facets.joint import JointFit
from harness.stats.thurstone.comparisons import FloatArray, IntArray

__all__ = ["Flips", "flips"]


@dataclass(frozen=True)
class Flips:
    """By facet; the source ``repeat`` is two answers under the same levels. `preference` are turned
    preferences by the model (0 for repeats), `answers` differing answers by the model, with 95 %
    intervals; `counted` the share among `pairs` of answers, nan without any."""

    source: str
    preference: float
    preference_low: float
    preference_high: float
    answers: float
    counted: float
    pairs: float


def flips(fitted: JointFit, drawn: FloatArray) -> list[Flips]:
    """`drawn` (d, K) are draws of the components' variances."""
    facets = fitted.answers.facets
    found = []
    for f, name in enumerate(("repeat", *facets), start=-1):
        point = _preference(fitted.variances[None, :], f, len(facets))[0]
        low, high = np.quantile(_preference(drawn, f, len(facets)), [0.025, 0.975])
        counted, pairs = _counted(fitted.answers, f)
        answers = float(_answers(fitted, f))
        found.append(Flips(name, float(point), float(low), float(high), answers, counted, pairs))
    return found


def _preference(variances: FloatArray, facet: int, facets: int) -> FloatArray:
    whole = variances[:, : 1 + facets].sum(axis=1)
    moved = variances[:, 1 + facet] if facet >= 0 else np.zeros(len(variances))
    return np.asarray(np.arccos(1 - moved / whole) / np.pi)


def _answers(fitted: JointFit, facet: int) -> FloatArray:
    """Latent correlation of two answers to a pair in one order, position effects apart."""
    v, facets = fitted.variances, len(fitted.answers.facets)
    whole = 2 * v[: 1 + facets].sum() + 2
    pair = v[-1] if "pair" in fitted.components else 0.0
    moved = 2 * v[1 + facet] if facet >= 0 else 0.0
    shared = 2 * v[: 1 + facets].sum() - moved + pair
    return np.asarray(np.arccos(min(shared / whole, 1.0)) / np.pi)


def _counted(answers: FacetAnswers, facet: int) -> tuple[float, float]:
    """Differing share and number of pairs of answers whose levels differ in `facet` alone."""
    data = answers.data
    rest = np.delete(answers.level, facet, axis=1) if facet >= 0 else answers.level
    key = _keys([data.first, data.second, *rest.T])
    wins, losses = _sums(key, data.wins), _sums(key, data.losses)
    n = wins + losses
    differ, pairs = float((wins * losses).sum()), float((n * (n - 1) / 2).sum())
    if facet >= 0:
        # Less those of one level, which are repeats.
        each = data.wins + data.losses
        differ -= float((data.wins * data.losses).sum())
        pairs -= float((each * (each - 1) / 2).sum())
    return (differ / pairs if pairs > 0 else float("nan")), pairs


def _keys(columns: Sequence[IntArray]) -> IntArray:
    _, key = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return key.ravel().astype(np.int64)


def _sums(key: IntArray, values: FloatArray) -> FloatArray:
    return np.asarray(np.bincount(key, values), float)
