"""Expectation propagation for the joint model, at given variances of its components.

The sites are those of the fit of one wording (`thurstone.ep`); what is new is the posterior between
them: blocks of an item's slots, and pairs' own effects. With few parameters the posterior is an
inverse; above `DENSE` it is made of `LocalBlocks` and conjugate gradients.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from harness.stats.facets.answers import FacetAnswers
from harness.stats.facets.layout import Layout
from harness.stats.facets.local import LocalBlocks
from harness.stats.facets.pairs import Paired, SharedByPair
from harness.stats.facets.solving import BlockSystem
from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.ep import laplace_sites, renewed
from harness.stats.thurstone.likelihood import Likelihood
from harness.stats.thurstone.links import Probit
from harness.stats.thurstone.variance import inverse

__all__ = ["DENSE", "Blocks", "Propagation"]

DENSE = 1300
"""Parameters up to which an inverse costs less than a tenth of a second."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Posterior of θ: `mean` (n + 1, k), covariances of the blocks (n + 1, k, k), all of it
    (size, size) where `dense`; `weights` (m,) of the rows, `prior` (n + 1, k) precisions, `paired`
    what pairs' effects did where they are in the model."""

    mean: FloatArray
    blocks: FloatArray
    dense: FloatArray | None
    weights: FloatArray
    prior: FloatArray
    paired: Paired | None

    @property
    def own(self) -> FloatArray:
        """(n, k) posterior second moments of the items' slots."""
        variance = np.diagonal(self.blocks[:-1], axis1=1, axis2=2)
        return np.asarray(self.mean[:-1] ** 2 + variance)


class Propagation:
    """`look` makes the posterior of the sites and the prior, `renew` the sites that it says.

    `variances` (1 + F,) are the items' and each facet's, `pair` is ω² (0 without); all on the
    scale of utilities, the noise of an answer being 1.
    """

    posterior: Blocks

    def __init__(self, answers: FacetAnswers, *, variances: FloatArray, pair: float) -> None:
        self.layout = Layout.of(answers)
        self.likelihood = Likelihood(answers.data, Probit())
        self.variances, self.pair = np.asarray(variances, float), pair
        self.pairs = SharedByPair(answers.data, self.layout) if pair else None
        self.dense = self.layout.size <= DENSE
        self._local = LocalBlocks(self.layout)
        self.mean = np.zeros((self.layout.n + 1, self.layout.k))
        self._sites = laplace_sites(self.likelihood, np.zeros(len(answers.data.first)))
        self._last, self.step = np.inf, 1.0

    def look(self, *, dense: bool | None = None) -> float:
        """The posterior; the largest move of a mean, in posterior deviations."""
        likelihood, layout = self.likelihood, self.layout
        weights = likelihood.to_rows(likelihood.count * self._sites.precision)
        shifts = likelihood.to_rows(likelihood.count * likelihood.sign * self._sites.shift)
        prior = layout.prior(self.variances)
        if self.dense if dense is None else dense:
            self._dense(weights, shifts, prior)
        else:
            self._blocks(weights, shifts, prior)
        variance = np.diagonal(self.posterior.blocks, axis1=1, axis2=2)
        moved = float(np.max(np.abs(self.posterior.mean - self.mean) / np.sqrt(variance)))
        self.mean = self.posterior.mean
        return moved

    def _dense(self, weights: FloatArray, shifts: FloatArray, prior: FloatArray) -> None:
        layout, a, m = self.layout, self.layout.matrix, len(weights)
        rest = self.pairs.eliminate(weights, shifts, self.pair / 2) if self.pairs else None
        between = sparse.diags_array(weights) if rest is None else rest.between
        precision = (a.T @ (between @ a)).toarray()
        precision[np.diag_indices_from(precision)] += prior.ravel()
        covariance = inverse(precision)
        mean = covariance @ (a.T @ (shifts if rest is None else rest.left))
        if rest is None:
            paired, at = None, np.arange(m)
            self._eta, self._spread = a @ mean, layout.between(at, at, covariance)
        else:
            self._eta, self._spread, paired = rest.rows(mean, covariance)
        n, k = layout.n + 1, layout.k
        at = np.arange(n)
        blocks = covariance.reshape(n, k, n, k)[at, :, at, :]
        self.posterior = Blocks(mean.reshape(n, k), blocks, covariance, weights, prior, paired)

    def _blocks(self, weights: FloatArray, shifts: FloatArray, prior: FloatArray) -> None:
        layout = self.layout
        blocks, self._spread = self._local.update(weights, prior)
        system = BlockSystem.of(layout, weights, prior)
        right = np.asarray(layout.matrix.T @ shifts)
        mean = system.solve(right, start=self.mean.ravel(), tolerance=1e-4)
        self._eta = np.asarray(layout.matrix @ mean)
        # The mean of a slot over items, which no comparison sees, has its prior's variance; the
        # blocks are of the n − 1 other directions. Without their loss the variance of a slot that
        # the prior alone knows would be more than the prior's, and a facet that does nothing found.
        at = np.arange(layout.k)
        blocks[:-1] *= 1 - 1 / layout.n
        blocks[:-1, at, at] += 1 / prior[0] / layout.n
        self.posterior = Blocks(
            mean.reshape(layout.n + 1, layout.k), blocks, None, weights, prior, None
        )

    def renew(self, moved: float) -> None:
        """One parallel sweep; one that follows moves ever further is damped."""
        if moved > self._last:
            # Parallel updates of rows that share items overshoot: .7 gives way within a few sweeps,
            # and below .2 a sweep would hardly move anything.
            self.step = max(0.7 * self.step, 0.2)
        self._last = moved
        self._sites, _ = renewed(
            self.likelihood, self._sites, self._eta, np.maximum(self._spread, 1e-12), self.step
        )

    def restart(self) -> None:
        """Forget the damping, after the variances were changed."""
        self._last, self.step = np.inf, 1.0
