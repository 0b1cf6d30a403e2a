"""What an estimate is, and the intervals that several quantities share.

The bootstrap resamples items (or pairs), never single answers: repeats of one item are not
independent. A statistic is written as a function of sums over items, so that all resamples are
one matrix product and the jackknife of the BCa interval costs one subtraction.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

__all__ = [
    "Bootstrap",
    "Estimate",
    "FloatArray",
    "Tested",
    "average_cells",
    "clustered_rate",
    "difference",
    "estimate_of",
    "fisher_interval",
    "mean_interval",
    "tested",
    "undefined",
    "wilson",
]

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], FloatArray]

_CHUNK = 4_000_000
"""Elements of one block of resampling weights held as float64 (32 MB)."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a table, with its interval and what stands behind it.

    `n` counts the units that the interval treats as independent (items; pairs for choices).
    `cells` is the number of cells (seed pairs, templates, …) that were averaged, and `undefined`
    how many more could not be computed and were left out, never set to zero. `interval` names
    the method. NaN means "not defined", NaN in `low` and `high` "no interval"; JSON has null.
    """

    estimate: float
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    cells: int = 1
    undefined: int = 0
    interval: str = ""
    note: str = ""


class Tested(Estimate, frozen=True, kw_only=True):
    """An estimate with a two-sided p-value; `test` names the test and its degrees of freedom."""

    p: float = math.nan
    test: str = ""


def tested(estimate: Estimate, *, p: float, test: str, left_out: int = 0) -> Tested:
    """`estimate` with the p-value of a test, and the units left out, added."""
    fields = msgspec.structs.asdict(estimate)
    fields["undefined"] += left_out
    return Tested(**fields, p=p, test=test)


def undefined(note: str, *, n: int = 0) -> Estimate:
    """An estimate that does not exist, and why."""
    return Estimate(estimate=math.nan, n=n, cells=0, note=note)


def difference(now: Estimate, before: Estimate) -> Estimate:
    """`now` less `before`, as of independent samples, from their intervals alone.

    Limits by square-and-add (Newcombe 1998; Zou & Donner 2008): each side of the difference takes
    the distances of the two limits that lie on that side. Too wide where the samples share units
    that agree. No interval where either has none.
    """
    value = now.estimate - before.estimate
    return Estimate(
        estimate=value,
        low=value - math.hypot(now.estimate - now.low, before.high - before.estimate),
        high=value + math.hypot(now.high - now.estimate, before.estimate - before.low),
        n=min(now.n, before.n),
        cells=min(now.cells, before.cells),
        interval="square-and-add",
    )


class Bootstrap(msgspec.Struct, frozen=True, kw_only=True):
    """BCa bootstrap over independent units (Efron 1987), reproducible from `seed`.

    The resamples of n units depend on seed, n and `resamples` alone, so a table does not change
    with the order in which its cells are computed. With `resamples` 0 there are no intervals.
    """

    seed: int = 0
    resamples: int = 1000
    confidence: float = 0.95

    def rng(self, *key: int) -> np.random.Generator:
        """A generator for other random steps (permutations) of the same analysis."""
        return np.random.default_rng((self.seed, *key))

    def estimates(
        self, parts: FloatArray, statistic: Statistic, *, means: int = 1
    ) -> list[Estimate]:
        """Estimates with intervals of a statistic of sums.

        `parts` is (units × s); `statistic` maps sums (m × s) to values (m × q). Returns q
        estimates. `means` are estimated from the units and taken out: as many degrees of freedom
        are lost.
        """
        total = parts.sum(axis=0, keepdims=True)
        with np.errstate(all="ignore"):
            point = np.atleast_2d(statistic(total))[0]
            if self.resamples == 0 or len(parts) < 2:
                return [Estimate(estimate=float(value), n=len(parts)) for value in point]
            draws = statistic(_resampled_sums(parts, self.seed, self.resamples))
            jackknife = statistic(total - parts)
        return [
            self._estimate(value, draws[:, j], jackknife[:, j], len(parts), means)
            for j, value in enumerate(point)
        ]

    def estimate(self, parts: FloatArray, statistic: Statistic, *, means: int = 1) -> Estimate:
        """As `estimates`, for a statistic with one value (m × s → m)."""
        return self.estimates(parts, lambda sums: statistic(sums)[:, None], means=means)[0]

    def draws(self, parts: FloatArray, statistic: Statistic) -> tuple[float, FloatArray]:
        """A statistic with one value (m × s → m), and its values in the resamples."""
        with np.errstate(all="ignore"):
            point = float(statistic(parts.sum(axis=0, keepdims=True))[0])
            if self.resamples == 0 or len(parts) < 2:
                return point, np.empty(0)
            return point, statistic(_resampled_sums(parts, self.seed, self.resamples))

    def _estimate(
        self, value: float, draws: FloatArray, jackknife: FloatArray, units: int, means: int
    ) -> Estimate:
        finite = draws[np.isfinite(draws)]
        note = ""
        if len(finite) < len(draws):
            note = f"undefined in {len(draws) - len(finite)} of {len(draws)} resamples"
        if not np.isfinite(value) or len(finite) < len(draws) / 2:
            return Estimate(estimate=float(value), n=units, note=note)
        inside = jackknife[np.isfinite(jackknife)]
        low, high = _bca(value, finite, inside, units, means, self.confidence)
        return Estimate(
            estimate=float(value), low=low, high=high, n=units, interval="bootstrap", note=note
        )


@lru_cache(maxsize=8)
def _weights(units: int, seed: int, resamples: int) -> NDArray[np.uint8]:
    """How often each unit is drawn in each resample (resamples × units)."""
    rng = np.random.default_rng((seed, units, resamples))
    weights = np.empty((resamples, units), dtype=np.uint8)
    step = max(1, _CHUNK // units)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        index = rng.integers(units, size=(rows, units))
        index += np.arange(rows)[:, None] * units
        counts = np.bincount(index.ravel(), minlength=rows * units)
        weights[start : start + rows] = counts.reshape(rows, units)
    return weights


def _resampled_sums(parts: FloatArray, seed: int, resamples: int) -> FloatArray:
    weights = _weights(len(parts), seed, resamples)
    step = max(1, _CHUNK // len(parts))
    return np.concatenate(
        [
            weights[start : start + step].astype(np.float64) @ parts
            for start in range(0, resamples, step)
        ]
    )


def _bca(
    value: float,
    draws: FloatArray,
    jackknife: FloatArray,
    units: int,
    means: int,
    confidence: float,
) -> tuple[float, float]:
    """Bias-corrected accelerated limits; percentile limits where the correction has no meaning.

    Tails are widened for few units as Student's t widens a mean's interval (Hesterberg 2015).
    """
    left = max(units - means, 1)
    wide = math.sqrt(units / left) * stdtrit(left, (1 + confidence) / 2)
    tails = np.array([-wide, wide])
    tolerance = 1e-12 * max(1.0, abs(value))
    below = np.mean(draws < value - tolerance) + np.mean(np.abs(draws - value) <= tolerance) / 2
    if 0 < below < 1:
        bias = ndtri(below)
        spread = jackknife.mean() - jackknife if len(jackknife) else np.zeros(1)
        scale = np.sum(spread**2) ** 1.5
        acceleration = np.sum(spread**3) / (6 * scale) if scale > 0 else 0.0
        z = bias + tails
        tails = bias + z / (1 - acceleration * z)
    low, high = np.quantile(draws, ndtr(tails))
    return float(low), float(high)


def wilson(rate: float, n: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a rate seen in `n` answers; `n` may be an effective number."""
    if n <= 0:
        return math.nan, math.nan
    z = float(ndtri((1 + confidence) / 2))
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(0.0, rate * (1 - rate)) / n + z * z / (4 * n * n))
    # At the ends the formula gives 0 and 1 but for rounding.
    low = 0.0 if rate <= 0 else max(0.0, centre - half)
    high = 1.0 if rate >= 1 else min(1.0, centre + half)
    return low, high


def clustered_rate(
    successes: FloatArray, counts: FloatArray, *, confidence: float = 0.95
) -> Estimate:
    """A rate over answers that come in clusters (repeats of an item, orders of a pair).

    `successes` and `counts` are per cluster; successes may be sums of probabilities. The interval
    is Wilson's at the effective number of answers: the number of answers divided by the design
    effect of the ratio estimate (Kish 1965), which never makes it narrower than a binomial
    would unless answers are probabilities. `n` is the number of clusters.
    """
    keep = counts > 0
    successes, counts = successes[keep], counts[keep]
    clusters, answers = len(counts), float(counts.sum())
    if clusters == 0:
        return undefined("no answers")
    rate = float(successes.sum() / answers)
    binomial = rate * (1 - rate) / answers
    soft = bool(np.any(successes != np.round(successes)))
    effective = answers
    if clusters > 1 and binomial > 1e-15:
        residual = successes - rate * counts
        correction = clusters / (clusters - 1) if soft or counts.max() > 1 else 1.0
        variance = correction * float(np.sum(residual**2)) / answers**2
        ratio = variance / binomial if soft else max(1.0, variance / binomial)
        effective = answers / max(ratio, 1e-9)
    elif clusters > 1:
        # All answers alike: repeats add nothing that the data could show to be independent.
        effective = float(clusters)
    low, high = wilson(rate, effective, confidence=confidence)
    return Estimate(estimate=rate, low=low, high=high, n=clusters, interval="Wilson")


def mean_interval(values: FloatArray, *, confidence: float = 0.95) -> Estimate:
    """Mean of one value per unit with Student's interval; NaN are left out and counted."""
    finite = values[np.isfinite(values)]
    missing = len(values) - len(finite)
    if len(finite) == 0:
        return undefined("no values")
    mean = float(finite.mean())
    if len(finite) == 1:
        return Estimate(estimate=mean, n=1, undefined=missing)
    half = float(stdtrit(len(finite) - 1, (1 + confidence) / 2))
    half *= float(finite.std(ddof=1)) / math.sqrt(len(finite))
    return Estimate(
        estimate=mean,
        low=mean - half,
        high=mean + half,
        n=len(finite),
        undefined=missing,
        interval="t",
    )


def fisher_interval(r: float, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a Pearson correlation over `n` units by Fisher's z."""
    if n < 4 or not math.isfinite(r):
        return math.nan, math.nan
    if abs(r) >= 1:
        return r, r
    half = float(ndtri((1 + confidence) / 2)) / math.sqrt(n - 3)
    return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


_CORRELATIONS = ("r", "icc", "cross_seed_r", "informative_r")
_SHARES = (
    *("normalised", "kl_uniform_normalised", "consistency", "outcome_consistency"),
    *("zero_variance", "answered", "refused", "disclaimed", "invalid", "failed"),
)


def average_cells(
    cells: Sequence[Estimate], *, quantity: str = "", confidence: float = 0.95
) -> Estimate:
    """Mean of several cells' estimates: counts the cells averaged and those that were undefined.

    The interval is Student's over cells (how the quantity varies from cell to cell), cut where
    the `quantity`, by its name in tables, ends: 1 of a correlation, 0 and 1 of a share. `n` is the
    number of items of the smallest cell averaged.
    """
    used = [cell for cell in cells if math.isfinite(cell.estimate)]
    mean = mean_interval(np.array([cell.estimate for cell in cells]), confidence=confidence)
    least, most = _ends(quantity)
    return msgspec.structs.replace(
        mean,
        low=max(mean.low, least) if mean.interval else mean.low,
        high=min(mean.high, most) if mean.interval else mean.high,
        n=min((cell.n for cell in used), default=0),
        cells=len(used),
        undefined=len(cells) - len(used),
        interval=f"{mean.interval} over cells" if mean.interval else "",
    )


def _ends(quantity: str) -> tuple[float, float]:
    """The least and the greatest value that a quantity can have."""
    quantity = quantity.removesuffix("_without_refused")
    if quantity in _CORRELATIONS or quantity.startswith("icc_"):
        return -1.0, 1.0
    ends, begins = ("_share", "_rate"), "consistent_"
    if quantity in _SHARES or quantity.endswith(ends) or quantity.startswith(begins):
        return 0.0, 1.0
    return -math.inf, math.inf


def estimate_of(row: Mapping[str, Any], *, key: str = "estimate") -> Estimate:
    """An estimate from a row of a statistics table (columns `key`, low, high, n, …)."""
    given = {name: value for name, value in row.items() if value is not None}
    return Estimate(
        estimate=float(given.get(key, math.nan)),
        low=float(given.get("low", math.nan)),
        high=float(given.get("high", math.nan)),
        n=int(given.get("n", 0)),
        cells=int(given.get("cells", 1)),
        undefined=int(given.get("undefined", 0)),
        note=str(given.get("note", "")),
    )
