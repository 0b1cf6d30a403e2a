"""What each kind of answer says of its predictors: the sites of expectation propagation.

An answer has one or two predictors, in units of the noise of a difference (√2 of an item's):

* one of two: (U_w − U_l)/√2 > 0;
* one of two, or indifferent: |U_f − U_s|/√2 < κ is indifferent (Rao & Kupper 1967, in probit form);
* one of two, or neither: an outside option of utility c and a noise of its own beats both, so that
  an answer is the largest of three: two predictors whose noises have correlation ½.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.links import Probit
from harness.stats.zero.answers import ZeroAnswers
from harness.stats.zero.bivariate import slopes

__all__ = ["Sites2", "first_sites", "renewed_sites", "tilted"]

_SHARED = np.array([[1.0, 0.5], [0.5, 1.0]])
"""Covariance of the noises of two differences that have one utility in common."""


@dataclass(frozen=True, eq=False)
class Sites2:
    """Precision (m, 2, 2) and shift (m, 2) of each answer's predictors."""

    precision: FloatArray
    shift: FloatArray


def tilted(
    answers: ZeroAnswers, mean: FloatArray, covariance: FloatArray, threshold: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gradient (m, 2) and minus the Hessian (m, 2, 2) of log Z at cavity moments `mean` (m, 2),
    `covariance` (m, 2, 2), and the slope (m,) of log Z in the threshold κ."""
    m = len(mean)
    gradient, bend, by_threshold = np.zeros((m, 2)), np.zeros((m, 2, 2)), np.zeros(m)
    three = answers.third >= 0
    if three.any():
        gradient[three], bend[three] = slopes(mean[three], covariance[three] + _SHARED)
    sided = ~three & (answers.said != 0)
    # With the answer's sign in its predictor, both sides must pass κ.
    offset = np.where(answers.threshold, threshold, 0.0)
    slope, curvature = Probit().tilted(mean[sided, 0] - offset[sided], covariance[sided, 0, 0])
    gradient[sided, 0], bend[sided, 0, 0] = slope, curvature
    by_threshold[sided] = np.where(answers.threshold[sided], -slope, 0.0)
    even = ~three & (answers.said == 0)
    if even.any():
        found = _between(mean[even, 0], covariance[even, 0, 0], threshold)
        gradient[even, 0], bend[even, 0, 0], by_threshold[even] = found
    return gradient, bend, by_threshold


def _between(
    mean: FloatArray, variance: FloatArray, threshold: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of Z = P(|x| < κ): slope and curvature in the mean, slope in κ."""
    sd = np.sqrt(1 + variance)
    a, b = (-threshold - mean) / sd, (threshold - mean) / sd
    low, high = np.exp(-0.5 * a**2), np.exp(-0.5 * b**2)
    root = np.sqrt(2 * np.pi)
    whole = np.maximum(ndtr(b) - ndtr(a), 1e-14)
    slope = (low - high) / root / sd / whole
    second = (a * low - b * high) / root / sd**2 / whole
    return slope, np.maximum(slope**2 - second, 0.0), (low + high) / root / sd / whole


def first_sites(answers: ZeroAnswers, threshold: float) -> Sites2:
    """Slope and curvature of each answer where all utilities are equal: from no sites at all, every
    answer of the first sweep would move the posterior as if it were the only one."""
    m = len(answers.said)
    gradient, bend, _ = tilted(answers, np.zeros((m, 2)), np.zeros((m, 2, 2)), threshold)
    return Sites2(_positive(bend), gradient)


def _positive(matrices: FloatArray) -> FloatArray:
    """(m, 2, 2) without what rounding leaves below 0."""
    values, vectors = np.linalg.eigh(matrices)
    return np.asarray((vectors * np.maximum(values, 0)[:, None, :]) @ np.swapaxes(vectors, 1, 2))


def renewed_sites(
    answers: ZeroAnswers,
    sites: Sites2,
    mean: FloatArray,
    covariance: FloatArray,
    threshold: float,
    step: float,
) -> tuple[Sites2, FloatArray]:
    """The next sites from the posterior of the predictors, `step` of the way; and the slopes (m,)
    in the threshold."""
    precision = np.linalg.inv(covariance)
    cavity_precision = precision - sites.precision
    # A site never exceeds the posterior's own precision, but an unfinished sweep may: the floor is
    # the one of `thurstone.ep.renewed`, a fiftieth of the posterior's precision.
    values, vectors = np.linalg.eigh(cavity_precision)
    least = 0.02 * np.linalg.eigvalsh(precision)[:, :1]
    values = np.maximum(values, least)
    cavity = (vectors / values[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    pulled = np.einsum("mij,mj->mi", precision, mean) - sites.shift
    centre = np.einsum("mij,mj->mi", cavity, pulled)
    gradient, bend, by_threshold = tilted(answers, centre, cavity, threshold)
    left = np.linalg.inv(np.eye(2) - bend @ cavity)
    new = left @ bend
    new = _positive((new + np.swapaxes(new, 1, 2)) / 2)
    shift = np.einsum("mij,mj->mi", new, centre) + np.einsum("mij,mj->mi", left, gradient)
    return Sites2(
        step * new + (1 - step) * sites.precision, step * shift + (1 - step) * sites.shift
    ), by_threshold
