"""Correlations of utilities or mean ratings over items, weighted and corrected for noise."""

import math

import msgspec
import numpy as np
from scipy import stats

from harness.stats.intervals import Bootstrap, Estimate, FloatArray, fisher_interval, undefined

__all__ = [
    "disattenuate",
    "disattenuated",
    "pearson",
    "reliability_flat",
    "reliability_posterior",
    "spearman",
    "weighted_pearson",
]


def pearson(x: FloatArray, y: FloatArray, *, confidence: float = 0.95) -> Estimate:
    """Pearson's r over items with both values, interval by Fisher's z; NaN for a constant."""
    x, y, missing = _common(x, y)
    if len(x) < 3 or _flat(x) or _flat(y):
        return undefined("a constant, or fewer than three items", n=len(x))
    r = float(np.corrcoef(x, y)[0, 1])
    low, high = fisher_interval(r, len(x), confidence=confidence)
    return Estimate(
        estimate=r, low=low, high=high, n=len(x), undefined=missing, interval="Fisher z"
    )


def spearman(x: FloatArray, y: FloatArray, *, confidence: float = 0.95) -> Estimate:
    """Spearman's ρ over items with both values, interval by Bonett & Wright (2000)."""
    x, y, missing = _common(x, y)
    if len(x) < 3 or _flat(x) or _flat(y):
        return undefined("a constant, or fewer than three items", n=len(x))
    r = float(stats.spearmanr(x, y).statistic)
    low = high = math.nan
    if abs(r) < 1 and len(x) > 3:
        z = float(stats.norm.ppf((1 + confidence) / 2))
        half = z * math.sqrt((1 + r * r / 2) / (len(x) - 3))
        low, high = math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
    return Estimate(
        estimate=r, low=low, high=high, n=len(x), undefined=missing, interval="Bonett–Wright"
    )


def weighted_pearson(
    x: FloatArray, y: FloatArray, var_x: FloatArray, var_y: FloatArray, *, bootstrap: Bootstrap
) -> Estimate:
    """Pearson's r with weights 1/(V_x + V_y), V the items' sampling variances.

    Weighting alone does not undo attenuation: see `disattenuated`. Bootstrap over items.
    """
    x, y, var_x, var_y, missing = _with_variances(x, y, var_x, var_y)
    if len(x) < 3:
        return undefined("fewer than three items with a variance", n=len(x))
    w = 1 / (var_x + var_y)
    w, x, y = w / w.mean(), x - x.mean(), y - y.mean()
    parts = np.column_stack([w, w * x, w * y, w * x * x, w * y * y, w * x * y])
    return msgspec.structs.replace(bootstrap.estimate(parts, _r), undefined=missing)


def disattenuated(
    x: FloatArray,
    y: FloatArray,
    var_x: FloatArray,
    var_y: FloatArray,
    *,
    shrunken: bool | tuple[bool, bool],
    bootstrap: Bootstrap,
    means: int = 1,
) -> Estimate:
    """r/√(rel_x·rel_y): the correlation that values without sampling noise would have.

    `shrunken`: x and y are posterior means under a prior (`reliability_posterior`); otherwise
    unshrunken estimates (`reliability_flat`); two values where they differ in that. `means` have
    been taken out of x and of y: their number of origins, within these. May pass 1 in a sample and
    is not cut there. NaN where a reliability is not above 0. Bootstrap over items,
    reliabilities included.
    """
    x, y, var_x, var_y, missing = _with_variances(x, y, var_x, var_y)
    if len(x) < means + 2:
        return undefined(f"fewer than {means + 2} items with a variance", n=len(x))
    x, y = x - x.mean(), y - y.mean()
    kinds = shrunken if isinstance(shrunken, tuple) else (shrunken, shrunken)
    parts = np.column_stack([np.ones(len(x)), x, y, x * x, y * y, x * y, var_x, var_y])

    def statistic(sums: FloatArray) -> FloatArray:
        n = sums[:, 0]
        rel = np.ones(len(sums))
        for (total, squares, variance), prior in zip(((1, 3, 6), (2, 4, 7)), kinds, strict=True):
            spread = (sums[:, squares] - sums[:, total] ** 2 / n) / (n - means)
            mean = sums[:, variance] / n
            one = spread / (spread + mean) if prior else 1 - mean / spread
            rel = rel * np.where(one > 0, one, np.nan)
        corrected: FloatArray = _r(sums[:, :6]) / np.sqrt(rel)
        return corrected

    estimate = bootstrap.estimate(parts, statistic, means=means)
    if not math.isfinite(estimate.estimate):
        return undefined("no reliable variance, or a constant", n=len(x))
    return msgspec.structs.replace(estimate, undefined=missing)


def disattenuate(r: Estimate, *, reliability_x: float, reliability_y: float) -> Estimate:
    """`r` and its limits divided by √(rel_x·rel_y), for reliabilities known otherwise.

    For mean ratings that is ICC(1,k). Their own uncertainty is not in the interval.
    """
    if not (reliability_x > 0 and reliability_y > 0):
        return undefined("a reliability is not above 0", n=r.n)
    scale = 1 / math.sqrt(reliability_x * reliability_y)
    return msgspec.structs.replace(
        r, estimate=r.estimate * scale, low=r.low * scale, high=r.high * scale
    )


def reliability_posterior(utilities: FloatArray, variances: FloatArray) -> float:
    """Reliability of posterior means: var(μ̂)/(var(μ̂) + mean V), V the posterior variances.

    The prior has shrunk μ̂, so its variance is what is left of the truth's: true variance =
    var(μ̂) + mean V.
    """
    spread = float(np.var(utilities, ddof=1))
    return spread / (spread + float(np.mean(variances)))


def reliability_flat(utilities: FloatArray, variances: FloatArray) -> float:
    """Reliability under a vanishing prior: 1 − mean V/var(μ̂), V the sampling variances."""
    return 1 - float(np.mean(variances)) / float(np.var(utilities, ddof=1))


def _r(sums: FloatArray) -> FloatArray:
    """Weighted Pearson's r from sums of w, wx, wy, wx², wy², wxy."""
    w, x, y, xx, yy, xy = sums.T
    var_x, var_y = xx - x * x / w, yy - y * y / w
    varies = (var_x > 1e-12 * (1 + xx)) & (var_y > 1e-12 * (1 + yy))
    r = (xy - x * y / w) / np.sqrt(np.where(varies, var_x * var_y, 1.0))
    return np.where(varies, r, np.nan)


def _common(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray, int]:
    both = np.isfinite(x) & np.isfinite(y)
    return x[both], y[both], int((~both).sum())


def _with_variances(
    x: FloatArray, y: FloatArray, var_x: FloatArray, var_y: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, int]:
    both = np.isfinite(x + y + var_x + var_y) & (var_x + var_y > 0)
    return x[both], y[both], var_x[both], var_y[both], int((~both).sum())


def _flat(values: FloatArray) -> bool:
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())))
