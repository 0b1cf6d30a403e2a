"""The prior's τ and the shares of common noise, by the evidence of expectation propagation; and
what their uncertainty adds to the intervals.

With t = log τ² the evidence's derivative is G(t) = ½ [(Σ (m² + V) + 1)/τ² − (n + 1)], one
pretended item with μ² = 1 among them. Its own derivative, sites held, needs
d m/dt = C m/τ² and d C/dt = C C/τ², so that t is found by Newton's steps. All that depends on τ
(far items, the position effect of a one-sided respondent) is uncertain with it: up to `GRID_ITEMS`
items the posterior is averaged over a grid of t, weighted by the evidence (G integrated along the
grid); above, (d m/dt)²·Var(t) is added.
"""

from dataclasses import replace

import numpy as np

from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.ep import LARGEST, SMALLEST, Gaussian, Sweeps
from harness.stats.thurstone.parts import PartMeans
from harness.stats.thurstone.variance import effect_variances

__all__ = [
    "GRID_ITEMS",
    "averaged",
    "block_terms",
    "converge",
    "curvature",
    "gradient",
    "newton_prior",
    "scale_error",
    "spread_out",
    "with_spread",
]

GRID_ITEMS = 150
"""Up to here a grid costs less than .1 s; above, τ is known well enough for a straight line."""
SPACING = 0.8
"""Distance of the grid's points in standard deviations of t."""
MATERIAL = 0.03
"""Share of β's variance from which the sites' own response to τ is worth two more runs."""
WIDEST = 0.5
"""Largest distance of the grid's points in t, whatever little the evidence says."""
AHEAD = 1.3
"""So many of Newton's steps in t at once, as the sites held by it follow it: 7 to 12 sweeps where
one step takes 8 to 16; from 1.7 on it oscillates."""
FAR = 4.0
"""The grid ends where the evidence has fallen by a factor e^FAR."""


def gradient(gaussian: Gaussian) -> float:
    """G(t) of the module's head."""
    mean, variance = gaussian.own()
    square = float(mean @ mean) + float(variance.sum())
    return 0.5 * ((square + 1) / gaussian.tau**2 - (len(mean) + 1))


def curvature(gaussian: Gaussian) -> float:
    """−dG/dt, sites held; at least a hundredth of what it is with μ known."""
    n, tau2 = len(gaussian.local), gaussian.tau**2
    m, variance = gaussian.own()
    if gaussian.covariance is None:
        grown = 2 * float(m**2 @ variance) + float((variance**2).sum())
    else:
        items = gaussian.covariance[:n, :n]
        if gaussian.common is not None:
            items = _about_parts(items, gaussian.common)
        grown = 2 * float(m @ (items @ m)) + float(np.einsum("ij,ij->", items, items))
    full = (float(m @ m) + float(variance.sum()) + 1) / tau2
    return max(0.5 * (full - grown / tau2**2), 0.005 * n)


def _about_parts(items: FloatArray, common: PartMeans) -> FloatArray:
    """(n, n) covariance of the items' own u, from that of μ."""
    z = common.parts.columns
    shared = common.cross[: len(z)] @ z.T
    return np.asarray(items - shared - shared.T + z @ common.variance @ z.T)


def block_terms(gaussian: Gaussian) -> tuple[FloatArray, FloatArray]:
    """(B,) G and −dG/dt in the log variance of each block of `parts`, as for τ²; −dG/dt at least
    half of what the pretended one says."""
    common = gaussian.common
    if common is None:
        return np.zeros(0), np.zeros(0)
    slopes, bends = [], []
    for b, v in enumerate(common.parts.variances):
        at = common.parts.block == b
        mean, variance = common.mean[at], common.variance[np.ix_(at, at)]
        square = float(mean @ mean) + float(np.trace(variance)) + 1
        grown = 2 * float(mean @ variance @ mean) + float((variance**2).sum())
        slopes.append(0.5 * (square / v - (len(mean) + 1)))
        bends.append(max(0.5 * (square / v - grown / v**2), 0.25))
    return np.array(slopes), np.array(bends)


def newton_prior(sweeps: Sweeps, *, estimate_tau: bool, steps: float = 1.0) -> float:
    """Move τ², where it is estimated, by so many `steps` and the blocks' variances by one, a factor
    e at most each; the largest move of their logs."""
    gaussian, before, moved = sweeps.gaussian, sweeps.tau2, 0.0
    if estimate_tau:
        step = float(np.clip(steps * gradient(gaussian) / curvature(gaussian), -1, 1))
        sweeps.tau2 = float(np.clip(before * np.exp(step), SMALLEST, LARGEST))
        moved = abs(float(np.log(sweeps.tau2 / before)))
    if sweeps.parts is not None:
        slopes, bends = block_terms(gaussian)
        was = sweeps.parts.variances
        new = np.clip(was * np.exp(np.clip(slopes / bends, -1, 1)), SMALLEST, LARGEST)
        sweeps.parts = sweeps.parts.with_variances(new)
        moved = max(moved, float(np.abs(np.log(new / was)).max()))
    return moved


def converge(
    sweeps: Sweeps, *, estimate_tau: bool, coarse: bool, tolerance: float = 3e-3, limit: int = 200
) -> Gaussian:
    """Sweep until no mean moves by more than `tolerance` posterior deviations, and τ² neither.

    `coarse`: go near with local variances, which are far cheaper, and end with dense ones, of which
    three looks in four make do without an inverse.
    """
    if coarse:
        _approach(sweeps, estimate_tau, 4 * tolerance)
    steps, slope = AHEAD, 0.0
    for iteration in range(1, limit + 1):
        moved = sweeps.look(near=coarse and iteration % 4 != 1)
        before, slope = slope, gradient(sweeps.gaussian)
        # Where items have few comparisons the sites follow τ late and far: full steps would go to
        # and fro. Shorter ones at each turn, and slowly longer again.
        steps = max(0.6 * steps, 0.1) if before * slope < 0 else min(1.1 * steps, AHEAD)
        moved = max(moved, newton_prior(sweeps, estimate_tau=estimate_tau, steps=steps) / steps)
        if moved < tolerance and iteration > 1:
            return sweeps.gaussian
        # The first look is at the sites of the mode, where nothing moves yet.
        sweeps.renew(moved if iteration > 1 else np.inf)
    return replace(sweeps.gaussian, converged=False)


def _approach(sweeps: Sweeps, estimate_tau: bool, tolerance: float) -> None:
    """With local variances, which stay beside the dense ones."""
    fine = sweeps.variances
    sweeps.variances = fine.cheaper()
    for iteration in range(1, 21):
        moved = sweeps.look()
        moved = max(moved, newton_prior(sweeps, estimate_tau=estimate_tau, steps=AHEAD))
        sweeps.renew(moved if iteration > 1 else np.inf)
        if iteration > 2 and moved < tolerance:
            break
    fine.beside = sweeps.variances.local
    sweeps.variances, sweeps.step = fine, 1.0


def averaged(sweeps: Sweeps, *, estimate_tau: bool) -> Gaussian:
    """The posterior averaged over the prior's variances, from where the sweeps have converged."""
    blocks = _blocks_held(sweeps.gaussian)
    gaussian = _averaged(sweeps) if estimate_tau else sweeps.gaussian
    if not blocks.size:
        return gaussian
    covariance = gaussian.covariance
    if covariance is not None:
        covariance = covariance + blocks @ blocks.T
    spread = np.concatenate([gaussian.spread, blocks], axis=1)
    return replace(gaussian, covariance=covariance, spread=spread)


def _averaged(sweeps: Sweeps) -> Gaussian:
    gaussian = sweeps.gaussian
    if gaussian.covariance is None or len(gaussian.local) > GRID_ITEMS:
        return with_spread(sweeps)
    # Points and their distance are of fixed lattices: where the evidence is flat, the place where
    # the sweeps came to rest must not show in the average.
    apart = min(2.0 ** round(float(np.log2(SPACING / np.sqrt(curvature(gaussian))))), WIDEST)
    t = apart * round(float(np.log(gaussian.tau**2)) / apart)
    sweeps.tau2 = float(np.clip(np.exp(t), SMALLEST, LARGEST))
    sweeps.settle(3e-3, 60)
    centre = (t, 0.0, gradient(sweeps.gaussian), sweeps.gaussian)
    points = [centre]
    for direction in (-1, 1):
        points += _walk(sweeps, centre, direction * apart)
    weight = np.exp(np.array([point[1] for point in points]))
    weight /= weight.sum()
    means = np.array([point[3].mean for point in points])
    mean = weight @ means
    away = (means - mean) * np.sqrt(weight)[:, None]
    covariance = sum(w * point[3].covariance for w, point in zip(weight, points, strict=True))
    covariance = np.asarray(covariance + away.T @ away)
    return replace(gaussian, mean=mean, covariance=covariance)


Point = tuple[float, float, float, Gaussian]
"""t, the log evidence relative to the centre's, its derivative, the posterior."""


def _walk(sweeps: Sweeps, start: Point, step: float) -> list[Point]:
    """Points away from `start` until the evidence has fallen far or τ is at its bound."""
    points: list[Point] = []
    t, value, slope, _ = start
    for _ in range(24):
        t += step
        if not np.log(SMALLEST) < t < np.log(LARGEST):
            break
        sweeps.tau2 = float(np.exp(t))
        sweeps.settle(3e-3, 60)
        new = gradient(sweeps.gaussian)
        value, slope = value + 0.5 * step * (slope + new), new
        points.append((t, value, slope, sweeps.gaussian))
        if value < -FAR:
            break
    return points


def with_spread(sweeps: Sweeps) -> Gaussian:
    """The posterior at τ̂ with (d m/dt)²·Var(t) beside its covariance."""
    return spread_out(sweeps.gaussian, scale_error(sweeps))


def scale_error(sweeps: Sweeps) -> FloatArray:
    """(n + G, 1) (d m/dt)·sd(t) at τ̂."""
    gaussian, n = sweeps.gaussian, sweeps.design.n
    away = _sites_held(gaussian)
    own = effect_variances(gaussian.precision)
    if (away[n:, 0] ** 2 > MATERIAL * own).any():
        away = _by_difference(sweeps)
    return away


def spread_out(gaussian: Gaussian, away: FloatArray) -> Gaussian:
    """The posterior with away·awayᵀ beside its covariance."""
    covariance = gaussian.covariance
    if covariance is not None:
        more = away @ away.T
        more += covariance
        covariance = more
    return replace(gaussian, covariance=covariance, spread=away)


def _sites_held(gaussian: Gaussian) -> FloatArray:
    """(n + G, 1) (d m/dt)·sd(t) with the sites held: one product, and a little too small."""
    n, common = len(gaussian.local), gaussian.common
    pull = np.zeros(len(gaussian.mean))
    pull[:n] = gaussian.own()[0] / gaussian.tau**2
    if gaussian.covariance is None:
        moved = gaussian.precision.solve(pull, tolerance=1e-4)
    else:
        moved = gaussian.covariance @ pull
    if common is not None:
        moved = moved - common.cross @ (common.parts.columns.T @ pull[:n])
    return np.asarray((moved / np.sqrt(curvature(gaussian)))[:, None])


def _blocks_held(gaussian: Gaussian) -> FloatArray:
    """(n + G, B) the same for the blocks' variances."""
    common = gaussian.common
    if common is None:
        return np.zeros((len(gaussian.mean), 0))
    _, bends = block_terms(gaussian)
    moved = [
        common.cross[:, at] @ common.mean[at] / v / np.sqrt(bend)
        for b, (v, bend) in enumerate(zip(common.parts.variances, bends, strict=True))
        for at in [common.parts.block == b]
    ]
    return np.stack(moved, axis=1)


def _by_difference(sweeps: Sweeps, apart: float = 0.2) -> FloatArray:
    """The same from two runs that lie `apart` in t, with local variances: sites follow τ."""
    fine, tau2 = sweeps.variances, sweeps.tau2
    sweeps.variances = fine.cheaper()
    ends = []
    for side in (-0.5, 0.5):
        sweeps.tau2 = tau2 * float(np.exp(side * apart))
        sweeps.settle(1e-3, 60)
        ends.append((sweeps.gaussian.mean, gradient(sweeps.gaussian)))
    sweeps.variances, sweeps.tau2 = fine, tau2
    (low, slope), (high, after) = ends
    bend = max((slope - after) / apart, 0.005 * len(sweeps.gaussian.local))
    return np.asarray(((high - low) / apart / np.sqrt(bend))[:, None])
