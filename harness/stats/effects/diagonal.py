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
from numpy.typing import NDArray
from scipy import stats

from harness.errors import UsageError
from harness.records.pooling import require_columns, require_one, require_one_text
from harness.stats.effects.permutation import critical_value, two_sided_p
from harness.stats.intervals import (
    Bootstrap,
    Estimate,
    FloatArray,
    Tested,
    tested,
    undefined,
)

__all__ = ["SelfCross", "rating_cells", "self_vs_cross"]

_DRAWN = 20_000

_EXACT = 8
"""Largest k whose k! permutations are enumerated (40 320)."""


@dataclass(frozen=True)
class SelfCross:
    """`effect` d over the cells, t with (k − 1)² − 1 df; `permutation_p` of the test that
    reassigns which completer is whose (`permutations` of them, exact or drawn);
    `by_item` the same d, p and interval by the same assignments, each studentised over items; with
    three models there are too few for an interval.
    """

    effect: Tested
    permutation_p: float
    permutations: int
    by_item: Tested


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
        none = tested(nothing, p=math.nan, test="")
        return SelfCross(none, math.nan, 0, none)
    with np.errstate(all="ignore"):
        given = np.isfinite(cells)
        means = np.where(given, cells, 0.0).sum(axis=0) / given.sum(axis=0)
    if not np.isfinite(means).all():
        nothing = undefined("a cell has no rating", n=len(cells))
        none = tested(nothing, p=math.nan, test="")
        return SelfCross(none, math.nan, 0, none)
    residual = _double_centred(means[None])[0]
    p, count = _permutation_test(residual, bootstrap)
    complete: NDArray[np.bool_] = np.all(given, axis=(1, 2))
    by_item = _by_item(cells, complete, bootstrap)
    return SelfCross(_cell_estimate(residual, bootstrap.confidence), p, count, by_item)


def rating_cells(
    frame: pl.DataFrame, *, column: str = "value"
) -> tuple[tuple[str, ...], tuple[str, ...], FloatArray]:
    """Models, items and (items × raters × completers) means over repeats of answered ratings.

    Only models that are both rater and completer are kept. Refuses to pool anything but rater
    and completer.
    """
    require_columns(frame, ("rater", "completer", "item", "outcome", column), where="records")
    require_one_text(frame)
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


def _by_item(cells: FloatArray, complete: NDArray[np.bool_], bootstrap: Bootstrap) -> Tested:
    """d over items that have every cell, studentised by their spread.

    How a rater takes to a completer beyond both their means is the same for all items: items as
    units alone would take such a liking, wherever it falls on the diagonal, for the self. So p and
    interval come from all assignments of completers to raters, each over its own error by item.
    """
    used = _double_centred(cells[complete])
    missing, n, k = int((~complete).sum()), len(used), cells.shape[1]
    if n < 2:
        return tested(undefined("fewer than two items in every cell", n=n), p=math.nan, test="",
                      left_out=missing)  # fmt: skip
    rows, orders = np.arange(k), _orders(k, bootstrap)
    ratios = np.empty(len(orders))
    d = error = 0.0
    for i, order in enumerate(orders):
        traces = used[:, rows, order].sum(axis=1) / (k - 1)
        mean, spread = float(traces.mean()), float(traces.std(ddof=1)) / math.sqrt(n)
        ratios[i] = abs(mean) / spread if spread > 1e-12 * (1 + abs(mean)) else math.inf
        if i == 0:
            d, error = mean, spread
    half = critical_value(ratios, bootstrap.confidence) * error
    estimate = Estimate(estimate=d, n=n, note=f"no interval: {len(orders)} assignments are too few")
    if math.isfinite(half):
        estimate = Estimate(estimate=d, low=d - half, high=d + half, n=n, interval="permutation")
    p = two_sided_p(ratios, float(ratios[0]))
    return tested(estimate, p=p, test=f"{len(orders)} assignments", left_out=missing)


def _orders(k: int, bootstrap: Bootstrap) -> NDArray[np.int_]:
    """Assignments of completers to raters, the one seen first; drawn above 8 models."""
    if k <= _EXACT:
        return np.array(list(itertools.permutations(range(k))))
    rows = np.arange(k)
    drawn = bootstrap.rng(k, 3).permuted(np.tile(rows, (_DRAWN, 1)), axis=1)
    return np.concatenate([rows[None], drawn])


def _permutation_test(residual: FloatArray, bootstrap: Bootstrap) -> tuple[float, int]:
    """Two-sided p of the trace over all assignments of completers to raters, and their number.

    Exact, the observed one among them, so p is at least 1/k!; above 8 models 20 000 are drawn.
    """
    orders = _orders(len(residual), bootstrap)
    observed = abs(float(np.trace(residual)))
    traces = residual[np.arange(len(residual)), orders].sum(axis=1)
    return float(np.mean(np.abs(traces) >= observed - 1e-12)), len(orders)
