"""Steered estimates of an eval beside random directions (`-M controls=32`)."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from harness.analysis.cells import Cell, cells
from harness.errors import UsageError
from harness.records.beside import Directions, read_controls
from harness.stats.effects.ranked import mean_change, orders_apart, rank_p
from harness.wire import CONTROL_KINDS

__all__ = ["BesideRandom", "beside_random"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BesideRandom:
    """One cell. `table` has a row a direction: `direction`, `kind`, `shift` [`low`, `high`] against
    unsteered (of a choice the logit of the item of interest, the position effect split off; of a
    rating its value), `position` and `position_shift` of choices, `label_mass`, and `refusal` and
    `coherence` over `sides` questions (NaN without any). `units` are pairs, or items. `p_random`
    and `p_angled` are by rank of |shift|."""

    cell: Cell
    units: int
    sides: int
    p_random: float
    p_angled: float
    table: pl.DataFrame = field(repr=False)


def beside_random(frame: pl.DataFrame, *, towards: str | None = None) -> list[BesideRandom]:
    """Every cell of `frame` that was asked beside random directions. With `towards` pairs of an
    item of that origin with one of another count, and the shift is towards it.

    UsageError where no record has controls, where both items of a pair were pushed alike and
    nothing says which one is of interest, and for pairs that were never asked in both orders.
    """
    asked = frame.filter(pl.col("controls").is_not_null() & (pl.col("outcome") == "answered"))
    if not asked.height:
        raise UsageError(
            "no answered record was asked beside random directions; expected a run with "
            "--model steering/… -M vector=… -M coef=… -M controls=32 -T readout=logprobs"
        )
    return [_of_cell(cell, towards) for kind in ("choice", "rating") for cell in cells(asked, kind)]


def _of_cell(cell: Cell, towards: str | None) -> BesideRandom:
    rows = _of_interest(cell.frame, towards, cell.name)
    told = [read_controls(column) for column in rows["controls"]]
    names = [
        (kind, f"{kind}-{index:02d}" if kind in ("random", "angled") else kind)
        for kind in CONTROL_KINDS
        for index in range(len(told[0][kind].estimate))
    ]
    estimates = _stacked([_joined(one) for one in told], cell.name)
    content, position = _units(rows, estimates, cell.name)
    shift, low, high = mean_change(content)
    sides = [one for one in told if all(one[kind].refusal for kind in CONTROL_KINDS)]
    table = pl.DataFrame(
        {
            "direction": [name for _, name in names],
            "kind": [kind for kind, _ in names],
            "shift": shift,
            "low": low,
            "high": high,
            "position": position.mean(0),
            "position_shift": (position - position[:, :1]).mean(0),
            "label_mass": np.mean([_flat(one, "mass") for one in told], axis=0),
            "refusal": _mean([_flat(one, "refusal") for one in sides], len(names)),
            "coherence": _mean([_flat(one, "coherence") for one in sides], len(names)),
        }
    )
    own = float(table.filter(pl.col("kind") == "vector")["shift"][0])
    p_random, p_angled = (
        rank_p(own, table.filter(pl.col("kind") == kind)["shift"].to_numpy())
        for kind in ("random", "angled")
    )
    return BesideRandom(cell, len(content), len(sides), p_random, p_angled, table)


def _of_interest(rows: pl.DataFrame, towards: str | None, name: str) -> pl.DataFrame:
    """Records with `unit` (pair, or item) and `first` (whether the item of interest was shown
    first; null of ratings)."""
    if rows["kind"][0] == "rating":
        rows = rows.filter(pl.col("origin") == towards) if towards is not None else rows
        if not rows.height:
            raise UsageError(f"{name}: no item of origin {towards!r}")
        return rows.with_columns(pl.col("item").alias("unit"), pl.lit(None).alias("first"))
    if towards is not None:
        first, second = (pl.col(f"origin_{side}") == towards for side in ("first", "second"))
        rows = rows.filter(first != second)
        interest = pl.when(first).then("item_first").otherwise("item_second")
        rows = rows.with_columns(interest.alias("pushed"))
        if not rows.height:
            raise UsageError(f"{name}: no pair of an item of origin {towards!r} with another's")
    if rows["pushed"].null_count():
        raise UsageError(
            f"{name}: both items of a pair were pushed alike; expected positions=contrast, or "
            "--towards ORIGIN to say which one is of interest"
        )
    low, high = (
        pl.min_horizontal("item_first", "item_second"),
        pl.max_horizontal("item_first", "item_second"),
    )
    return rows.with_columns(
        (low + "\x1f" + high).alias("unit"),
        (pl.col("pushed") == pl.col("item_first")).alias("first"),
    )


def _units(rows: pl.DataFrame, estimates: Array, name: str) -> tuple[Array, Array]:
    """Content and position [units, directions]; a pair's repeats count as their mean, and a pair
    that was answered in one order alone is left out."""
    units, first = rows["unit"].to_numpy(), rows["first"].to_numpy()
    if rows["kind"][0] == "rating":
        means = np.stack([estimates[units == unit].mean(0) for unit in np.unique(units)])
        return means, np.full_like(means, np.nan)
    # Logits are of the item shown first; of interest may be the other.
    signed = np.where(first.astype(bool)[:, None], estimates, -estimates)
    content, position = [], []
    for unit in np.unique(units):
        sides = [signed[(units == unit) & (first == shown)] for shown in (True, False)]
        if all(len(side) for side in sides):
            both = orders_apart(*(side.mean(0) for side in sides))
            content.append(both[0])
            position.append(both[1])
    if not content:
        raise UsageError(f"{name}: no pair was answered in both orders; expected order=both")
    return np.stack(content), np.stack(position)


def _flat(told: dict[str, Directions], name: str) -> list[float]:
    return [
        np.nan if value is None else value
        for kind in CONTROL_KINDS
        for value in getattr(told[kind], name)
    ]


def _joined(told: dict[str, Directions]) -> list[float]:
    return _flat(told, "estimate")


def _stacked(rows: list[list[float]], name: str) -> Array:
    if len({len(row) for row in rows}) > 1:
        raise UsageError(f"{name}: records with different numbers of random directions")
    return np.array(rows)


def _mean(rows: list[list[float]], width: int) -> Array:
    """Mean over questions of what was measured, NaN where nothing was."""
    if not rows:
        return np.full(width, np.nan)
    table = np.array(rows)
    known = np.isfinite(table)
    total: Array = np.where(known, table, 0.0).sum(0)
    count = known.sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
