"""Equivalence: is a mean difference within bounds that were said beforehand?"""

import math

import msgspec
import numpy as np
from scipy import stats

from harness.stats.intervals import FloatArray, Tested, mean_interval, tested

__all__ = ["Equivalence", "equivalence"]


class Equivalence(msgspec.Struct, frozen=True):
    """Two one-sided tests (Schuirmann 1987): `difference` with its 1 − 2α interval and the larger
    p of both; `within` where that interval lies inside ± `bound`, `beyond` where outside."""

    difference: Tested
    bound: float
    within: bool
    beyond: bool


def equivalence(values: FloatArray, *, bound: float, alpha: float = 0.05) -> Equivalence:
    """Test one paired difference a unit against ± `bound`; NaN are left out and counted."""
    found = mean_interval(values, confidence=1 - 2 * alpha)
    finite = values[np.isfinite(values)]
    n = len(finite)
    p = math.nan
    if n > 1:
        error = float(finite.std(ddof=1)) / math.sqrt(n)
        gap = bound - abs(found.estimate)
        p = float(stats.t.sf(gap / error, n - 1)) if error > 0 else float(gap <= 0)
    within = bool(-bound < found.low and found.high < bound)
    beyond = bool(found.low > bound or found.high < -bound)
    return Equivalence(tested(found, p=p, test="two one-sided t"), bound, within, beyond)
