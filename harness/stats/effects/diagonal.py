"""Self against cross: does a rater rate its own completions differently?

Cell of rater i and completer j: y_ij = row_i + column_j + d·[i = j] + error. Lenient raters and
good completers are rows and columns; only d is about the self. A t-test of the k diagonal cells
against the k² − k others takes both for noise and has almost no power.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import stats

from harness.errors import UsageError
from harness.records.pooling import require_columns, require_one
from harness.stats.intervals import (
    Bootstrap,
    Estimate,
    FloatArray,
    Tested,
    mean_interval,
    tested,
    undefined,
)

__all__ = ["SelfCross", "rating_cells", "self_vs_cross"]

_EXACT = 8
"""Largest k whose k! permutations are enumerated (40 320)."""


@dataclass(frozen=True)
class SelfCross:
    """`effect` d over the cells, t with (k − 1)² − 1 df; `permutation_p` of the test that
    reassigns which completer is whose (`permutations` of them, exact or drawn);
    `by_item` the same d with items as the units: about these very models and no others.
    """

    effect: Tested
    permutation_p: float
    permutations: int
    by_item: Estimate


def self_vs_cross(cells: FloatArray, *, bootstrap: Bootstrap) -> SelfCross:
    """Diagonal effect of `cells` (items × raters × completers), raters and completers in one order.

    NaN cells: an item enters `by_item` only when rated in every cell (others are counted in
    `undefined`); the cell means use all ratings. A plain (raters × completers) table of means is
    taken as one item.
    """
    cells = cells[None] if cells.ndim == 2 else cells
    k = cells.shape[1]
    if cells.shape[2] != k:
        raise UsageError(f"{k} raters and {cells.shape[2]} completers; expected the same models")
    if k < 3:
        nothing = undefined("needs three models or more", n=len(cells))
        return SelfCross(tested(nothing, p=math.nan, test=""), math.nan, 0, nothing)
    with np.errstate(all="ignore"):
        given = np.isfinite(cells)
        means = np.where(given, cells, 0.0).sum(axis=0) / given.sum(axis=0)
    if not np.isfinite(means).all():
        nothing = undefined("a cell has no rating", n=len(cells))
        return SelfCross(tested(nothing, p=math.nan, test=""), math.nan, 0, nothing)
    residual = _double_centred(means[None])[0]
    p, count = _permutation_test(residual, bootstrap)
    complete = given.all(axis=(1, 2))
    by_item = mean_interval(
        np.where(complete, _diagonal(_double_centred(cells)), np.nan),
        confidence=bootstrap.confidence,
    )
    return SelfCross(_cell_estimate(residual, bootstrap.confidence), p, count, by_item)


def rating_cells(
    frame: pl.DataFrame, *, column: str = "value"
) -> tuple[tuple[str, ...], tuple[str, ...], FloatArray]:
    """Models, items and (items × raters × completers) means over repeats of answered ratings.

    Only models that are both rater and completer are kept. Refuses to pool anything but rater
    and completer.
    """
    require_columns(frame, ("rater", "completer", "item", "outcome", column), where="records")
    answered = frame.filter((pl.col("outcome") == "answered") & pl.col(column).is_not_null())
    models = sorted(
        set(answered["rater"].to_list()) & set(answered["completer"].drop_nulls().to_list())
    )
    kept = answered.filter(pl.col("rater").is_in(models) & pl.col("completer").is_in(models))
    for model in models:
        for role, factors in _ROLES.items():
            part = kept.filter(pl.col(role) == model)
            require_one(part, factors=factors, where=f"ratings with {role} {model!r}")
    items = sorted(set(kept["item"].to_list()))
    cells = np.full((len(items), len(models), len(models)), np.nan)
    means = kept.group_by("item", "rater", "completer").agg(pl.col(column).mean())
    place_item = {item: i for i, item in enumerate(items)}
    place_model = {model: i for i, model in enumerate(models)}
    for item, rater, completer, value in means.iter_rows():
        cells[place_item[item], place_model[rater], place_model[completer]] = value
    return tuple(models), tuple(items), cells


_ROLES = {
    "rater": ("completer", "completer_identity"),
    "completer": ("rater", "rater_identity", "thinking"),
}
"""What may differ among the ratings by one rater, and of one completer."""


def _double_centred(cells: FloatArray) -> FloatArray:
    """Each (raters × completers) table less its row and column means."""
    rows = cells.mean(axis=2, keepdims=True)
    columns = cells.mean(axis=1, keepdims=True)
    centred: FloatArray = cells - rows - columns + cells.mean(axis=(1, 2), keepdims=True)
    return centred


def _diagonal(residual: FloatArray) -> FloatArray:
    """Least-squares d: trace over k − 1, the squared length of the double-centred identity."""
    trace: FloatArray = np.trace(residual, axis1=1, axis2=2) / (residual.shape[1] - 1)
    return trace


def _cell_estimate(residual: FloatArray, confidence: float) -> Tested:
    k = len(residual)
    d = float(_diagonal(residual[None])[0])
    df = (k - 1) ** 2 - 1
    left = max(0.0, float((residual**2).sum()) - d * d * (k - 1))
    se = math.sqrt(left / df / (k - 1))
    half = float(stats.t.ppf((1 + confidence) / 2, df)) * se
    p = float(2 * stats.t.sf(abs(d) / se, df)) if se > 0 else math.nan
    estimate = Estimate(
        estimate=d, low=d - half, high=d + half, n=k * k, cells=k * k, interval="t over cells"
    )
    return tested(estimate, p=p, test=f"t, {df} df")


def _permutation_test(residual: FloatArray, bootstrap: Bootstrap) -> tuple[float, int]:
    """Two-sided p of the trace over all assignments of completers to raters, and their number.

    Exact, the observed one among them, so p is at least 1/k!; above 8 models 20 000 are drawn.
    """
    k = len(residual)
    rows = np.arange(k)
    observed = abs(float(np.trace(residual)))
    if k <= _EXACT:
        orders = np.array(list(itertools.permutations(range(k))))
    else:
        rng = bootstrap.rng(k, 3)
        drawn = rng.permuted(np.tile(rows, (20_000, 1)), axis=1)
        orders = np.concatenate([rows[None], drawn])
    traces = residual[rows, orders].sum(axis=1)
    return float(np.mean(np.abs(traces) >= observed - 1e-12)), len(orders)
