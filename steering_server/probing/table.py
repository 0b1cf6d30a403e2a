"""The table of a probe: held-out r at every layer and selector, beside what needs no model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from steering_server.probing.correlation import (
    Correlation,
    Estimate,
    HeldOut,
    difference,
    held_out,
)
from steering_server.probing.folds import Folds
from steering_server.probing.ridge import Array

__all__ = ["Place", "Problem", "Row", "precision", "probe_rows", "shuffled"]


class Place(msgspec.Struct, frozen=True):
    """Where activations were taken."""

    span: str
    selector: str
    layer: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line: `design` says what was held out together (items, or whole origins). `layer` −1 is
    the row in which every fold chose span, selector and layer by its inner folds.

    `r` [`low`, `high`] is the held-out correlation. `shuffled` is the mean r of targets shuffled
    within origin and `p` the rank of r among them; `surface`, `words` and `encoder` are r from
    those features, in the same folds. `gain` [`gain_low`, `gain_high`] is r less that of the
    control `against`, the one it is least sure to beat; `beyond` says that it beats them all."""

    design: str
    span: str
    selector: str
    layer: int
    items: int
    r: float
    low: float
    high: float
    shuffled: float
    p: float
    surface: float
    words: float
    encoder: float | None
    against: str
    gain: float
    gain_low: float
    gain_high: float
    beyond: bool
    penalty: float


_ROUNDING = 1e-3
"""Where a control carries the target whole, both r's are 1 and differ in their sixth digit."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What is predicted. `targets` [items, 1 + shuffles], the true ones first; `features` of the
    controls by name; `matrix` gives the activations [items, width] of a place."""

    targets: Array
    weights: Array
    matrix: Callable[[Place], Array]
    features: Mapping[str, Array]


def precision(values: Array, errors: Array) -> Array:
    """Weight of each item, of mean 1: 1 / (τ² + error²), where τ² is the spread of the values that
    their errors do not explain. Equal where there are no errors."""
    squares = errors**2
    between = max(float(values.var() - squares.mean()), 0.0)
    # Errors that explain all of the spread: weights still stay finite where an error is zero.
    total = np.maximum(between + squares, 1e-2 * max(float(values.var()), 1e-300))
    weights: Array = (1 / total) / (1 / total).mean()
    return weights


def shuffled(values: Array, origins: Sequence[str], count: int, rng: np.random.Generator) -> Array:
    """`values` and `count` shuffles of them within origin: [items, 1 + count]."""
    names = np.array(origins)
    table = np.repeat(values[:, None], count + 1, axis=1)
    for name in np.unique(names):
        members = np.flatnonzero(names == name)
        for column in range(1, count + 1):
            table[members, column] = values[rng.permutation(members)]
    return table


def probe_rows(
    problem: Problem,
    places: Sequence[Place],
    folds: Folds,
    *,
    advance: Callable[[], None] = lambda: None,
) -> list[Row]:
    """The chosen row, then one a place in the order given. Activations are read place by place."""
    controls = {
        name: held_out([table] * folds.count, problem.targets[:, :1], problem.weights, folds)
        for name, table in problem.features.items()
    }
    against = {name: found.correlations()[0] for name, found in controls.items()}
    rows, errors = [], []
    for place in places:
        table = problem.matrix(place)
        found = held_out([table] * folds.count, problem.targets, problem.weights, folds)
        rows.append(_row(folds, place, found, against))
        errors.append(found.error[:, 0])
        advance()
    best = [places[index] for index in np.array(errors).argmin(axis=0)]
    found = held_out([problem.matrix(one) for one in best], problem.targets, problem.weights, folds)
    most = max(best, key=best.count)
    chosen = Place(most.span, most.selector, -1)
    return [_row(folds, chosen, found, against), *rows]


def _row(folds: Folds, place: Place, found: HeldOut, against: Mapping[str, Correlation]) -> Row:
    own, shuffles = found.correlations()
    estimate = own.estimate()
    controls = {"shuffled": shuffles, **against}
    gains = {name: difference(own, other) for name, other in controls.items()}
    hardest = min(gains, key=lambda name: gains[name].low)
    gain: Estimate = gains[hardest]
    others = found.r[1:]
    encoder = against.get("encoder")
    return Row(
        design=folds.design,
        span=place.span,
        selector=place.selector,
        layer=place.layer,
        items=len(folds.of),
        r=estimate.value,
        low=estimate.low,
        high=estimate.high,
        shuffled=shuffles.r,
        p=float((1 + (others >= own.r - 1e-12).sum()) / (1 + len(others))),
        surface=against["surface"].r,
        words=against["words"].r,
        encoder=None if encoder is None else encoder.r,
        against=hardest,
        gain=gain.value,
        gain_low=gain.low,
        gain_high=gain.high,
        beyond=gain.low > _ROUNDING,
        penalty=float(np.median(found.penalty[:, 0])),
    )
