"""What a penalty on per-item σ does: scores on pairs held out, and the σ found, by λ.

Two penalties, Σ (log σ)² and Σ σ², each with |log σ| bounded and free. Utilities have a prior so
wide that it only keeps them finite, as maximum likelihood has none. With all pairs of `eligible`
rows chosen at random, only those are held out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from harness.stats.intervals import Estimate, clustered_rate, mean_interval
from harness.stats.thurstone.comparisons import Comparisons, FloatArray, sums
from harness.stats.thurstone.fit import Fit, Options, fit
from harness.stats.thurstone.heldout import predict, score, split
from harness.stats.thurstone.sigma import fit_sigma, predict_sigma

__all__ = ["BOUND", "COIN", "PENALTIES", "Regularised", "regularisation"]

COIN = math.log(2)
"""Negative log-likelihood of a coin toss, in nats."""
BOUND = 2.0
"""|log σ| at most: no σ above 7.39 comes from a bounded fit."""
PENALTIES = (0.0, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
WIDE = 10.0
_TEST = 0.2

On = Literal["log", "sigma"]


@dataclass(frozen=True, kw_only=True)
class Regularised:
    """One fit of per-item σ, scored. `penalty_on` and `penalty` are None for σ = 1 and τ estimated.

    `test` and `accuracy` are over pairs held out, their intervals over these pairs. `at_bound`
    counts items whose σ lies at a bound."""

    penalty_on: On | None
    penalty: float | None
    bounded: bool
    train: float
    test: Estimate
    accuracy: Estimate
    mean_sigma: float
    max_sigma: float
    at_bound: int


def regularisation(
    data: Comparisons,
    *,
    rng: np.random.Generator,
    penalties: Sequence[float] = PENALTIES,
    eligible: npt.NDArray[np.bool_] | None = None,
) -> list[Regularised]:
    """The fit with σ = 1 first, then each penalty, bounded and free, by each λ.

    A fifth of the pairs is held out, the same for all; ValueError where none is left to fit.
    """
    rows = split(data, rng=rng, fraction=_TEST, eligible=eligible)
    train, test = data.rows(~rows), data.rows(rows)
    if train.total <= 0 or test.total <= 0:
        raise ValueError("too few pairs to hold any out")
    plain = fit(train, Options(prior_groups="none"))
    found = [_scored(plain, train, test, on=None, penalty=None, bounded=True)]
    base = fit(train, Options(prior_sd=WIDE, prior_groups="none", pair_effects=False))
    kinds: tuple[On, ...] = ("log", "sigma")
    for on in kinds:
        for bound in (BOUND, None):
            for penalty in penalties:
                options = replace(base.options, penalty=penalty, penalty_on=on, sigma_bound=bound)
                found.append(
                    _scored(
                        fit_sigma(train, options, base=base),
                        train,
                        test,
                        on=on,
                        penalty=penalty,
                        bounded=bound is not None,
                    )
                )
    return found


def _scored(
    fitted: Fit,
    train: Comparisons,
    test: Comparisons,
    *,
    on: On | None,
    penalty: float | None,
    bounded: bool,
) -> Regularised:
    probability = predict_sigma if len(fitted.sigma) else predict
    sigma = fitted.sigma if len(fitted.sigma) else np.ones(train.n)
    nll, accuracy = _by_pair(probability(fitted, test), test)
    return Regularised(
        penalty_on=on,
        penalty=penalty,
        bounded=bounded,
        train=score(probability(fitted, train), train).nll,
        test=nll,
        accuracy=accuracy,
        mean_sigma=float(sigma.mean()),
        max_sigma=float(sigma.max()),
        at_bound=int((np.abs(np.log(sigma)) > BOUND - 1e-6).sum()) if bounded else 0,
    )


def _by_pair(p: FloatArray, data: Comparisons) -> tuple[Estimate, Estimate]:
    """Mean NLL and accuracy with intervals over the unordered pairs."""
    p = np.clip(p, 1e-12, 1 - 1e-12)
    keys, index = data.pair_index()
    count = sums(index, data.wins + data.losses, len(keys))
    nll = sums(index, -data.wins * np.log(p) - data.losses * np.log1p(-p), len(keys))
    half = 0.5 * (data.wins + data.losses)
    right = np.where(p > 0.5, data.wins, np.where(p < 0.5, data.losses, half))
    asked = count > 0
    accuracy = clustered_rate(sums(index, right, len(keys))[asked], count[asked])
    # The ratio's own linearisation: pairs asked more often weigh more.
    mean = float(nll.sum() / count.sum())
    shifted = (nll[asked] - mean * count[asked]) / count[asked].mean() + mean
    found = mean_interval(shifted)
    return msgspec.structs.replace(found, low=max(0.0, found.low)), accuracy
