"""Agreement between repeats: cross-seed correlation, and what of it is not the mode's doing."""

import math
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.stats.intervals import Bootstrap, Estimate, FloatArray, clustered_rate, undefined
from harness.stats.ratings.distribution import modal_share

__all__ = ["Discrimination", "cross_seed_r", "discrimination"]

_CHUNK = 1_000_000
"""Ratings permuted at a time."""

_MIN_ITEMS = 3
"""Fewest items valid in both repeats for a correlation."""


@dataclass(frozen=True)
class Discrimination:
    """`rate` is the share of ratings off the `mode`; `informative_r` the correlation between
    repeats over items where either is off it; `no_signal` the same where repeats share nothing.
    """

    mode: float
    rate: Estimate
    informative_r: Estimate
    no_signal: Estimate


def cross_seed_r(ratings: FloatArray, *, bootstrap: Bootstrap) -> Estimate:
    """Mean over pairs of repeats of Pearson's r over items valid in both.

    `ratings` is (items × repeats). `cells` counts the pairs averaged, `undefined` those with a
    constant vector or fewer than three common items. Bootstrap over items.
    """
    return _mean_r(ratings, np.isfinite(ratings)[:, :, None] & np.isfinite(ratings)[:, None, :],
                   bootstrap)  # fmt: skip


def discrimination(
    ratings: FloatArray, *, bootstrap: Bootstrap, permutations: int = 200
) -> Discrimination:
    """Discrimination rate, informative r and its no-signal value.

    Keeping only items off the mode selects on the outcome: without any signal the informative r
    is far below zero (−.78 at 91 % modal). `no_signal` is its mean over permutations of the
    items within each repeat, with their 2.5 and 97.5 % points as low and high; read
    `informative_r` against that, not against zero.
    """
    mode, _ = modal_share(ratings)
    if math.isnan(mode):
        nothing = undefined("no ratings")
        return Discrimination(mode, nothing, nothing, nothing)
    given = np.isfinite(ratings)
    off = given & ~np.isclose(ratings, mode)
    rate = clustered_rate(off.sum(axis=1).astype(float), given.sum(axis=1).astype(float))
    informative = _mean_r(ratings, _informative(ratings, mode), bootstrap)
    none = _no_signal(ratings, mode, bootstrap, permutations)
    return Discrimination(mode, rate, informative, none)


def _informative(ratings: FloatArray, mode: float) -> NDArray[np.bool_]:
    """(items × repeats × repeats): both valid and at least one off the mode."""
    given = np.isfinite(ratings)
    off = given & ~np.isclose(ratings, mode)
    both = given[:, :, None] & given[:, None, :]
    either: NDArray[np.bool_] = off[:, :, None] | off[:, None, :]
    return both & either


def _mean_r(ratings: FloatArray, keep: NDArray[np.bool_], bootstrap: Bootstrap) -> Estimate:
    """Mean correlation of pairs of repeats over the items that `keep` has for each pair."""
    repeats = ratings.shape[1]
    if repeats < 2:
        return undefined("fewer than two repeats", n=len(ratings))
    first, second = np.triu_indices(repeats, k=1)
    used = keep[:, first, second]
    any_used = used.any(axis=1)
    if not any_used.any():
        return undefined("no item rated in two repeats")
    parts = _pair_parts(ratings[any_used], used[any_used], first, second)
    with np.errstate(all="ignore"):
        single = _pair_r(parts.sum(axis=0, keepdims=True), len(first))[0]
    defined = int(np.isfinite(single).sum())
    if defined == 0:
        return msgspec.structs.replace(
            undefined("every pair of repeats has a constant vector or under three items"),
            n=int(any_used.sum()),
            undefined=len(single),
        )
    estimate = bootstrap.estimate(parts, lambda sums: _mean_defined(_pair_r(sums, len(first))))
    return msgspec.structs.replace(estimate, cells=defined, undefined=len(single) - defined)


def _pair_parts(
    ratings: FloatArray,
    used: NDArray[np.bool_],
    first: NDArray[np.intp],
    second: NDArray[np.intp],
) -> FloatArray:
    """Per item, for each pair: used, x, y, x², y², xy; six blocks side by side."""
    centred = np.nan_to_num(ratings - np.nanmean(ratings))
    x = np.where(used, centred[:, first], 0.0)
    y = np.where(used, centred[:, second], 0.0)
    return np.concatenate([used.astype(float), x, y, x * x, y * y, x * y], axis=1)


def _pair_r(sums: FloatArray, pairs: int) -> FloatArray:
    """Pearson's r of each pair (m × pairs) from sums of `_pair_parts`; NaN where undefined."""
    count, x, y, xx, yy, xy = (sums[:, i * pairs : (i + 1) * pairs] for i in range(6))
    var_x, var_y = xx - x * x / count, yy - y * y / count
    tiny = 1e-12
    varies = (count >= _MIN_ITEMS) & (var_x > tiny * (1 + xx)) & (var_y > tiny * (1 + yy))
    r = (xy - x * y / count) / np.sqrt(np.where(varies, var_x * var_y, 1.0))
    return np.where(varies, r, np.nan)


def _mean_defined(values: FloatArray) -> FloatArray:
    defined = np.isfinite(values)
    count = defined.sum(axis=1)
    total = np.where(defined, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _no_signal(
    ratings: FloatArray, mode: float, bootstrap: Bootstrap, permutations: int
) -> Estimate:
    rng = bootstrap.rng(len(ratings), 1)
    first, second = np.triu_indices(ratings.shape[1], k=1)
    if len(first) == 0 or permutations == 0:
        return undefined("fewer than two repeats", n=len(ratings))
    at_mode = np.where(np.isclose(ratings, mode), 0.0, ratings - mode)
    step = max(1, _CHUNK // ratings.size)
    values = np.concatenate(
        [
            _informative_r(
                rng.permuted(
                    np.broadcast_to(at_mode, (min(step, permutations - start), *ratings.shape)),
                    axis=1,
                ),
                first,
                second,
            )
            for start in range(0, permutations, step)
        ]
    )
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return undefined("undefined in every permutation", n=len(ratings))
    low, high = np.quantile(values, [0.025, 0.975])
    return Estimate(
        estimate=float(values.mean()),
        low=float(low),
        high=float(high),
        n=len(ratings),
        interval="permutation",
    )


def _informative_r(
    deviations: FloatArray, first: NDArray[np.intp], second: NDArray[np.intp]
) -> FloatArray:
    """Mean informative r of each (items × repeats) matrix of ratings less the mode (m × … → m).

    A rating at the mode is 0 here and adds to no sum, so that leaving out the items where both
    are at it changes the count alone, and all sums are products of whole matrices.
    """
    given = np.isfinite(deviations)
    x = np.nan_to_num(deviations)
    on = (given & (x == 0)).astype(float)
    neither = np.swapaxes(on, 1, 2) @ on
    with_x = np.swapaxes(x, 1, 2) @ x
    if given.all():
        # Each sum is over all of a repeat's items, whatever the other repeat.
        ones = np.ones(deviations.shape[2])
        total, squares = x.sum(axis=1)[:, :, None] * ones, (x * x).sum(axis=1)[:, :, None] * ones
        count = deviations.shape[1] - neither
    else:
        valid = given.astype(float)
        turned = np.swapaxes(np.concatenate([x, x * x, valid], axis=2), 1, 2)
        total, squares, both = np.split(turned @ valid, 3, axis=1)
        count = both - neither
    blocks = (
        count[:, first, second],
        total[:, first, second],
        total[:, second, first],
        squares[:, first, second],
        squares[:, second, first],
        with_x[:, first, second],
    )
    with np.errstate(all="ignore"):
        return _mean_defined(_pair_r(np.concatenate(blocks, axis=1), len(first)))
