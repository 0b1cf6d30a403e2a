"""Probit and logit: log-probability, slope and curvature of a comparison's linear predictor.

`scale` turns the latent difference d = μ_first − μ_second + β into the predictor η = scale·d:
1/√2 for probit (both items have response noise σ = 1), 1 for logit (Bradley–Terry's scale).
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from scipy.special import erfcx, expit, log_ndtr, ndtr

from harness.stats.thurstone.comparisons import FloatArray

__all__ = ["LINKS", "Link", "LinkName", "Logit", "Probit"]

LinkName = Literal["probit", "logit"]


class Link(Protocol):
    """What a fit needs to know about P(first) = F(η)."""

    @property
    def name(self) -> LinkName:
        """As in options."""

    @property
    def scale(self) -> float:
        """η per unit of the latent difference."""

    @property
    def noise(self) -> float:
        """Variance of the normal noise that F stands for: averaged over a normal e of variance v,
        F(η + e) is F(η/sqrt(1 + v/noise))."""

    def probability(self, eta: FloatArray) -> FloatArray:
        """F(η)."""

    def log_probability(self, eta: FloatArray) -> FloatArray:
        """log F(η)."""

    def terms(self, eta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """log F, its derivative and minus its second derivative, each like `eta`."""

    def density(self, eta: FloatArray) -> FloatArray:
        """dF/dη."""

    def tilted(self, mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """d log Z/dm and −d² log Z/dm² of Z = E F(x), x ~ N(mean, variance)."""


@dataclass(frozen=True)
class Probit:
    """Normal response noise: F = Φ, with m(z) = φ(z)/Φ(z) and curvature m(m + z)."""

    name: LinkName = "probit"
    scale: float = float(1 / np.sqrt(2))
    noise: float = 1.0

    def probability(self, eta: FloatArray) -> FloatArray:
        return np.asarray(ndtr(eta))

    def log_probability(self, eta: FloatArray) -> FloatArray:
        return np.asarray(log_ndtr(eta))

    def density(self, eta: FloatArray) -> FloatArray:
        return np.asarray(np.exp(-0.5 * eta**2) / np.sqrt(2 * np.pi))

    def terms(self, eta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        # φ/Φ = sqrt(2/π)/erfcx(−z/√2) needs one special function where log_ndtr needs an
        # exponential as well; above z = 8 the log would lose its last digits.
        scaled = erfcx(eta * -np.sqrt(0.5))
        with np.errstate(over="ignore", invalid="ignore"):
            log_f = np.log(0.5 * scaled) - 0.5 * eta**2
        far = eta > 8
        if far.any():
            log_f[far] = log_ndtr(eta[far])
        mills = np.sqrt(2 / np.pi) / scaled
        return log_f, mills, _probit_curvature(mills, eta)

    def tilted(self, mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
        root = 1 / np.sqrt(1 + variance)
        eta = mean * root
        mills = np.sqrt(2 / np.pi) / erfcx(eta * -np.sqrt(0.5))
        return mills * root, _probit_curvature(mills, eta) * root**2


def _probit_curvature(mills: FloatArray, eta: FloatArray) -> FloatArray:
    curvature = mills * (mills + eta)
    # For z → −∞ this is 1 − 1/z² + …, which cancels to noise below −1e5.
    far = eta < -1e5
    if far.any():
        curvature[far] = 1.0
    return np.clip(curvature, 0.0, 1.0, out=curvature)


_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(32)
_LOG_WEIGHTS = np.log(_WEIGHTS / _WEIGHTS.sum())


@dataclass(frozen=True)
class Logit:
    """Bradley–Terry: F = logistic."""

    name: LinkName = "logit"
    scale: float = 1.0
    # Nearly: (15π/16)²/3 is the normal that is closest to the logistic (Johnson & Kotz 1970).
    noise: float = float((15 * np.pi / 16) ** 2 / 3)

    def probability(self, eta: FloatArray) -> FloatArray:
        return np.asarray(expit(eta))

    def log_probability(self, eta: FloatArray) -> FloatArray:
        return np.asarray(-np.logaddexp(0, -eta))

    def density(self, eta: FloatArray) -> FloatArray:
        p = self.probability(eta)
        return np.asarray(p * (1 - p))

    def terms(self, eta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        q = np.asarray(expit(-eta))
        return self.log_probability(eta), q, q * (1 - q)

    def tilted(self, mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """By Gauss–Hermite quadrature with 32 nodes, relative to the largest term."""
        x = mean[..., None] + np.sqrt(variance)[..., None] * _NODES
        log_terms = self.log_probability(x) + _LOG_WEIGHTS
        largest = log_terms.max(axis=-1, keepdims=True)
        share = np.exp(log_terms - largest)
        total = share.sum(axis=-1)
        q = np.asarray(expit(-x))
        # F' = F(1 − F) and F'' = F(1 − F)(1 − 2F), so both are means under the tilted weights.
        slope = (share * q).sum(axis=-1) / total
        second = (share * q * (2 * q - 1)).sum(axis=-1) / total
        return slope, np.clip(slope**2 - second, 0, None)


LINKS: dict[LinkName, Link] = {"probit": Probit(), "logit": Logit()}
