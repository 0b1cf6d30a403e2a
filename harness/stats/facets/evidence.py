"""The variances of the joint model by evidence, and what the data say of them.

In t = log of a component's variance v the evidence's derivative is G = ½ [Σ (m² + V)/v − N] over
its N slots, and with the sites held −dG_k/dt_l is ½ δ_kl Σ (m² + V)/v_k − ½ [2 m_kᵀC_kl m_l +
Σ C_kl²]/(v_k v_l), as for τ in `thurstone.evidence`. One pretended item with μ² = 1 keeps the
items' variance finite; a facet has none, since its variance may well be 0.
"""

import numpy as np

from harness.stats.facets.propagation import Blocks, Propagation
from harness.stats.thurstone.comparisons import FloatArray, IntArray

__all__ = ["LARGEST", "SMALLEST", "converge", "gradients", "information"]

SMALLEST, LARGEST = 1e-4, 400.0
"""Of a variance; an sd of .01 is none."""
NOTHING = 0.1
"""A variance of this size begins to count beside an answer's noise of 2."""
CAREFUL = 0.15
"""Far from its maximum the evidence bends the other way; steps there are as if it bent so much."""


def gradients(run: Propagation) -> FloatArray:
    """(K,) G of each component; the pairs' is the last where they are in the model."""
    posterior = run.posterior
    component, variances = run.layout.component, run.variances
    total = np.bincount(component, posterior.own.sum(axis=0))
    count = np.bincount(component).astype(float) * run.layout.n
    total[0] += 1
    count[0] += 1
    found = 0.5 * (total / variances - count)
    if posterior.paired is not None:
        pair = posterior.paired.gradient()
        found = np.r_[found, pair]
    return np.asarray(found)


def information(run: Propagation, *, least: float = 0.01) -> FloatArray:
    """(K, K) minus the second derivatives in t; no direction has less than a share `least` of what
    it would have with all slots known."""
    posterior, component = run.posterior, run.layout.component
    v, size = run.variances, run.layout.components
    own = np.bincount(component, posterior.own.sum(axis=0))
    own[0] += 1
    grown = _grown(posterior, component, size)
    found = 0.5 * (np.diag(own / v) - grown / np.outer(v, v))
    if posterior.paired is not None:
        bend = posterior.paired.bend()
        wide = np.zeros((size + 1, size + 1))
        wide[:size, :size], wide[size, size] = found, bend
        found = wide
    root = np.sqrt(0.5 * _slots(run, len(found)))
    scaled = found / np.outer(root, root)
    values, vectors = np.linalg.eigh((scaled + scaled.T) / 2)
    scaled = (vectors * np.maximum(values, least)) @ vectors.T
    return np.asarray(scaled * np.outer(root, root))


def _slots(run: Propagation, size: int) -> FloatArray:
    """(K,) N of each component; of the pairs', how many there are."""
    count = np.bincount(run.layout.component).astype(float) * run.layout.n
    if size > len(count):
        assert run.pairs is not None
        return np.asarray(np.r_[count, run.pairs.count], float)
    return np.asarray(count)


def _grown(posterior: Blocks, component: IntArray, size: int) -> FloatArray:
    """(K, K) 2 m_kᵀC_kl m_l + Σ C_kl²; with local blocks, items apart from each other."""
    k, pick = len(component), np.eye(size)[component]
    mean = posterior.mean[:-1]
    if posterior.dense is None:
        blocks = posterior.blocks[:-1]
        by_slot = np.einsum("ns,nsr,nr->sr", 2 * mean, blocks, mean) + (blocks**2).sum(axis=0)
        return np.asarray(pick.T @ by_slot @ pick)
    items = mean.size
    covariance = posterior.dense[:items, :items]
    weighted = (mean[:, :, None] * pick[None]).reshape(items, size)
    at = pick[np.arange(items) % k]
    squares = at.T @ (covariance**2) @ at
    return np.asarray(2 * weighted.T @ covariance @ weighted + squares)


def converge(
    run: Propagation,
    *,
    held: tuple[int, ...] = (),
    dense: bool | None = None,
    tolerance: float = 3e-3,
    limit: int = 100,
) -> bool:
    """Sweep, and move the variances but those `held` by index, until all hold still."""
    run.restart()
    for iteration in range(limit):
        moved = run.look(dense=dense)
        moved = max(moved, _newton(run, held))
        if moved < tolerance and iteration > 1:
            return True
        run.renew(moved)
    return False


def _newton(run: Propagation, held: tuple[int, ...]) -> float:
    """One step of at most a factor e for each variance; the largest in the logs."""
    slope, bend = gradients(run), information(run, least=CAREFUL)
    free = np.array([k for k in range(len(slope)) if k not in held], int)
    if not len(free):
        return 0.0
    step = np.zeros(len(slope))
    step[free] = np.linalg.solve(bend[np.ix_(free, free)], slope[free])
    step = np.clip(step, -1, 1)
    before = np.r_[run.variances, run.pair] if run.pairs is not None else run.variances
    after = np.clip(before * np.exp(step), SMALLEST, LARGEST)
    run.variances = after[: run.layout.components]
    if run.pairs is not None:
        run.pair = float(after[-1])
    # A variance that is next to nothing may wander without moving anything else.
    return float((np.abs(np.log(after / before)) * after / (after + NOTHING)).max())
