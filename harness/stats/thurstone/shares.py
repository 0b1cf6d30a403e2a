"""The shares of common noise (see `pair_effects`) that the evidence prefers, found with τ.

Two parameters, the logits of the whole share and of the pair's part in it, climb by the signs of
the evidence's derivatives with steps that grow while a sign stays and halve when it turns
(Riedmiller & Braun 1993): a few loose sweeps a step are enough to know a sign.
"""

import numpy as np
from scipy.special import expit

from harness.stats.thurstone.comparisons import Comparisons, FloatArray
from harness.stats.thurstone.ep import Sweeps
from harness.stats.thurstone.evidence import newton_prior
from harness.stats.thurstone.pair_effects import PairEffects, Shares
from harness.stats.thurstone.precision import Design

__all__ = ["LEAST", "MOST", "REPEATS", "find_shares", "repeated", "share", "unanimous"]

REPEATS = 1.1
"""Mean comparisons a pair from which answers are looked at for what they have in common."""
LEAST, MOST = 0.01, 0.97
"""A share below is none; one above is taken for answers that repeat themselves."""
ROUNDS = 30


def repeated(data: Comparisons) -> bool:
    """Whether pairs were asked often enough for their answers to say what they have in common."""
    pairs = np.sort(
        np.minimum(data.first, data.second) * data.n + np.maximum(data.first, data.second)
    )
    return bool(data.total >= REPEATS * (1 + np.count_nonzero(np.diff(pairs))))


def unanimous(data: Comparisons) -> bool:
    """Whether no presentation that was repeated ever got two different answers."""
    count = data.wins + data.losses
    return bool((count > 1).any() and not ((data.wins > 0) & (data.losses > 0)).any())


def find_shares(
    data: Comparisons, sweeps: Sweeps, design: Design, unit: float, *, estimate_tau: bool
) -> Shares:
    """Climb from a quarter; the sweeps are left at what is found. `design` is that of share 0."""
    rows_a_pair = len(data.first) / len(data.pair_index()[0])
    both = rows_a_pair > 1.05 and bool(((data.wins + data.losses) > 1).any())
    x = np.array([-1.0, 1.0 if both else 40.0])
    low = np.array([np.log(LEAST / (1 - LEAST)), -5.0])
    high = np.array([np.log(MOST / (1 - MOST)), 5.0 if both else 40.0])
    step, sign = np.array([1.0, 1.0 if both else 0.0]), np.zeros(2)
    for _ in range(ROUNDS):
        shares = _shares(x)
        share(data, sweeps, design, shares, unit)
        for _ in range(3):
            moved = sweeps.look()
            newton_prior(sweeps, estimate_tau=estimate_tau)
            sweeps.renew(moved)
        new = np.sign(_derivatives(sweeps, shares))
        step = np.minimum(
            np.where(new * sign < 0, 0.5 * step, np.where(new * sign > 0, 1.4 * step, step)), 1.5
        )
        sign = new
        before = x
        x = np.clip(x + step * new, low, high)
        if (np.abs(x - before) < 0.1).all():
            break
    shares = _shares(x)
    share(data, sweeps, design, shares, unit)
    return shares


def _shares(x: FloatArray) -> Shares:
    total, part = expit(x)
    return Shares(float(total * part), float(total * (1 - part)))


def share(data: Comparisons, sweeps: Sweeps, design: Design, shares: Shares, unit: float) -> None:
    """Give the sweeps these shares, and η the scale that leaves a single answer as it was."""
    scaled = design.rescaled(design.scale / float(np.sqrt(1 - shares.total)))
    sweeps.share(PairEffects(data, scaled, shares, unit), scaled)


def _derivatives(sweeps: Sweeps, shares: Shares) -> FloatArray:
    """Of the evidence in the two logits."""
    total = shares.total
    part = shares.pair / total
    by_scale = 0.5 * sweeps.scale_gradient() / (1 - total)
    pair = sweeps.rows.by_pair + by_scale * shares.pair
    shown = sweeps.rows.by_shown + by_scale * shares.shown
    return np.array([(pair + shown) * (1 - total), (1 - part) * pair - part * shown])
