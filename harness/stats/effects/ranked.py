"""A change beside those under random directions: its mean with interval, and p by rank."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["mean_change", "orders_apart", "rank_p"]

Array = npt.NDArray[np.float64]


def orders_apart(first: Array, second: Array) -> tuple[Array, Array]:
    """Content and position of logits of choosing an item over another, shown first and shown
    second: (first + second) / 2 is the preference, (first − second) / 2 what being shown first is
    worth."""
    return (first + second) / 2, (first - second) / 2


def mean_change(values: Array) -> tuple[Array, Array, Array]:
    """Mean change [directions] of `values` [units, directions] against the first direction, with
    the 95 % interval over units (±1.96 standard errors; NaN for one unit)."""
    change = values - values[:, :1]
    mean = change.mean(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = change.std(0, ddof=1) if len(change) > 1 else np.full(len(mean), np.nan)
    reach = 1.96 * spread / np.sqrt(len(change))
    return mean, mean - reach, mean + reach


def rank_p(own: float, others: Sequence[float] | Array) -> float:
    """Two-sided p of a change by its rank among changes under random directions: the share, itself
    included, that move as much or more either way. Exact where all are exchangeable."""
    at_least = sum(abs(other) >= abs(own) for other in others)
    return float((1 + at_least) / (1 + len(others)))
