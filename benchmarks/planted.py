"""A planted respondent in arrays: what the simulated respondent is, without prompts and logs."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from harness.stats.thurstone.comparisons import FloatArray, IntArray

__all__ = ["Planted"]


@dataclass(frozen=True)
class Planted:
    """Utilities (n,) in units of σ; P(first) = Φ((μ_f − μ_s + β + e)/√2), with e ~ N(0, misfit²)
    fixed for the unordered pair; `lapse`: share of choices of the second whatever the items."""

    utilities: FloatArray
    effect: float = 0.0
    misfit: float = 0.0
    lapse: float = 0.0
    seed: int = 0

    def probability(self, pairs: IntArray) -> FloatArray:
        """(k,) P(first) of ordered pairs (k, 2)."""
        first, second = pairs.T
        e = np.array([self._misfit(int(a), int(b)) for a, b in pairs]) if self.misfit else 0.0
        latent = self.utilities[first] - self.utilities[second] + self.effect + e
        return np.asarray((1 - self.lapse) * ndtr(latent / np.sqrt(2)))

    def answer(self, pairs: IntArray, rng: np.random.Generator) -> FloatArray:
        """(k,) 1 where the first was chosen, else 0."""
        return (rng.random(len(pairs)) < self.probability(pairs)).astype(float)

    def _misfit(self, a: int, b: int) -> float:
        low, high = min(a, b), max(a, b)
        draw = np.random.default_rng((self.seed, low, high)).standard_normal()
        return float(self.misfit * draw * (1 if a == low else -1))
