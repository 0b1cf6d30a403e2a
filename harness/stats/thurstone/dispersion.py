"""Residual dispersion: how much more, or less, answers scatter than independent ones would.

    φ = Σ_pairs (Σ_k o_k r_k)² / Σ_k c_k F_k(1 − F_k) · pairs/(pairs − p),  r = wins − c·F,

summed within an unordered pair first (o = ±1 is the order shown), so that what a pair's questions
have in common is not counted as if they were independent; p is the effective number of parameters.

* Soft counts are probabilities read off the model, not answers drawn from it, so F(1 − F) is not
  their variance: φ is far below 1, and without it intervals would be far too wide.
* Answers to a pair that is asked several times agree more than the model allows (the pair has a
  preference of its own; a model at temperature 0 repeats itself): φ is above 1, and without it
  intervals would be too narrow. With one answer a pair there is nothing to see, nor to correct.
"""

import numpy as np

from harness.stats.thurstone.comparisons import Comparisons, FloatArray, sums
from harness.stats.thurstone.links import Link

__all__ = ["dispersion"]


def dispersion(data: Comparisons, link: Link, eta: FloatArray, parameters: float) -> float:
    """φ of the module's head; at least 1e-4, and 1 where there are no pairs to spare."""
    count = data.wins + data.losses
    p = link.probability(eta)
    oriented = np.where(data.first < data.second, 1.0, -1.0) * (data.wins - count * p)
    keys, index = data.pair_index()
    spare = len(keys) - parameters
    binomial = float((count * p * (1 - p)).sum())
    if spare < 2 or binomial <= 0:
        return 1.0
    residual = float((sums(index, oriented, len(keys)) ** 2).sum())
    return max(residual / binomial * len(keys) / spare, 1e-4)
