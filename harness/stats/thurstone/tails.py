"""Whether a few items lie farther from the rest than one normal prior allows for.

What the answers say of an item without the prior is about N(m, v), with 1/v = 1/V − 1/τ² and
m = v·mean/V from its posterior N(mean, V). Under one normal m ~ N(0, τ² + v); against it stands a
mixture with a share w of a wider normal. What the mixture gains in log-likelihood, both at their
best, is the evidence.
"""

import numpy as np
from scipy.special import logsumexp

from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.fit import Fit

__all__ = ["FAR", "tail_gain"]

FAR = 1.0
"""Nats from which items are said to lie far: normal utilities gave .8 at most in 36 data sets; ten
of a hundred items far out 5 to 17 at 28 comparisons an item, and at 10 more than 1 in 5 of 12."""
# A grid, as only the gain counts: from two items in a hundred far out to one in five, spread three
# to eight times as far. A larger share or a smaller factor is a normal again.
_SHARES = np.array([0.02, 0.05, 0.1, 0.2])
_WIDER = np.array([3.0, 5.0, 8.0])


def tail_gain(fitted: Fit) -> float:
    """Log-likelihood that a mixture gains over one normal; 0 without a prior."""
    tau = fitted.tau
    if tau is None or fitted.method != "ep":
        return 0.0
    mean, variance = fitted.posterior.gaussian.own()
    left = np.maximum(1 / variance - 1 / tau**2, 1e-6)
    v, m = 1 / left, mean / variance / left
    scales = tau * np.exp(np.linspace(-2, 1, 25))
    normal = _log_normal(m, v, scales)
    best = max(
        float(_mixed(normal, _log_normal(m, v, wider * scales), share).max())
        for share in _SHARES
        for wider in _WIDER
    )
    return best - float(normal.sum(axis=0).max())


def _log_normal(m: FloatArray, v: FloatArray, scales: FloatArray) -> FloatArray:
    """(n, scales) log densities of m."""
    total = v[:, None] + scales**2
    return np.asarray(-0.5 * (np.log(total) + m[:, None] ** 2 / total))


def _mixed(narrow: FloatArray, wide: FloatArray, share: float) -> FloatArray:
    both = np.stack([narrow + np.log1p(-share), wide + np.log(share)])
    return np.asarray(logsumexp(both, axis=0).sum(axis=0))
