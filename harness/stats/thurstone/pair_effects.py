"""What the answers to one pair have in common, as random effects inside the fit.

    η = k·(μ_first − μ_second + β ± e_pair) + …,   Var e_pair = ρ_pair, Var f_shown = ρ_shown

in shares of a single answer's response noise, k = scale/√(1 − ρ_pair − ρ_shown). The content of a
pair (e, one sign for each order) is shared by both orders, what is peculiar to a presentation (f)
by its repeats. A single answer has the same probability whatever the shares are, so utilities stay
in units of the whole response noise; only further answers to the same pair tell less. Shares of 1
are answers that repeat themselves: then a presentation counts once.

Both effects are Gaussian given the sites of expectation propagation, and are eliminated exactly:
with w̃ = w/(1 + v²w), W = Σ w̃ over the pair and κ = 1/s² + W, a row keeps the weight
w̃/(1 + s²W), and what the two orders know of β beyond it is a term of its own.
"""

from dataclasses import dataclass

import numpy as np

from harness.stats.thurstone.comparisons import Comparisons, FloatArray, sums
from harness.stats.thurstone.precision import Design
from harness.stats.thurstone.variance import Moments

__all__ = ["Eliminated", "PairEffects", "Rows", "Shares"]


@dataclass(frozen=True)
class Shares:
    """Shares of the response noise that answers have in common: within a pair (both orders), and
    within a presentation beyond that. Their sum stays below 1."""

    pair: float = 0.0
    shown: float = 0.0

    @property
    def total(self) -> float:
        """Correlation of the latent responses of two answers to one presentation."""
        return self.pair + self.shown


@dataclass(frozen=True, eq=False)
class Eliminated:
    """Rows' weights and shifts (m,) once the effects are integrated out, and what is added to the
    precision of the position effects, (G, G)."""

    weights: FloatArray
    shifts: FloatArray
    corner: FloatArray


@dataclass(frozen=True, eq=False)
class Rows:
    """Posterior mean and variance of each row's η, (m,), and the evidence's gradient in the log of
    either share at fixed scale."""

    mean: FloatArray
    variance: FloatArray
    by_pair: float
    by_shown: float


class PairEffects:
    """The effects of one data set at given shares; `unit` is the variance of the link's noise."""

    def __init__(self, data: Comparisons, design: Design, shares: Shares, unit: float) -> None:
        self.design, self.shares = design, shares
        keys, self.pair = data.pair_index()
        self.pairs = len(keys)
        self.sign = np.where(data.first < data.second, 1.0, -1.0)
        rest = unit / (1 - shares.total)
        self.s2, self.v2 = shares.pair * rest, shares.shown * rest

    def eliminate(self, weights: FloatArray, shifts: FloatArray) -> Eliminated:
        """Integrate the effects out of rows with site precision `weights` and `shifts`, (m,)."""
        self._w, self._b = weights, shifts
        own = 1 + self.v2 * weights
        self._reduced, reduced_shift = weights / own, shifts / own
        total = sums(self.pair, self._reduced, self.pairs)
        self._total, self._shift = total, reduced_shift
        if not self.s2:
            return Eliminated(self._reduced, reduced_shift, self._no_corner())
        kappa = 1 / self.s2 + total
        signed = sums(self.pair, self.sign * reduced_shift, self.pairs)
        kept = self._reduced / (1 + self.s2 * total)[self.pair]
        shift = reduced_shift - self.sign * self._reduced * (signed / kappa)[self.pair]
        return Eliminated(kept, shift, self._corner(total, kappa))

    def _no_corner(self) -> FloatArray:
        return np.zeros((self.design.groups, self.design.groups))

    def _by_group(self) -> FloatArray:
        """(pairs, G) Σ ± w̃ of each pair's rows in each position group."""
        groups = self.design.groups
        if not groups:
            return np.zeros((self.pairs, 0))
        flat = self.pair * groups + self.design.group if groups > 1 else self.pair
        return sums(flat, self.sign * self._reduced, self.pairs * groups).reshape(-1, groups)

    def _corner(self, total: FloatArray, kappa: FloatArray) -> FloatArray:
        groups = self.design.groups
        if not groups:
            return self._no_corner()
        signed = self._by_group()
        corner = -(signed / kappa[:, None]).T @ signed
        each = self._reduced * (total / kappa)[self.pair]
        corner[np.diag_indices(groups)] += sums(self.design.group, each, groups)
        return np.asarray(corner * self.design.scale**2)

    def rows(self, linear: FloatArray, moments: Moments) -> Rows:
        """Posterior of the rows after `eliminate`; `linear` (m,) are the predictors at the mean of
        θ, `moments` the covariance that rows need of it."""
        zeta, variance, by_pair = self._with_pair(linear, moments)
        if not self.v2:
            return Rows(zeta, variance, by_pair, 0.0)
        w, v2 = self._w, self.v2
        own = 1 + v2 * w
        effect = v2 * (self._b - w * zeta) / own
        spread = (v2 * w / own) ** 2 * variance + v2 / own
        by_shown = 0.5 * float(((effect**2 + spread) / v2 - 1).sum())
        return Rows(zeta + effect, variance / own**2 + v2 / own, by_pair, by_shown)

    def _with_pair(
        self, linear: FloatArray, moments: Moments
    ) -> tuple[FloatArray, FloatArray, float]:
        """Mean and variance of the rows' η without f, and the gradient in log s²."""
        if not self.s2:
            return linear, moments.rows(self.design), 0.0
        pair, sign, total, k2 = self.pair, self.sign, self._total, self.design.scale**2
        kappa = 1 / self.s2 + total
        left = sums(pair, sign * (self._shift - self._reduced * linear), self.pairs)
        effect = left / kappa
        alpha = 1 / (1 + self.s2 * total)[pair]
        signed = self._by_group()
        gamma = -(sign / kappa[pair])[:, None] * signed[pair]
        if self.design.groups:
            gamma[np.arange(len(pair)), self.design.group] += 1
        variance = moments.along(alpha, gamma) * k2 + (1 / kappa)[pair]
        # One row stands for its pair: a = ± W d + Σ S β.
        one = np.unique(pair, return_index=True)[1]
        seen = moments.pick(one).along(sign[one] * total, signed) * k2
        spread = (1 + seen / kappa) / kappa
        by_pair = 0.5 * float(((effect**2 + spread) / self.s2 - 1).sum())
        return linear + sign * effect[pair], variance, by_pair
