"""What the answers to one pair share under every wording and order: e_pair ~ N(0, ω²).

e stands in η with a sign for the order and is Gaussian given the sites, so it is integrated out:
with b = Σ ± w·(row of A) and κ = 1/ω² + Σ w over the pair's rows, P loses b bᵀ/κ, and a row's η
becomes (row of A ∓ b/κ)·θ + ± r/κ with variance 1/κ on top.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from harness.stats.facets.layout import Layout
from harness.stats.thurstone.comparisons import Comparisons, FloatArray, sums

__all__ = ["Paired", "SharedByPair", "quadratic"]


@dataclass(frozen=True, eq=False)
class Paired:
    """At given sites: `rows` (m, size) of η, `offset` (m,) what e adds to its mean, `extra` (m,)
    to its variance; `lost` (size, size) of P, `shift` (m,) the rows' shifts that are left.
    `pull` (pairs, size) and `kappa` (pairs,) are b and κ, `residual` (pairs,) Σ ± shift."""

    rows: sparse.csr_array
    offset: FloatArray
    extra: FloatArray
    lost: sparse.csr_array
    shift: FloatArray
    pull: sparse.csr_array
    kappa: FloatArray
    residual: FloatArray

    def gradient(self, mean: FloatArray, covariance: FloatArray, variance: float) -> float:
        """The evidence's derivative in log ω²; θ's `mean` (size,) and `covariance`."""
        effect = self.effect(mean)
        spread = quadratic(self.pull, covariance) / self.kappa**2 + 1 / self.kappa
        return 0.5 * float(((effect**2 + spread) / variance - 1).sum())

    def bend(self, mean: FloatArray, covariance: FloatArray, variance: float) -> float:
        """Minus its second derivative, sites held and pairs taken one by one."""
        effect = self.effect(mean)
        spread = quadratic(self.pull, covariance) / self.kappa**2 + 1 / self.kappa
        full = float((effect**2 + spread).sum()) / variance
        grown = float((2 * effect**2 * spread + spread**2).sum()) / variance**2
        return max(0.5 * (full - grown), 0.005 * len(effect))

    def effect(self, mean: FloatArray) -> FloatArray:
        """(pairs,) posterior mean of e."""
        return np.asarray((self.residual - self.pull @ mean) / self.kappa)


class SharedByPair:
    """The pairs of one data set."""

    def __init__(self, data: Comparisons, layout: Layout) -> None:
        keys, self.pair = data.pair_index()
        self.count = len(keys)
        self.layout = layout
        self.sign = np.where(data.first < data.second, 1.0, -1.0)
        m = len(self.pair)
        self._gather = sparse.csr_array(
            (self.sign, (self.pair, np.arange(m))), shape=(self.count, m)
        )

    @staticmethod
    def seen(data: Comparisons) -> bool:
        """Whether enough pairs were asked more than once for ω² to show."""
        _, pair = data.pair_index()
        answers = sums(pair, data.wins + data.losses, int(pair.max(initial=-1)) + 1)
        # A variance from fewer than twenty pairs is known to no better than a third of itself.
        return bool((answers > 1).sum() >= 20)

    def eliminate(self, weights: FloatArray, shifts: FloatArray, variance: float) -> Paired:
        """Integrate e out of rows with site precision `weights` and `shifts`, (m,); `variance` is
        ω² on the scale of η."""
        a, pair, sign = self.layout.matrix, self.pair, self.sign
        kappa = 1 / variance + sums(pair, weights, self.count)
        pull = self._gather @ (sparse.diags_array(weights) @ a)
        residual = sums(pair, sign * shifts, self.count)
        scaled = sparse.diags_array(1 / kappa) @ pull
        left = shifts - sign * weights * (residual / kappa)[pair]
        return Paired(
            rows=sparse.csr_array(a - sparse.diags_array(sign) @ scaled[pair]),
            offset=sign * (residual / kappa)[pair],
            extra=(1 / kappa)[pair],
            lost=sparse.csr_array(pull.T @ scaled),
            shift=left,
            pull=sparse.csr_array(pull),
            kappa=kappa,
            residual=residual,
        )


def quadratic(rows: sparse.csr_array, covariance: FloatArray) -> FloatArray:
    """(r,) x C xᵀ of each row x."""
    return np.asarray(rows.multiply(rows @ covariance).sum(axis=1)).ravel()
