"""The orthant probability and its derivatives."""

import numpy as np
from scipy.optimize import approx_fprime
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from harness.stats.zero.answers import zero_answers
from harness.stats.zero.bivariate import orthant, slopes
from harness.stats.zero.sites import tilted


def test_orthant() -> None:
    """As scipy's, over both tails and correlations."""
    rng = np.random.default_rng(0)
    h, k, r = rng.normal(0, 2, 40), rng.normal(0, 2, 40), rng.uniform(-0.95, 0.95, 40)
    by_scipy = [
        multivariate_normal.cdf([a, b], cov=[[1, c], [c, 1]])
        for a, b, c in zip(h, k, r, strict=True)
    ]
    np.testing.assert_allclose(orthant(h, k, r), by_scipy, atol=1e-7)
    np.testing.assert_allclose(orthant(h, k, 0 * r), ndtr(h) * ndtr(k), atol=1e-12)


def test_slopes() -> None:
    """The gradient is that of the log probability, the Hessian that of the gradient."""
    mean = np.array([0.4, -1.1])
    covariance = np.array([[1.7, 0.6], [0.6, 2.2]])

    def log_z(x: np.ndarray) -> float:
        sd = np.sqrt(np.diagonal(covariance))
        h = x / sd
        r = covariance[0, 1] / sd.prod()
        return float(np.log(orthant(h[:1], h[1:], np.array([r]))[0]))

    gradient, bend = slopes(mean[None], covariance[None])
    np.testing.assert_allclose(gradient[0], approx_fprime(mean, log_z, 1e-6), atol=1e-4)
    for i in range(2):

        def one(x: np.ndarray, i: int = i) -> float:
            return float(slopes(x[None], covariance[None])[0][0, i])

        np.testing.assert_allclose(-bend[0, i], approx_fprime(mean, one, 1e-6), atol=1e-4)


def test_indifferent_slopes() -> None:
    """Of an indifferent answer, slopes in the mean and in the threshold are those of its log Z."""
    answers = zero_answers(
        ["a", "b"], ["", ""], first=["a"], second=["b"], said=[0], third=["indifferent"]
    )

    def log_z(x: np.ndarray) -> float:
        sd = np.sqrt(1 + 0.8)
        return float(np.log(ndtr((x[1] - x[0]) / sd) - ndtr((-x[1] - x[0]) / sd)))

    at = np.array([0.7, 0.5])
    gradient, bend, by = tilted(
        answers, np.array([[at[0], 0.0]]), np.array([[[0.8, 0], [0, 1.0]]]), at[1]
    )
    expected = approx_fprime(at, log_z, 1e-6)
    np.testing.assert_allclose([gradient[0, 0], by[0]], expected, atol=1e-4)
    second = approx_fprime(at, lambda x: approx_fprime(x, log_z, 1e-5)[0], 1e-4)[0]
    np.testing.assert_allclose(-bend[0, 0, 0], second, atol=1e-2)
