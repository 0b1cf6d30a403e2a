"""Shares of variance of ratings: item, item × facet, noise, by restricted maximum likelihood.

    y = level means + a_item + Σ_f δ_item,level(f) + e

Items are independent given the level means (each combination of levels has one, fixed), so the
likelihood is exact: with A_i = D⁻¹ + ZᵀZ/σ² of an item's slots (k, k), log|V_i| = n log σ² +
log|D A_i| and V_i⁻¹ = (I − Z A_i⁻¹ Zᵀ/σ²)/σ².
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.optimize import minimize

from harness.errors import UsageError
from harness.stats.facets.columns import levels_of, one_but_for
from harness.stats.facets.profile import FOUND, WEAK, Profile
from harness.stats.facets.shares import Share, shares_of, variance_draws
from harness.stats.thurstone.comparisons import FloatArray, IntArray

__all__ = ["RatingFit", "rating_fit", "rating_shares"]

_FALL = 1.9207
_LEAST = -14.0
"""Log of a variance, relative to that of all ratings, that stands for none."""


@dataclass(frozen=True, eq=False)
class RatingFit:
    """`components` are ``item``, the facets, ``noise``; `variances` (K,) on the normalised scale,
    `log_covariance` of their logs, `profiles` of the facets. `levels` (F,) counts each facet's,
    `items` and `ratings` what was fitted."""

    components: tuple[str, ...]
    variances: FloatArray
    log_covariance: FloatArray
    profiles: tuple[Profile | None, ...]
    levels: tuple[int, ...]
    items: int
    ratings: int


class _Model:
    """The restricted likelihood of one data set as a function of log variances, relative to the
    variance of all ratings."""

    def __init__(self, y: FloatArray, item: IntArray, level: IntArray) -> None:
        self.n = int(item.max()) + 1
        sizes = [1, *(int(column.max()) + 1 for column in level.T)]
        starts = np.cumsum([0, *sizes])
        self.k = int(starts[-1])
        self.component = np.repeat(np.arange(len(sizes)), sizes)
        slots = np.zeros((len(y), len(sizes)), np.int64)
        slots[:, 1:] = level + starts[1:-1]
        _, combo = np.unique(level, axis=0, return_inverse=True)
        x = (
            np.eye(int(combo.max(initial=0)) + 1)[combo.ravel()]
            if level.size
            else np.ones((len(y), 1))
        )
        right = np.concatenate([x, y[:, None]], axis=1)
        self.m, self.fixed = len(y), x.shape[1]
        self.cross = right.T @ right
        self.count = np.zeros((self.n, self.k, self.k))
        self.sums = np.zeros((self.n, self.k, right.shape[1]))
        for s in slots.T:
            np.add.at(self.sums, (item, s), right)
            for r in slots.T:
                np.add.at(self.count, (item, s, r), 1.0)

    def loss(self, logs: FloatArray) -> float:
        """Minus the restricted log-likelihood, but for a constant."""
        v = np.exp(logs)
        noise, prior = v[-1], 1 / v[:-1][self.component]
        a = self.count / noise
        at = np.arange(self.k)
        a[:, at, at] += prior
        root = np.linalg.cholesky(a)
        half = np.linalg.solve(root, self.sums / noise)
        both = self.cross / noise - np.einsum("nkp,nkq->pq", half, half)
        q = self.fixed
        log_det = (
            self.m * logs[-1]
            + 2 * np.log(np.diagonal(root, axis1=1, axis2=2)).sum()
            - self.n * np.log(prior).sum()
        )
        beta = np.linalg.solve(both[:q, :q], both[:q, q])
        residual = both[q, q] - both[q, :q] @ beta
        return float(0.5 * (log_det + np.linalg.slogdet(both[:q, :q])[1] + residual))

    def best(self, start: FloatArray, held: dict[int, float] | None = None) -> FloatArray:
        """The log variances of the least loss, those `held` by index left where they are."""
        held = held or {}
        full = start.copy()
        for k, value in held.items():
            full[k] = value
        free = [k for k in range(len(start)) if k not in held]

        def loss(part: FloatArray) -> float:
            full[free] = part
            return self.loss(full)

        found = minimize(loss, full[free], method="L-BFGS-B", bounds=[(_LEAST, 4.0)] * len(free))
        full[free] = found.x
        return full

    def bend(self, logs: FloatArray, step: float = 0.05) -> FloatArray:
        """(K, K) second derivatives, by central differences."""
        size = len(logs)
        found = np.empty((size, size))
        unit = np.eye(size) * step
        for i in range(size):
            for j in range(i + 1):
                signs = ((1, 1), (1, -1), (-1, 1), (-1, -1))
                corners = [s * t * self.loss(logs + s * unit[i] + t * unit[j]) for s, t in signs]
                found[i, j] = found[j, i] = sum(corners) / (4 * step**2)
        values, vectors = np.linalg.eigh(found)
        # A well-determined log variance bends by about n/2. What bends by less than .02·n (a
        # component near zero, where the loss is flat) gets a finite, wide interval instead of none.
        return np.asarray((vectors * np.maximum(values, 0.02 * self.n)) @ vectors.T)


def rating_fit(records: pl.DataFrame, facets: Sequence[str], *, where: str = "") -> RatingFit:
    """Fit the answered ratings of a record table; UsageError where they may not be pooled but for
    the facets, or where repeats do not tell the noise from the rest."""
    ratings = records.filter(pl.col("kind") == "rating")
    if not len(ratings):
        raise UsageError(f"no rating records in {where}")
    one_but_for(ratings, facets, where=where)
    answered = ratings.filter(pl.col("normalised").is_not_null())
    y = answered["normalised"].to_numpy()
    if len(y) < 2 or np.ptp(y) == 0:
        raise UsageError(f"the ratings in {where} do not differ; no variance has a share")
    item = np.unique(answered["item"].to_numpy(), return_inverse=True)[1]
    if not item.any():
        raise UsageError(f"ratings of one item in {where}; shares of variance take two or more")
    codes = [np.unique(levels_of(answered, f).to_numpy(), return_inverse=True)[1] for f in facets]
    level = np.stack(codes, axis=1) if codes else np.zeros((len(y), 0), np.int64)
    if len(np.unique(np.column_stack([item, level]), axis=0)) == len(y):
        raise UsageError(
            f"every item has one rating under each combination of levels in {where}: its noise "
            "cannot be told from item × facet; expected seeds=2 or more"
        )
    return _fitted(y, item, level, tuple(facets))


def _fitted(y: FloatArray, item: IntArray, level: IntArray, facets: tuple[str, ...]) -> RatingFit:
    scale = float(np.var(y))
    model = _Model((y - y.mean()) / np.sqrt(scale), item, level)
    size = len(facets) + 2
    logs = model.best(np.full(size, np.log(1 / size)))
    profiles = [None, *(_profile(model, logs, 1 + f, scale) for f in range(len(facets))), None]
    covariance = np.linalg.inv(model.bend(logs))
    return RatingFit(
        ("item", *facets, "noise"),
        scale * np.exp(logs),
        np.asarray(covariance, float),
        tuple(profiles),
        tuple(int(column.max()) + 1 for column in level.T),
        model.n,
        len(y),
    )


def _profile(model: _Model, logs: FloatArray, k: int, scale: float) -> Profile:
    least = model.loss(logs)
    gain = max(model.loss(model.best(logs, {k: _LEAST})) - least, 0.0)
    sd = float(np.exp(logs[k] / 2))
    high = None
    if gain < WEAK:
        low, above = sd, max(2 * sd, 0.1)
        while above < 5 and _lost(model, logs, k, above) - least < _FALL:
            low, above = above, 1.5 * above
        for _ in range(8):
            middle = (low + above) / 2
            if _lost(model, logs, k, middle) - least < _FALL:
                low = middle
            else:
                above = middle
        high = above * float(np.sqrt(scale))
    return Profile(gain, sd * float(np.sqrt(scale)), high)


def _lost(model: _Model, logs: FloatArray, k: int, sd: float) -> float:
    return model.loss(model.best(logs, {k: 2 * float(np.log(sd))}))


def rating_shares(fitted: RatingFit, *, seed: int = 0) -> list[Share]:
    """One a source, `item × …` for the facets."""
    drawn = variance_draws(fitted.variances, fitted.log_covariance, fitted.profiles, seed=seed)
    names = [name if name in ("item", "noise") else f"item × {name}" for name in fitted.components]
    found = [None if known is None else known.gain > FOUND for known in fitted.profiles]
    return shares_of(names, fitted.variances, drawn, found)
