"""Directions from the activations of two conditions over the same items."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

__all__ = [
    "METHODS",
    "Array",
    "FittedMethod",
    "at_angle",
    "logistic",
    "mean_difference",
    "principal",
    "random_direction",
]

Array = npt.NDArray[np.float64]
FittedMethod = Literal["mean_diff", "pca", "logistic"]


def mean_difference(positive: Array, negative: Array) -> Array:
    """Mean of `positive` [items, width] minus mean of `negative`."""
    difference: Array = positive.mean(0) - negative.mean(0)
    return difference


def principal(positive: Array, negative: Array) -> Array:
    """First principal direction of the item-wise differences, about the origin: what the
    differences share is their direction, not their spread. Signed like their mean."""
    differences = positive - negative
    _, _, right = np.linalg.svd(differences, full_matrices=False)
    direction: Array = right[0]
    return direction if differences.mean(0) @ direction >= 0 else -direction


def logistic(positive: Array, negative: Array, *, penalty: float = 1.0) -> Array:
    """Normal of the boundary of an L2-penalised logistic regression between the conditions.

    Activations are centred and divided by one common scale, so that `penalty` means the same in
    every layer.
    """
    rows = np.concatenate([positive, negative])
    signs = np.concatenate([np.ones(len(positive)), -np.ones(len(negative))])
    centred = rows - rows.mean(0)
    centred /= max(float(centred.std()), 1e-12)

    def loss(weights: Array) -> tuple[float, Array]:
        margins = signs * (centred @ weights[:-1] + weights[-1])
        value = np.logaddexp(0, -margins).sum() + penalty / 2 * weights[:-1] @ weights[:-1]
        pull = -signs / (1 + np.exp(np.clip(margins, -50, 50)))
        slope = np.append(centred.T @ pull + penalty * weights[:-1], pull.sum())
        return float(value), slope

    found = minimize(loss, np.zeros(rows.shape[1] + 1), jac=True, method="L-BFGS-B")
    weights: Array = found.x[:-1]
    return weights


def random_direction(width: int, *, rng: np.random.Generator) -> Array:
    """A unit vector [width], uniform over the sphere."""
    direction: Array = rng.standard_normal(width)
    return direction / np.linalg.norm(direction)


def at_angle(direction: Array, mean: Array, *, rng: np.random.Generator) -> Array:
    """A random unit vector [width] whose cosine with `mean` is that of `direction`."""
    axis = mean / np.linalg.norm(mean)
    cosine = float(direction @ axis / np.linalg.norm(direction))
    other = random_direction(len(axis), rng=rng)
    other -= (other @ axis) * axis
    found: Array = cosine * axis + np.sqrt(max(1 - cosine**2, 0.0)) * other / np.linalg.norm(other)
    return found


METHODS: dict[FittedMethod, Callable[[Array, Array], Array]] = {
    "mean_diff": mean_difference,
    "pca": principal,
    "logistic": logistic,
}
