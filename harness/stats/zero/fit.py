"""Utilities and zeros in one fit.

    μ_i = u_i + γ_group,   u ~ N(0, τ²),   γ ~ N(0, v);   zeros c ~ N(0, 10²);   β ~ N(0, 5²)

All answers, with two or three possible ones, about two items, an item and the opt-out, or one item
alone, are of one scale: the response noise of an item is 1. τ, v and κ are estimated by the
evidence of expectation propagation. Dropping *neither* answers would not do: what is left are
pairs one of which beat the outside option, so that differences come out too large.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from harness.errors import UsageError
from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.variance import inverse
from harness.stats.zero.answers import ZeroAnswers
from harness.stats.zero.sites import first_sites, renewed_sites

__all__ = ["ZeroFit", "zero_fit"]

EFFECT_SD = 5.0
"""Of β's prior: that the first of two equals is chosen in 9 998 of 10 000 is not ruled out."""
ZERO_SD = 10.0
"""Of a zero's prior: beyond all items, where every answer falls on one side of it."""
SMALLEST, LARGEST = 1e-4, 400.0
"""Of τ², as in `thurstone.ep`."""
MOST = 2000
"""Parameters that an inverse is taken of."""


@dataclass(frozen=True, eq=False)
class ZeroFit:
    """`mean` (n + z,) and `covariance` of the utilities and after them the zeros, in units of an
    item's response noise, on one scale without an origin; `effect` is β with `effect_se`,
    `threshold` κ on the scale of differences (None without indifferent answers), `tau` the items'
    sd within groups."""

    answers: ZeroAnswers
    mean: FloatArray
    covariance: FloatArray
    effect: float
    effect_se: float
    threshold: float | None
    tau: float
    converged: bool


class _Run:
    """Parameters u (n), γ (g), zeros (z), β."""

    def __init__(self, answers: ZeroAnswers) -> None:
        self.answers = answers
        self.n, self.z = len(answers.items), len(answers.zeros)
        names = sorted(set(answers.groups))
        self.g = len(names) if len(names) > 1 else 0
        at = {name: k for k, name in enumerate(names)}
        self.group = np.array([at[name] for name in answers.groups], np.int64)
        self.size = self.n + self.g + self.z + 1
        self.tau2, self.v = 1.0, 1.0
        self.threshold = 0.5
        self.first = self._rows(self._one())
        self.second = self._rows(self._two())
        self.alone = answers.third < 0
        self.sites = first_sites(answers, self.threshold)
        self.mean = np.zeros(self.size)

    def place(self) -> sparse.csr_array:
        """(n + z, size): utilities and zeros from the parameters."""
        rows = np.arange(self.n + self.z)
        columns = np.r_[np.arange(self.n), self.n + self.g + np.arange(self.z)]
        values = np.ones(len(rows))
        if self.g:
            rows = np.r_[rows, np.arange(self.n)]
            columns = np.r_[columns, self.n + self.group]
            values = np.ones(len(rows))
        shape = (self.n + self.z, self.size)
        return sparse.csr_array((values, (rows, columns)), shape=shape)

    def _one(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Coefficients of first, second and third place, and of β, in the first predictor."""
        a = self.answers
        sign = np.where(a.said >= 0, 1.0, -1.0)
        third = a.third >= 0
        neither = third & (a.said == 0)
        f = np.where(neither, -1.0, sign)
        s = np.where(neither, 0.0, -sign)
        return f, s, np.where(neither, 1.0, 0.0)

    def _two(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """In the second one, of answers with an outside option: it against the winner, or the
        second against it."""
        a = self.answers
        third = a.third >= 0
        f = np.where(third & (a.said == 1), 1.0, 0.0)
        s = np.where(third & (a.said == -1), 1.0, 0.0) - np.where(third & (a.said == 0), 1.0, 0.0)
        z = np.where(third, np.where(a.said == 0, 1.0, -1.0), 0.0)
        return f, s, z

    def _rows(self, of: tuple[FloatArray, FloatArray, FloatArray]) -> sparse.csr_array:
        """(m, size) of a predictor. What stands first has ½β more, what stands second ½β less."""
        a, (f, s, z) = self.answers, of
        m, place = len(a.said), self.place()
        third = np.maximum(a.third, 0)
        rows = sparse.csr_array(sparse.diags_array(f) @ place[a.first])
        rows = rows + sparse.diags_array(s) @ place[a.second]
        rows = rows + sparse.diags_array(z) @ place[third]
        effect = sparse.csr_array(
            (0.5 * (f - s) * a.placed, (np.arange(m), np.full(m, self.size - 1))), shape=rows.shape
        )
        return sparse.csr_array((rows + effect) / np.sqrt(2))

    def prior(self) -> FloatArray:
        """(size,) precisions."""
        return np.concatenate(
            [
                np.full(self.n, 1 / self.tau2),
                np.full(self.g, 1 / self.v),
                np.full(self.z, ZERO_SD**-2),
                [EFFECT_SD**-2],
            ]
        )

    def look(self) -> float:
        """The posterior; the largest move of a mean in posterior deviations."""
        one, two, t = self.first, self.second, self.sites.precision
        cross = (one.T @ two.multiply(t[:, 0, 1][:, None])).toarray()
        precision = (
            (one.T @ one.multiply(t[:, 0, 0][:, None])).toarray()
            + (two.T @ two.multiply(t[:, 1, 1][:, None])).toarray()
            + cross
            + cross.T
        )
        precision[np.diag_indices(self.size)] += self.prior()
        self.covariance = inverse(precision)
        shift = self.sites.shift
        mean = self.covariance @ (one.T @ shift[:, 0] + two.T @ shift[:, 1])
        moved = np.abs(mean - self.mean) / np.sqrt(np.diagonal(self.covariance))
        self.mean = mean
        return float(moved.max())

    def renew(self, step: float) -> float:
        """New sites; and a step of the threshold, whose size in posterior deviations is told."""
        seen = np.stack([self.first @ self.mean, self.second @ self.mean], axis=1)
        with_one, with_two = self.first @ self.covariance, self.second @ self.covariance
        spread = np.empty((len(seen), 2, 2))
        spread[:, 0, 0] = _row_sums(self.first, with_one)
        spread[:, 0, 1] = spread[:, 1, 0] = _row_sums(self.second, with_one)
        spread[:, 1, 1] = np.where(self.alone, 1.0, _row_sums(self.second, with_two))
        self.sites, by_threshold = renewed_sites(
            self.answers, self.sites, seen, spread, self.threshold, step
        )
        known = float((by_threshold**2).sum())
        if known == 0:
            return 0.0
        move = float(np.clip(by_threshold.sum() / known, -0.3, 0.3))
        self.threshold = max(self.threshold + move, 1e-3)
        return float(abs(move) * np.sqrt(known))

    def variances(self) -> float:
        """One step of τ² and v by their evidence (MacKay's); the larger move in the logs."""
        diagonal = np.diagonal(self.covariance)
        before = self.tau2, self.v
        part = slice(0, self.n)
        self.tau2 = _next(self.mean[part], diagonal[part], self.tau2)
        if self.g:
            part = slice(self.n, self.n + self.g)
            self.v = _next(self.mean[part], diagonal[part], self.v)
        return float(max(abs(np.log(self.tau2 / before[0])), 0.2 * abs(np.log(self.v / before[1]))))


def _row_sums(rows: sparse.csr_array, values: FloatArray) -> FloatArray:
    return np.asarray(rows.multiply(values).sum(axis=1)).ravel()


def _next(mean: FloatArray, variance: FloatArray, v: float) -> float:
    """One pretended value of 1 keeps it finite."""
    determined = max(len(mean) - float(variance.sum()) / v, 0.0)
    return float(np.clip((float(mean @ mean) + 1) / (determined + 1), SMALLEST, LARGEST))


def zero_fit(answers: ZeroAnswers, *, tolerance: float = 3e-3, limit: int = 150) -> ZeroFit:
    """Fit; UsageError without an answer, and for more parameters than `MOST`."""
    if not len(answers.said):
        raise UsageError("no answer to fit")
    run = _Run(answers)
    if run.size > MOST:
        raise UsageError(f"{run.n} items in a fit with a zero; expected at most {MOST}")
    last, step, converged = np.inf, 1.0, False
    run.look()
    for _ in range(limit):
        moved = run.renew(step)
        moved = max(moved, run.look())
        moved = max(moved, run.variances())
        if moved < tolerance:
            converged = True
            break
        if moved > last:
            step = max(0.8 * step, 0.3)
        last = moved
    place = run.place()
    mean, covariance = place @ run.mean, place @ (place @ run.covariance).T
    covariance = np.asarray(covariance) + _by_spread(run, place)
    return ZeroFit(
        answers,
        np.asarray(mean),
        covariance,
        float(run.mean[-1]),
        float(np.sqrt(run.covariance[-1, -1])),
        float(np.sqrt(2) * run.threshold) if answers.threshold.any() else None,
        float(np.sqrt(run.tau2)),
        converged,
    )


def _by_spread(run: _Run, place: sparse.csr_array) -> FloatArray:
    """What the uncertainty of τ² adds: (dm/dt)(dm/dt)ᵀ Var(t), t = log τ² (see
    `thurstone.evidence`)."""
    n = run.n
    m, c = run.mean[:n], run.covariance
    grown = 2 * float(m @ c[:n, :n] @ m) + float((c[:n, :n] ** 2).sum())
    full = (float(m @ m) + float(np.diagonal(c)[:n].sum()) + 1) / run.tau2
    bend = max(0.5 * (full - grown / run.tau2**2), 0.005 * n)
    away = place @ (c[:, :n] @ (m / run.tau2)) / np.sqrt(bend)
    return np.asarray(np.outer(away, away))
