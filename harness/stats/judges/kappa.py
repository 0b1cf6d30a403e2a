"""Cohen's κ: agreement of two judges beyond what their own rates would give."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from harness.stats.intervals import Estimate, undefined

__all__ = ["cohen_kappa"]


def cohen_kappa(
    first: Sequence[str], second: Sequence[str], *, confidence: float = 0.95
) -> Estimate:
    """κ of two judges' classes of the same texts, in order.

    Interval by the asymptotic standard error of Fleiss, Cohen and Everitt (1969). Undefined
    where both give one and the same class throughout: chance alone explains that.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} classes beside {len(second)}")
    n = len(first)
    if not n:
        return undefined("no texts")
    classes = {name: index for index, name in enumerate(sorted({*first, *second}))}
    table = np.zeros((len(classes), len(classes)))
    for one, other in zip(first, second, strict=True):
        table[classes[one], classes[other]] += 1 / n
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    seen, chance = float(np.trace(table)), float(rows @ columns)
    if chance >= 1 - 1e-12:
        return undefined("one class throughout", n=n)
    kappa = (seen - chance) / (1 - chance)
    own = np.diag(table) * ((1 - chance) - (rows + columns) * (1 - seen)) ** 2
    crossed = table * (columns[:, None] + rows[None, :]) ** 2
    np.fill_diagonal(crossed, 0.0)
    spread = own.sum() + (1 - seen) ** 2 * crossed.sum()
    spread -= (seen * chance - 2 * chance + seen) ** 2
    error = math.sqrt(max(0.0, spread) / n) / (1 - chance) ** 2
    z = float(ndtri((1 + confidence) / 2))
    return Estimate(
        estimate=kappa, low=max(-1.0, kappa - z * error), high=min(1.0, kappa + z * error), n=n
    )
