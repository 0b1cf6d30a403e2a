"""A prior of two normals where a few items lie farther from the rest than one allows for.

What the answers say of an item without its prior is about N(m, v), from its posterior N(mean, V)
and the prior's own part of it. Under one normal m ~ N(0, s² + v); against it stands a mixture with
a share of items from a normal that is several times as wide. What the mixture gains in
log-likelihood, both at their best, is the evidence; where it is enough, the mixture takes the place
of the normal, each item's prior matched to the moments of its tilted distribution as an answer's
site is (see `ep`). One normal would draw far items to the rest, and be sure of it.
"""

from dataclasses import replace

import numpy as np
from scipy.special import logsumexp

from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.ep import Gaussian, OwnPriors, Sweeps, Tails

__all__ = ["FAR", "form_is_seen", "tails_of", "with_tails"]

FAR = 0.0
"""Nats from which the mixture is taken: where it is better. It covers normal utilities as well as
one normal does, so that little hangs on it: of 80 normal data sets 4 gained more than 0, of 20 with
ten items of a hundred far out all at 28 comparisons an item and 11 at 10, where such items win all
their comparisons."""
KNOWN = 0.5
"""Share of the prior's variance that answers leave at most for its form to be asked after: of thin
or one-sided data several mixtures say the same."""
# A grid, as only its best matters: from two items in a hundred far out to one in five, spread three
# to eight times as far. A larger share or a smaller factor is a normal again.
_SHARES = (0.02, 0.05, 0.1, 0.2)
_WIDER = (3.0, 5.0, 8.0)
_MANY = 2000
"""Items from which so many, evenly taken, stand for all: the grid costs 300 densities an item."""
_ROUNDS, _SWEEPS = 6, 12


def tails_of(gaussian: Gaussian, priors: OwnPriors | None, near: float) -> tuple[float, Tails]:
    """Log-likelihood that the best mixture gains over the best normal, and that mixture; `near`
    (a standard deviation) is where its scale is looked for."""
    m, v = _cavities(gaussian, priors)
    every = max(1, len(m) // _MANY)
    m, v = m[::every], v[::every]
    # Of a fixed lattice: where sweeps came to rest must not show in the scale.
    scales = np.exp(0.125 * (round(float(np.log(near)) / 0.125) + np.arange(-16, 9)))
    normal = _log_normal(m, v, scales)
    alone = normal.sum(axis=0)
    most, best = -np.inf, Tails(_SHARES[0], _WIDER[0], near)
    for wider in _WIDER:
        more = _log_normal(m, v, wider * scales) - normal
        for share in _SHARES:
            gained = alone + _mixed(more, share)
            at = int(np.argmax(gained))
            if gained[at] > most:
                most, best = float(gained[at]), Tails(share, wider, float(scales[at]))
    return most - float(alone.max()), best


def form_is_seen(gaussian: Gaussian) -> bool:
    """Whether the answers leave little enough of the prior's variance to tell its form."""
    return float(gaussian.own()[1].mean()) <= KNOWN * gaussian.tau**2


def with_tails(sweeps: Sweeps, tails: Tails) -> Tails:
    """Sweep under the mixture, from where the sweeps have converged under one normal; the mixture
    that is left. Its parameters follow the cavities, and are taken as known."""
    n, near = sweeps.design.n, float(np.sqrt(sweeps.tau2))
    sweeps.own = OwnPriors(np.full(n, 1 / sweeps.tau2), np.zeros(n))
    sweeps.step = 1.0
    for _ in range(_ROUNDS):
        for _ in range(_SWEEPS):
            sweeps.own = _half_way(sweeps.own, _matched(tails, sweeps.gaussian, sweeps.own))
            moved = sweeps.look()
            sweeps.renew(moved)
            if moved < 3e-3:
                break
        before = tails
        _, tails = tails_of(sweeps.gaussian, sweeps.own, near)
        if tails == before:
            break
    sweeps.gaussian = replace(sweeps.gaussian, tau=tails.sd)
    return tails


def _cavities(gaussian: Gaussian, priors: OwnPriors | None) -> tuple[FloatArray, FloatArray]:
    """Mean and variance (n,) of each item's own part without its prior."""
    mean, variance = gaussian.own()
    precision = gaussian.tau**-2 if priors is None else priors.precision
    shift = 0.0 if priors is None else priors.precision * priors.mean
    v = 1 / np.maximum(1 / variance - precision, 1e-6)
    return v * (mean / variance - shift), v


def _matched(tails: Tails, gaussian: Gaussian, priors: OwnPriors) -> OwnPriors:
    """The normal priors that give the tilted distributions' means and variances."""
    m, v = _cavities(gaussian, priors)
    s = np.array([[tails.narrow], [tails.narrow * tails.wider]]) ** 2
    share = np.log([[1 - tails.share], [tails.share]]) - 0.5 * (np.log(v + s) + m**2 / (v + s))
    share = np.exp(share - logsumexp(share, axis=0))
    means, variances = m * s / (s + v), v * s / (s + v)
    mean = (share * means).sum(axis=0)
    variance = (share * (variances + means**2)).sum(axis=0) - mean**2
    # Between the two normals the tilted variance may exceed the cavity's, which no prior gives.
    precision = np.maximum(1 / variance - 1 / v, 0.5 / s[1])
    shift = mean * (precision + 1 / v) - m / v
    return OwnPriors(precision, shift / precision)


def _half_way(one: OwnPriors, other: OwnPriors) -> OwnPriors:
    """All items' priors are renewed at once, and would overshoot."""
    precision = 0.5 * (one.precision + other.precision)
    shift = 0.5 * (one.precision * one.mean + other.precision * other.mean)
    return OwnPriors(precision, shift / precision)


def _log_normal(m: FloatArray, v: FloatArray, scales: FloatArray) -> FloatArray:
    """(n, scales) log densities of m."""
    total = v[:, None] + scales**2
    return np.asarray(-0.5 * (np.log(total) + m[:, None] ** 2 / total))


def _mixed(more: FloatArray, share: float) -> FloatArray:
    """(scales,) what a share gains, from the log ratios (n, scales) of the wide to the narrow."""
    # Beyond e^600 a ratio would overflow, and 1 beside it is nothing.
    gained = np.log(1 - share + share * np.exp(np.minimum(more, 600.0)))
    return np.asarray((gained + np.maximum(more - 600.0, 0.0)).sum(axis=0))
