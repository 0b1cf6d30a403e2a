"""The bivariate normal orthant probability with its derivatives, for whole arrays."""

import numpy as np
from scipy.special import ndtr

from harness.stats.thurstone.comparisons import FloatArray

__all__ = ["orthant", "slopes"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


def _density(x: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi))


def orthant(h: FloatArray, k: FloatArray, r: FloatArray) -> FloatArray:
    """P(X < h, Y < k) for standard normals of correlation r.

    Φ(h)Φ(k) + 1/2π ∫ exp(−(h² + k² − 2hk sin t)/(2 cos² t)) dt over 0…asin r (Drezner &
    Wesolowsky 1990), by 24 Gauss–Legendre nodes: to 1e-9 for |r| ≤ .95.
    """
    top = np.arcsin(r)[..., None]
    t = top * (_NODES + 1) / 2
    inside = h[..., None] ** 2 + k[..., None] ** 2 - 2 * (h * k)[..., None] * np.sin(t)
    value = np.exp(-inside / (2 * np.cos(t) ** 2)) @ _WEIGHTS
    return np.asarray(ndtr(h) * ndtr(k) + top[..., 0] / (4 * np.pi) * value)


def slopes(mean: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gradient (m, 2) and minus the Hessian (m, 2, 2) in the mean of log P(X > 0, Y > 0), (X, Y)
    normal with `mean` (m, 2) and `covariance` (m, 2, 2)."""
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    h, k = (mean / sd).T
    r = np.clip(covariance[:, 0, 1] / sd.prod(axis=1), -0.999, 0.999)
    q = np.sqrt(1 - r**2)
    whole = np.maximum(orthant(h, k, r), 1e-14)
    both = _density(h) * _density((k - r * h) / q) / q
    by_h = _density(h) * ndtr((k - r * h) / q)
    by_k = _density(k) * ndtr((h - r * k) / q)
    gradient = np.stack([by_h / sd[:, 0], by_k / sd[:, 1]], axis=1) / whole[:, None]
    bend = np.empty_like(covariance)
    bend[:, 0, 0] = (-h * by_h - r * both) / sd[:, 0] ** 2
    bend[:, 1, 1] = (-k * by_k - r * both) / sd[:, 1] ** 2
    bend[:, 0, 1] = bend[:, 1, 0] = both / sd.prod(axis=1)
    hessian = bend / whole[:, None, None]
    return gradient, np.asarray(gradient[:, :, None] * gradient[:, None, :] - hessian)
