"""Newton's method for the convex objective, each step by preconditioned conjugate gradients."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.likelihood import Objective
from harness.stats.thurstone.precision import Precision

__all__ = ["Mode", "newton"]


@dataclass(frozen=True, eq=False)
class Mode:
    """Where Newton stopped: θ (n + G,), the Hessian of the last step, whether it converged."""

    theta: FloatArray
    hessian: Precision
    iterations: int
    converged: bool


def newton(
    objective: Objective,
    start: FloatArray,
    *,
    tolerance: float = 1e-10,
    iterations: int = 60,
    each: Callable[[FloatArray, Precision], FloatArray] | None = None,
) -> Mode:
    """Minimise J from `start` until the Newton decrement gᵀH⁻¹g falls below `tolerance`.

    The decrement is the squared distance to the minimum in posterior standard deviations.
    `each(θ, H)`, where given, returns the ridge for the next step (the prior's τ being estimated
    on the way). Steps that raise J are halved.
    """
    theta = start.copy()
    value, gradient, hessian = objective.terms(theta)
    for iteration in range(1, iterations + 1):
        # An inexact step is enough far from the minimum (Eisenstat–Walker in spirit).
        inner = min(0.03, 0.1 * float(np.linalg.norm(gradient)) ** 0.5)
        step = hessian.solve(-gradient, tolerance=max(inner, 1e-10))
        decrement = float(-(step @ gradient))
        if decrement <= tolerance:
            return Mode(theta + step, hessian, iteration, True)
        theta, value, gradient, hessian = _descend(objective, theta, step, value, decrement)
        if each is not None:
            # Only the quadratic part changes: no need to go through the rows again.
            more = each(theta, hessian) - objective.ridge
            objective.ridge = objective.ridge + more
            value += 0.5 * float(more @ theta**2)
            gradient = gradient + more * theta
            hessian = replace(hessian, ridge=objective.ridge)
    return Mode(theta, hessian, iterations, False)


def _descend(
    objective: Objective, theta: FloatArray, step: FloatArray, value: float, decrement: float
) -> tuple[FloatArray, float, FloatArray, Precision]:
    """The next θ with J, gradient and Hessian there."""
    length = 1.0
    for _ in range(30):
        there = theta + length * step
        terms = objective.terms(there)
        # At the end the values differ by rounding alone, and the full step is right.
        slack = 1e-12 * abs(value) + 1e-12
        if terms[0] <= value - 1e-4 * length * decrement + slack:
            break
        length /= 2
    return there, *terms
