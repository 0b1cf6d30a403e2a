"""Variances of the joint model's blocks where there are too many parameters for an inverse.

Gaussian belief propagation between the blocks: exact on a tree, and on a graph of comparisons as
good as Bethe's approximation is. A row of weight t (on the latent difference) joins the blocks of
its two items and of the position effect along its a; with c_e the variance aᵀx_e without the row,
it tells block e the precision 1/(1/t + Σ c of the others). Levels that no comparison sees (the mean
of all items under one wording) are left out, as in `thurstone.variance`.
"""

import numpy as np

from harness.stats.facets.layout import Layout
from harness.stats.thurstone.comparisons import FloatArray

__all__ = ["LocalBlocks"]


class LocalBlocks:
    """Keeps the messages between calls as the next start."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._messages: FloatArray | None = None

    def update(
        self, weights: FloatArray, prior: FloatArray, sweeps: int = 3
    ) -> tuple[FloatArray, FloatArray]:
        """Covariances (n + 1, k, k) of the blocks and the rows' Var(η), (m,).

        `weights` (m,) are of η, `prior` (n + 1, k) the slots' own precision.
        """
        # η is the latent difference over √2.
        noise = (2 / np.maximum(weights, 1e-12))[:, None]
        messages = self._messages
        if messages is None:
            messages = np.repeat(1 / (2 * noise), 3, axis=1)
        for _ in range(sweeps):
            covariance = self._blocks(messages, prior)
            without = self._without(covariance, messages)
            others = without.sum(axis=1, keepdims=True) - without
            messages = 1 / (noise + others)
        self._messages = messages
        covariance = self._blocks(messages, prior)
        total = self._without(covariance, messages).sum(axis=1)
        return covariance, np.asarray(0.5 / (1 / noise[:, 0] + 1 / total))

    def _blocks(self, messages: FloatArray, prior: FloatArray) -> FloatArray:
        precision = self.layout.blocks(messages)
        at = np.arange(self.layout.k)
        precision[:, at, at] += prior
        return np.asarray(np.linalg.inv(precision))

    def _without(self, covariance: FloatArray, messages: FloatArray) -> FloatArray:
        """(m, 3) variance of aᵀx at each end, the row's own message taken out."""
        with_row = self.layout.along(covariance)
        return np.asarray(with_row / np.maximum(1 - messages * with_row, 1e-3))
