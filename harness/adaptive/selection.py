"""Which pairs to ask next.

`rank_optimal` asks the pairs that most reduce the expected error of the *ranking*. With V the
variances of the utilities and f the density of utilities around an item (where many are close, an
error costs more ranks), a comparison of i and j of information

    w = scale²·F'²/[F(1 − F)]  at  (μ_i − μ_j ± β)/sqrt(2 + V_i + V_j)

lowers Σ f²V² most where  w/(1 + w(V_i + V_j)) · (f_i²V_i² + f_j²V_j²)  is largest. Candidates are
neighbours in noisy sorts of μ, so the number of all pairs never matters. The peers it is compared
with are in `selection_peers`.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve

from harness.stats.thurstone.comparisons import FloatArray, IntArray, sums
from harness.stats.thurstone.links import LINKS, LinkName

__all__ = ["Rule", "State", "density", "greedy_matching", "orient", "pair_keys", "rank_optimal"]

SORTS = 24
WIDEST_NOISE = 1.27
FEW = 64


@dataclass(frozen=True, eq=False)
class State:
    """What is known when the next batch is chosen.

    `utilities`, `variances` (n,); `effect` β; `first`, `second` (asked,) every presentation so
    far, answered or not; `dispersion` divides the information of a comparison (soft counts).
    """

    utilities: FloatArray
    variances: FloatArray
    first: IntArray
    second: IntArray
    effect: float = 0.0
    dispersion: float = 1.0
    link: LinkName = "probit"

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.utilities)

    def degrees(self) -> FloatArray:
        """(n,) presentations of each item."""
        one = np.ones(len(self.first))
        return sums(self.first, one, self.n) + sums(self.second, one, self.n)

    def excess(self) -> FloatArray:
        """(n,) how much more often each item was shown first than second."""
        one = np.ones(len(self.first))
        return sums(self.first, one, self.n) - sums(self.second, one, self.n)

    def keys(self) -> IntArray:
        """Sorted keys of the unordered pairs asked."""
        return np.unique(pair_keys(self.first, self.second, self.n))


class Rule(Protocol):
    """A way to choose: `count` ordered pairs (first, second), as (count, 2) item indices."""

    def __call__(self, state: State, count: int, rng: np.random.Generator) -> IntArray:
        """Fewer than `count` only where the items allow no more."""


def pair_keys(a: IntArray, b: IntArray, n: int) -> IntArray:
    """Keys low·n + high of unordered pairs."""
    return np.asarray(np.minimum(a, b) * n + np.maximum(a, b), np.int64)


def rank_optimal(state: State, count: int, rng: np.random.Generator) -> IntArray:
    """The rule above: greedy matchings of up to n/4 pairs, V updated after each."""
    variances = np.maximum(state.variances, 1e-9).copy()
    f = density(state.utilities)
    asked = state.keys()
    excess = state.excess()
    chosen: list[IntArray] = []
    left, idle = count, 0
    while left > 0:
        # Where no new pair is among the candidates (few items), old pairs are asked again.
        pairs = _candidates(state.utilities, variances, asked if idle < 3 else None, rng)
        pairs = orient(pairs, excess, rng)
        score, weight = _score(state, variances, f, pairs)
        best = greedy_matching(pairs, score, min(left, max(1, state.n // 4)), state.n)
        if not len(best):
            idle += 1
            if idle > 6:
                break
            continue
        pairs, weight = pairs[best], weight[best]
        i, j = pairs.T
        gain = weight / (1 + weight * (variances[i] + variances[j]))
        variances[i], variances[j] = (
            variances[i] - gain * variances[i] ** 2,
            variances[j] - gain * variances[j] ** 2,
        )
        excess[i] += 1
        excess[j] -= 1
        asked = np.union1d(asked, pair_keys(i, j, state.n))
        chosen.append(pairs)
        left -= len(pairs)
    return np.concatenate(chosen) if chosen else np.zeros((0, 2), np.int64)


def _candidates(
    utilities: FloatArray, variances: FloatArray, asked: IntArray | None, rng: np.random.Generator
) -> IntArray:
    """(k, 2) neighbours in noisy sorts, each pair once, without those already asked; all pairs of
    a few items."""
    n = len(utilities)
    if n <= FEW:
        a, b = np.triu_indices(n, 1)
        return _fresh(pair_keys(a, b, n), asked, n)
    width = rng.uniform(0, WIDEST_NOISE, (SORTS, 1))
    noise = rng.standard_normal((SORTS, n)) * np.sqrt(variances + width**2)
    order = np.argsort(utilities + noise, axis=1)
    keys = np.unique(pair_keys(order[:, :-1].ravel(), order[:, 1:].ravel(), n))
    return _fresh(keys, asked, n)


def _fresh(keys: IntArray, asked: IntArray | None, n: int) -> IntArray:
    if asked is not None and len(asked):
        keys = keys[~np.isin(keys, asked, assume_unique=True)]
    return np.stack([keys // n, keys % n], axis=1)


def orient(pairs: IntArray, excess: FloatArray, rng: np.random.Generator) -> IntArray:
    """Show first whichever item has been first less often; at random where even.

    `pairs` (k, 2); `excess` (n,) as in `State.excess`.
    """
    lead = excess[pairs[:, 0]] - excess[pairs[:, 1]] + rng.uniform(-0.5, 0.5, len(pairs))
    return np.where((lead > 0)[:, None], pairs[:, ::-1], pairs)


def _score(
    state: State, variances: FloatArray, f: FloatArray, pairs: IntArray
) -> tuple[FloatArray, FloatArray]:
    """(k,) value of each ordered pair, and its information w."""
    i, j = pairs.T
    link = LINKS[state.link]
    vi, vj = variances[i], variances[j]
    latent = state.utilities[i] - state.utilities[j] + state.effect
    # Both links have latent noise of about 1/scale²: the predictive width adds V to it.
    eta = latent / np.sqrt(link.scale**-2 + vi + vj)
    p = link.probability(eta)
    information = link.density(eta) ** 2 / np.maximum(p * (1 - p), 1e-12)
    w = link.scale**2 * information / state.dispersion
    value = w / (1 + w * (vi + vj)) * ((f[i] * vi) ** 2 + (f[j] * vj) ** 2)
    return value, w


def density(utilities: FloatArray, cells: int = 512) -> FloatArray:
    """(n,) Gaussian kernel density of the utilities at each of them, Silverman's bandwidth."""
    n = len(utilities)
    spread = float(np.std(utilities))
    if n < 3 or spread == 0:
        return np.ones(n)
    width = 0.9 * spread * n**-0.2
    low, high = utilities.min() - 4 * width, utilities.max() + 4 * width
    step = (high - low) / cells
    counts, edges = np.histogram(utilities, cells, (low, high))
    reach = np.arange(-int(4 * width / step) - 1, int(4 * width / step) + 2) * step
    kernel = np.exp(-0.5 * (reach / width) ** 2) / (width * np.sqrt(2 * np.pi) * n)
    smooth = fftconvolve(counts, kernel, mode="same")
    centres = (edges[:-1] + edges[1:]) / 2
    return np.asarray(np.maximum(np.interp(utilities, centres, smooth), 1e-9))


def greedy_matching(
    pairs: IntArray, score: FloatArray, limit: int, n: int
) -> npt.NDArray[np.int64]:
    """Indices of up to `limit` pairs of highest score, no item in two of them."""
    used = np.zeros(n, dtype=bool)
    taken: list[int] = []
    a, b = pairs[:, 0].tolist(), pairs[:, 1].tolist()
    for index in np.argsort(-score, kind="stable").tolist():
        if len(taken) == limit:
            break
        i, j = a[index], b[index]
        if not used[i] and not used[j]:
            used[i] = used[j] = True
            taken.append(index)
    return np.array(taken, dtype=np.int64)
