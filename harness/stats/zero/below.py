"""What a zero says: utilities from it, the share of each group below it, whether zeros agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from harness.errors import UsageError
from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.zero.answers import OPTOUT
from harness.stats.zero.fit import ZeroFit

__all__ = ["NOTABLE", "Below", "ZerosApart", "agreement", "below", "place_of", "placed"]

DRAWS = 2000
NOTABLE = 0.5
"""A distance of zeros that a study ought to find: a choice of 64 to 36 between them."""
_POWER = 0.841621
"""Normal quantile of .80."""


@dataclass(frozen=True)
class Below:
    """Share of a group's items below the zero, with 95 % interval; `group` "" is all items. The
    interval is for these items, not for a population of them."""

    group: str
    share: float
    low: float
    high: float
    items: int


@dataclass(frozen=True)
class ZerosApart:
    """Two zeros: how much higher the second lies, with 95 % interval and the p that they agree.
    `detectable` is the distance that so many answers tell from none in .80 of data sets: a test
    that finds nothing says no more than that zeros do not lie much farther apart than this.
    `questions` is how many against the opt-out, the first of the two, would find zeros
    `NOTABLE` apart in .80; None where no number would, and for two other zeros."""

    one: str
    other: str
    apart: float
    low: float
    high: float
    p: float
    detectable: float
    questions: float | None


def place_of(fitted: ZeroFit, zero: str) -> int:
    """Where a zero, or an item by name, stands in `mean`; UsageError naming what there is."""
    answers = fitted.answers
    if zero in answers.zeros:
        return len(answers.items) + answers.zeros.index(zero)
    if zero in answers.items:
        return answers.items.index(zero)
    there = ", ".join(answers.zeros) or "none"
    raise UsageError(
        f"no zero {zero!r}; there are answers for {there}; expected one of them or an item's id"
    )


def placed(fitted: ZeroFit, zero: str) -> tuple[FloatArray, FloatArray]:
    """(n,) utilities from the zero, and their standard errors."""
    n, at, c = len(fitted.answers.items), place_of(fitted, zero), fitted.covariance
    variance = np.diagonal(c)[:n] + c[at, at] - 2 * c[at, :n]
    return fitted.mean[:n] - fitted.mean[at], np.sqrt(np.maximum(variance, 0))


def below(fitted: ZeroFit, zero: str, *, rng: np.random.Generator) -> list[Below]:
    """All items first, then each group in the order of its name (none where there is one)."""
    n, at = len(fitted.answers.items), place_of(fitted, zero)
    values, vectors = np.linalg.eigh(fitted.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    drawn = fitted.mean[:, None] + root @ rng.standard_normal((len(root), DRAWS))
    under = drawn[:n] < drawn[at]
    if at < n:
        under = np.delete(under, at, axis=0)
    groups = np.array([g for k, g in enumerate(fitted.answers.groups) if k != at])
    names: Sequence[str] = sorted(set(groups.tolist()))
    found = [_below("", under)]
    if len(names) > 1:
        found += [_below(name or "unknown", under[groups == name]) for name in names]
    return found


def _below(group: str, under: FloatArray) -> Below:
    shares = under.mean(axis=0)
    # Shares go in steps of one item: quantiles of the draws would hold a step more than 95 %.
    mean, half = float(shares.mean()), 1.959964 * float(shares.std())
    return Below(group, mean, max(mean - half, 0.0), min(mean + half, 1.0), len(under))


def agreement(fitted: ZeroFit) -> list[ZerosApart]:
    """Every pair of zeros that the answers give."""
    zeros, found = fitted.answers.zeros, []
    for k, one in enumerate(zeros):
        for other in zeros[k + 1 :]:
            i, j = place_of(fitted, one), place_of(fitted, other)
            c = fitted.covariance
            se = float(np.sqrt(c[i, i] + c[j, j] - 2 * c[i, j]))
            apart = float(fitted.mean[j] - fitted.mean[i])
            p = float(2 * ndtr(-abs(apart) / se))
            half = 1.959964 * se
            least = half + _POWER * se
            asked = _questions(fitted, one, se)
            found.append(ZerosApart(one, other, apart, apart - half, apart + half, p, least, asked))
    return found


def _questions(fitted: ZeroFit, zero: str, se: float) -> float | None:
    """Questions against the opt-out that bring the error `se` of its distance from another zero to
    what finds `NOTABLE` in .80: the opt-out's own part of the variance, about the items' mean, goes
    down as they go up, and the rest stays."""
    if zero != OPTOUT:
        return None
    answers, n, at = fitted.answers, len(fitted.answers.items), place_of(fitted, zero)
    c = fitted.covariance
    own = float(c[at, at] - 2 * c[at, :n].mean() + c[:n, :n].mean())
    asked = int(((answers.first == at) | (answers.second == at)).sum())
    left = (NOTABLE / (1.959964 + _POWER)) ** 2 - (se**2 - own)
    return asked * own / left if left > 0 else None
