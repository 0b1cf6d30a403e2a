"""How the ratings of one group spread over the declared levels."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.errors import UsageError
from harness.stats.intervals import Bootstrap, Estimate, FloatArray, clustered_rate, undefined

__all__ = ["Divergence", "kl_uniform", "level_counts", "level_share", "modal_share"]


class Divergence:
    """KL divergence from uniform: `nats`, `normalised` (÷ ln K) and the expected `bias` in nats.

    A sample of N independent ratings from a uniform respondent shows about (K − 1) / 2N, not 0;
    the estimates are as observed, not corrected.
    """

    def __init__(self, nats: Estimate, normalised: Estimate, bias: float) -> None:
        self.nats, self.normalised, self.bias = nats, normalised, bias


def level_counts(ratings: FloatArray, levels: Sequence[float]) -> FloatArray:
    """How often each item got each declared level: (items × K) from (items × repeats).

    UsageError naming a rating that is no declared level: such an answer is invalid, and binning
    it would invent a level.
    """
    declared = np.sort(np.asarray(levels, dtype=float))
    if len(declared) < 2 or len(np.unique(declared)) < len(declared):
        raise UsageError(f"levels {list(levels)}: expected two or more, all different")
    given = np.isfinite(ratings)
    index = np.searchsorted((declared[1:] + declared[:-1]) / 2, ratings)
    index = index.clip(0, len(declared) - 1)
    off = given & ~np.isclose(declared[index], ratings, rtol=0, atol=1e-9)
    if off.any():
        value = ratings[off][0]
        raise UsageError(
            f"rating {value:g} is none of the declared levels "
            f"{', '.join(f'{level:g}' for level in declared)}; such an answer is invalid"
        )
    counts = np.zeros((len(ratings), len(declared)))
    rows = np.broadcast_to(np.arange(len(ratings))[:, None], ratings.shape)
    np.add.at(counts, (rows[given], index[given]), 1.0)
    return counts


def kl_uniform(counts: FloatArray, *, bootstrap: Bootstrap) -> Divergence:
    """Σ p ln(pK) of the pooled distribution over the K declared levels.

    `counts` is (items × K), from `level_counts`, or summed probabilities of a log-probability
    read-out. Divided by ln K it is comparable across templates, and only that form may be
    averaged over them. Raises ArithmeticError above ln K, which no distribution can reach.
    """
    counts = counts[counts.sum(axis=1) > 0]
    levels = counts.shape[1]
    answers = float(counts.sum())
    if answers == 0:
        return Divergence(undefined("no ratings"), undefined("no ratings"), math.nan)
    nats = _with_interval(counts, bootstrap)
    if nats.estimate > math.log(levels) * (1 + 1e-9):
        raise ArithmeticError(f"KL {nats.estimate} above ln {levels} = {math.log(levels)}")
    bias = (levels - 1) / (2 * answers)
    scale = math.log(levels)
    return Divergence(nats=nats, normalised=_scaled(nats, scale), bias=bias)


def _with_interval(counts: FloatArray, bootstrap: Bootstrap) -> Estimate:
    """Percentile interval of the true divergence, for the bias that resampling shows.

    The estimate is above the truth by about as much as resamples are above the estimate: their
    mean less the estimate is taken off twice. Limits stay within 0 and ln K.
    """
    value, draws = bootstrap.draws(counts, _divergence)
    if len(draws) == 0:
        return Estimate(estimate=value, n=len(counts))
    shifted = draws - 2 * (draws.mean() - value)
    tails = [(1 - bootstrap.confidence) / 2, (1 + bootstrap.confidence) / 2]
    low, high = np.clip(np.quantile(shifted, tails), 0.0, math.log(counts.shape[1])).tolist()
    return Estimate(estimate=value, low=low, high=high, n=len(counts), interval="bootstrap")


def _divergence(counts: FloatArray) -> FloatArray:
    p = counts / counts.sum(axis=1, keepdims=True)
    terms = np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0) * counts.shape[1]), 0.0)
    total: FloatArray = terms.sum(axis=1)
    return total


def _scaled(estimate: Estimate, by: float) -> Estimate:
    return Estimate(
        estimate=estimate.estimate / by,
        low=estimate.low / by,
        high=estimate.high / by,
        n=estimate.n,
        interval=estimate.interval,
        note=estimate.note,
    )


def modal_share(ratings: FloatArray) -> tuple[float, Estimate]:
    """The commonest rating and its share of all ratings; of ties the lowest.

    The interval takes the observed mode as given and clusters by item.
    """
    values = ratings[np.isfinite(ratings)]
    if len(values) == 0:
        return math.nan, undefined("no ratings")
    levels, counts = np.unique(values, return_counts=True)
    mode = float(levels[np.argmax(counts)])
    return mode, level_share(ratings, mode)


def level_share(ratings: FloatArray, level: float) -> Estimate:
    """Share of ratings at one level (the mode, the floor, …), interval clustered by item."""
    given: NDArray[np.bool_] = np.isfinite(ratings)
    hits = (given & np.isclose(ratings, level, rtol=0, atol=1e-9)).sum(axis=1)
    return clustered_rate(hits.astype(float), given.sum(axis=1).astype(float))
