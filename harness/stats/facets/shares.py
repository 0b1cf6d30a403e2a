"""Shares of variance of a choice: item, item × facet, order, pair, noise.

For two items drawn at random and a level drawn of each facet, the latent difference has variance
2τ² + Σ 2s_f² + β² + 2, the 2 being one answer's noise, of which ω² is the pair's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats.facets.joint import JointFit
from harness.stats.facets.profile import FOUND, Profile
from harness.stats.thurstone.comparisons import FloatArray, sums
from harness.stats.thurstone.variance import inverse

__all__ = ["Share", "choice_shares", "generalizability", "shares_of", "variance_draws"]

DRAWS = 4000


@dataclass(frozen=True)
class Share:
    """Variance of one source on the scale of latent differences, and its share of the whole, with
    95 % intervals. `found`: it is more than 0 at 5 %; None where that is not tested."""

    source: str
    variance: float
    share: float
    low: float
    high: float
    found: bool | None


def choice_shares(fitted: JointFit, *, seed: int = 0) -> list[Share]:
    """One a source, in the order of the module's head; ``pair`` where it was estimated."""
    drawn = variance_draws(fitted.variances, fitted.log_covariance, fitted.profiles, seed=seed)
    facets = len(fitted.answers.facets)
    weight = _weights(fitted)
    rng = np.random.default_rng([seed, 1])
    values, vectors = np.linalg.eigh(fitted.effect_covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    effects = fitted.effects + rng.standard_normal((DRAWS, len(weight))) @ root.T
    order = effects**2 @ weight
    paired = "pair" in fitted.components
    columns = [2 * drawn[:, : 1 + facets], order[:, None]]
    point = [*(2 * fitted.variances[: 1 + facets]), float(fitted.effects**2 @ weight)]
    if paired:
        # The whole noise is the unit: with more of it the pair's, less is left.
        pair = np.minimum(drawn[:, -1:], 2.0)
        columns += [pair, 2 - pair]
        point += [min(float(fitted.variances[-1]), 2.0)]
        point += [2 - point[-1]]
    else:
        columns.append(np.full((DRAWS, 1), 2.0))
        point.append(2.0)
    names = ["item", *(f"item × {name}" for name in fitted.answers.facets), "order"]
    names += ["pair", "noise"] if paired else ["noise"]
    found = _found(fitted, names)
    return shares_of(names, np.array(point), np.concatenate(columns, axis=1), found)


def variance_draws(
    variances: FloatArray,
    log_covariance: FloatArray,
    profiles: Sequence[Profile | None],
    *,
    seed: int = 0,
) -> FloatArray:
    """(DRAWS, K) of the components' variances: normal in the log, or, where the data hardly tell
    one from 0, normal in the standard deviation and cut at 0."""
    rng = np.random.default_rng(seed)
    weak = [k for k, known in enumerate(profiles) if known and known.high is not None]
    strong = [k for k in range(len(variances)) if k not in weak]
    drawn = np.empty((DRAWS, len(variances)))
    # What is told of the others once the weak ones are not taken for normal in the log.
    bend = inverse(log_covariance.copy())
    root = np.linalg.cholesky(inverse(bend[np.ix_(strong, strong)]))
    noise = rng.standard_normal((DRAWS, len(strong))) @ root.T
    drawn[:, strong] = variances[strong] * np.exp(noise)
    for k in weak:
        known = profiles[k]
        assert known is not None and known.high is not None
        wide = (known.high - known.sd) / 1.96
        unit = np.sqrt(variances[k]) / known.sd
        s = known.sd + wide * rng.standard_normal(DRAWS)
        drawn[:, k] = (unit * np.maximum(s, 0)) ** 2
    return drawn


def generalizability(drawn: FloatArray, levels: Sequence[int], noise: float) -> FloatArray:
    """Reliability τ²/(τ² + Σ s_f²/levels_f + noise) for each draw (d, 1 + F) of the variances, the
    utility over the universe being what is meant; `noise` is a utility's mean error variance under
    the levels asked."""
    error = (drawn[:, 1 : 1 + len(levels)] / np.asarray(levels, float)).sum(axis=1) + noise
    return np.asarray(drawn[:, 0] / (drawn[:, 0] + error))


def _weights(fitted: JointFit) -> FloatArray:
    data = fitted.answers.data
    count = sums(data.group, data.wins + data.losses, len(fitted.effects))
    return np.asarray(count / count.sum())


def _found(fitted: JointFit, names: Sequence[str]) -> list[bool | None]:
    tested = {
        ("pair" if name == "pair" else f"item × {name}"): known.gain > FOUND
        for name, known in zip(fitted.components, fitted.profiles, strict=True)
        if known is not None
    }
    return [tested.get(name) for name in names]


def shares_of(
    names: Sequence[str], point: FloatArray, drawn: FloatArray, found: Sequence[bool | None]
) -> list[Share]:
    """Shares of the variances `point` (S,), with the quantiles of their draws (d, S)."""
    share = point / point.sum()
    low, high = np.quantile(drawn / drawn.sum(axis=1, keepdims=True), [0.025, 0.975], axis=0)
    return [
        Share(
            name,
            float(point[k]),
            float(share[k]),
            0.0 if ok is False else float(low[k]),
            float(high[k]),
            ok,
        )
        for k, (name, ok) in enumerate(zip(names, found, strict=True))
    ]
