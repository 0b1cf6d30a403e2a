"""Ridge regression in closed form, for many targets and penalties at once.

The weighted, centred rows are diagonalised once a training set; after that every penalty, every
target and every inner fold is a product of small matrices.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["PENALTIES", "Array", "Fitted", "Indices", "Solved", "fit"]

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

PENALTIES: Array = np.logspace(-3, 4, 22)
"""Penalties that are tried, as multiples of the mean eigenvalue of the rows. At the lower end a
typical direction keeps .999 of its weight, at the upper .0001: the direction is then that of the
covariance with the target, and a larger penalty changes no correlation."""

_RANK = 1e-10
"""Eigenvalues below this share of the largest are rounding errors of the centring."""


@dataclass(frozen=True, eq=False)
class Solved:
    """Rows x [n, d] with weights, diagonalised: `basis` [n, k] (orthonormal columns over the
    whitened rows), `sizes` [k] their eigenvalues, `axes` [d, k] the same directions among the
    features. `root` [n] is √weight, `centre` [d] the weighted mean of the rows."""

    basis: Array
    sizes: Array
    axes: Array
    root: Array
    centre: Array

    @classmethod
    def of(cls, rows: Array, weights: Array) -> "Solved":
        """Diagonalise, by the smaller of the two products of the rows with themselves."""
        root = np.sqrt(weights)
        centre = weights @ rows / weights.sum()
        white = root[:, None] * (rows - centre)
        count, width = rows.shape
        sizes, found = np.linalg.eigh(white @ white.T if count <= width else white.T @ white)
        kept = sizes > _RANK * max(float(sizes[-1]), 1e-300)
        sizes, found = sizes[kept], found[:, kept]
        other = (white.T if count <= width else white) @ found / np.sqrt(sizes)
        basis, axes = (found, other) if count <= width else (other, found)
        return cls(basis, sizes, axes, root, centre)

    @property
    def penalties(self) -> Array:
        """`PENALTIES` in the units of these rows."""
        return PENALTIES * (self.sizes.mean() if len(self.sizes) else 1.0)

    def held_out(self, targets: Array, groups: Sequence[Indices]) -> Array:
        """Mean weighted squared error [penalties, targets] of predicting each of `groups` (row
        numbers) of `targets` [n, targets] from the other rows.

        By the deletion formula, exact for a fixed penalty: what row group G is off by when it is
        left out is (I − H_GG)⁻¹ times what it is off by when it is not, H being the matrix that
        takes targets to fitted values (the intercept's part included).
        """
        white = self.root[:, None] * targets
        mean = self.root / np.linalg.norm(self.root)
        scores = self.basis.T @ white
        shrink = self.sizes / (self.sizes + self.penalties[:, None])
        plain = white - np.outer(mean, mean @ white)
        total = np.zeros((len(PENALTIES), targets.shape[1]))
        for group in groups:
            own = self.basis[group]
            hat = np.einsum("gk,lk,hk->lgh", own, shrink, own, optimize=True)
            hat += np.outer(mean[group], mean[group])
            fitted = own @ (shrink[:, :, None] * scores)
            left = np.linalg.solve(np.eye(len(group)) - hat, plain[group] - fitted)
            total += (left**2).sum(axis=1)
        errors: Array = total / (self.root**2).sum()
        return errors

    def slopes(self, targets: Array, penalties: Array) -> Array:
        """Coefficients [d, targets] at one penalty a target."""
        scores = self.basis.T @ (self.root[:, None] * targets)
        scale = np.sqrt(self.sizes)[:, None] / (self.sizes[:, None] + penalties)
        slopes: Array = self.axes @ (scale * scores)
        return slopes

    def left_out(self, targets: Array, penalties: Array) -> Array:
        """What each row is off by, whitened, when it alone is left out: [n, targets]."""
        white = self.root[:, None] * targets
        mean = self.root / np.linalg.norm(self.root)
        shrink = self.sizes[:, None] / (self.sizes[:, None] + penalties)
        fitted = np.outer(mean, mean @ white) + self.basis @ (shrink * (self.basis.T @ white))
        own = mean[:, None] ** 2 + self.basis**2 @ shrink
        off: Array = (white - fitted) / np.maximum(1 - own, 1e-6)
        return off


@dataclass(frozen=True, eq=False)
class Fitted:
    """One fit of several targets. `slopes` [d, targets]; the `penalty` [targets] chosen for each,
    as a multiple of the mean eigenvalue, and the held-out `error` [targets] it was chosen by."""

    solved: Solved
    targets: Array
    slopes: Array
    penalty: Array
    error: Array

    def predict(self, rows: Array) -> Array:
        """Predictions [rows, targets], up to each target's intercept."""
        predicted: Array = (rows - self.solved.centre) @ self.slopes
        return predicted

    def pull(self, rows: Array, gradient: Array) -> Array:
        """By how much Σ gradient × prediction over `rows` (`gradient` [rows, targets]) depends on
        each row of the fit: the change, [n, targets], when that row is there against when it is
        left out (to first order, at a fixed penalty)."""
        penalties = self.penalty * self.solved.penalties[0] / PENALTIES[0]
        towards = self.solved.axes.T @ ((rows - self.solved.centre).T @ gradient)
        towards = towards * np.sqrt(self.solved.sizes)[:, None]
        along = self.solved.basis @ (towards / (self.solved.sizes[:, None] + penalties))
        pull: Array = along * self.solved.left_out(self.targets, penalties)
        return pull


def fit(rows: Array, targets: Array, weights: Array, groups: Sequence[Indices]) -> Fitted:
    """Fit `targets` [n, targets] on `rows` [n, d], each with the penalty whose error over the left
    out `groups` is least."""
    solved = Solved.of(rows, weights)
    errors = solved.held_out(targets, groups)
    best = errors.argmin(axis=0)
    return Fitted(
        solved=solved,
        targets=targets,
        slopes=solved.slopes(targets, solved.penalties[best]),
        penalty=PENALTIES[best],
        error=np.take_along_axis(errors, best[None], axis=0)[0],
    )
