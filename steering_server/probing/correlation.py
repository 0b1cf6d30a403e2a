"""How well a ridge probe orders items it was not fitted to, and how sure that is.

r is the weighted correlation, within folds, of targets with predictions from the other folds. Its
error comes of the items in two ways: each is one of those that are predicted, and one of those
that the others are predicted from. The first alone (a bootstrap of the predictions, or Fisher's
1/√(n − 3)) is too small where there is little to find: of a target that is noise, items i and j
agree by chance in both directions at once, and the error of r is √2 times that. So

    variance of r = Σ (change of r with item i among the predicted)²
                  + Σ (change of r with item i among the fitted)²

to first order, each change by leaving the item out. (The product of the two changes is left out:
it is what a jackknife counts twice for sums over pairs, and near zero where there is a signal,
since there r is stationary in the slopes.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from steering_server.probing.folds import Folds
from steering_server.probing.ridge import Array, Fitted, fit

__all__ = ["Correlation", "Estimate", "HeldOut", "difference", "held_out"]

_REACH = float(norm.ppf(0.975))
_MOST = 1 - 1e-9
"""Fisher's z has no value at 1."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Correlation:
    """r, and how it changes with each item [items]: as one of the predicted, of the fitted."""

    r: float
    predicted: Array
    fitted: Array

    @property
    def error(self) -> float:
        """Standard error of r."""
        return float(np.sqrt((self.predicted**2).sum() + (self.fitted**2).sum()))

    def estimate(self) -> Estimate:
        """With an interval that is symmetric in Fisher's z."""
        r = min(max(self.r, -_MOST), _MOST)
        reach = _REACH * self.error / (1 - r**2)
        low, high = np.tanh([np.arctanh(r) - reach, np.arctanh(r) + reach])
        return Estimate(self.r, float(low), float(high))


def difference(one: Correlation, other: Correlation) -> Estimate:
    """r of `one` less that of `other`, over the same items, with a 95 % interval."""
    gap = Correlation(one.r - other.r, one.predicted - other.predicted, one.fitted - other.fitted)
    return Estimate(gap.r, gap.r - _REACH * gap.error, gap.r + _REACH * gap.error)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Predictions [items, targets] of each item from the items of other folds, centred and of unit
    spread within its fold; the fits they come from, and their r [targets] with the targets."""

    predictions: Array
    r: Array
    _targets: Array
    _weights: Array
    _rows: Sequence[Array]
    _spread: Array
    _folds: Folds
    _fits: tuple[Fitted, ...]

    @property
    def error(self) -> Array:
        """Error by which each fold chose its penalty, [folds, targets]."""
        return np.array([one.error for one in self._fits])

    @property
    def penalty(self) -> Array:
        """Penalty of each fold, [folds, targets]."""
        return np.array([one.penalty for one in self._fits])

    def changes(self) -> tuple[Array, Array]:
        """How each r changes with each item, among the predicted and among the fitted: two of
        [items, targets]."""
        weights = self._weights[:, None]
        sizes = (weights * self.predictions**2).sum(0), (weights * self._targets**2).sum(0)
        one, other = (np.sqrt(np.maximum(size, 1e-300)) for size in sizes)
        given, wanted = self.predictions / one, self._targets / other
        predicted = weights * (given * wanted - self.r / 2 * (given**2 + wanted**2))
        gradient = weights * (wanted - self.r * given) / one
        fitted = np.zeros_like(self.predictions)
        for fold, fits in enumerate(self._fits):
            train, test = self._folds.train(fold), self._folds.test(fold)
            own = _along_fold(gradient[test], self.predictions[test], self._weights[test])
            fitted[train] += fits.pull(self._rows[fold][test], own / self._spread[fold])
        return predicted, fitted

    def correlations(self) -> tuple[Correlation, Correlation]:
        """Of the first target, and the mean over all others (zero where there are none)."""
        predicted, fitted = self.changes()
        own = Correlation(float(self.r[0]), predicted[:, 0], fitted[:, 0])
        others = max(len(self.r) - 1, 1)
        mean = (part[:, 1:].sum(1) / others for part in (predicted, fitted))
        return own, Correlation(float(self.r[1:].sum() / others), *mean)


def held_out(rows: Sequence[Array], targets: Array, weights: Array, folds: Folds) -> HeldOut:
    """Predict `targets` [items, targets] from `rows` [items, d], each fold from the others. There
    is one `rows` a fold (the same for all, unless a fold chose its own).

    Predictions are centred within folds, since an intercept from the other folds is low where this
    fold is high, which would put a correlation of its own below zero; and scaled, since a fold
    whose penalty came out larger would count for less.
    """
    predictions, centred = np.zeros_like(targets), np.zeros_like(targets)
    spreads, fits = np.ones((folds.count, targets.shape[1])), []
    for fold in range(folds.count):
        train, test = folds.train(fold), folds.test(fold)
        fitted = fit(rows[fold][train], targets[train], weights[train], folds.inner[fold])
        found = fitted.predict(rows[fold][test])
        share = weights[test] / weights[test].sum()
        centre = found - share @ found
        spread = np.sqrt(share @ centre**2)
        # Predictions that do not differ (a constant feature) stay zero.
        spreads[fold] = np.where(spread > 1e-12 * np.abs(found).max(), spread, np.inf)
        predictions[test] = centre / spreads[fold]
        centred[test] = targets[test] - share @ targets[test]
        fits.append(fitted)
    cross = weights @ (predictions * centred)
    scale = np.sqrt((weights @ predictions**2) * (weights @ centred**2))
    r = np.divide(cross, scale, out=np.zeros_like(cross), where=scale > 1e-300)
    return HeldOut(predictions, r, centred, weights, rows, spreads, folds, tuple(fits))


def _along_fold(gradient: Array, predictions: Array, weights: Array) -> Array:
    """The part of `gradient` that centring and scaling within the fold leave."""
    share = (weights / weights.sum())[:, None]
    centred = gradient - share * gradient.sum(0)
    size = (share * predictions**2).sum(0)
    along = (centred * predictions).sum(0) / np.where(size > 0, size, np.inf)
    rest: Array = centred - share * predictions * along
    return rest
