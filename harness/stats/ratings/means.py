"""Means over cells of a design, with the cells counted."""

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.records.pooling import IDENTITY, require_columns, require_one
from harness.stats.intervals import Bootstrap, Estimate, FloatArray, mean_interval

__all__ = ["mean_by", "mean_estimate"]


def mean_by(
    frame: pl.DataFrame,
    by: Sequence[str],
    *,
    bootstrap: Bootstrap,
    column: str = "value",
    over: Sequence[str] = (),
) -> pl.DataFrame:
    """Mean of `column` over answered ratings, one row per value of `by`.

    Repeats are averaged within an item first. `over` names the factors of the design that are
    averaged across (`template`, say, whose hash then goes with it); every other identity column
    that varies within a row is refused. A cell is one combination of identity columns; cells
    count alike however many records they hold. Columns: `by`, estimate, low, high, n (items),
    cells, records, note. Only the normalised rating may be averaged over templates.
    """
    require_columns(frame, (*by, "item", "outcome", column), where="rating records")
    if "template" in over:
        over = [*over, "template_hash", "labels"]
        if column == "value":
            raise UsageError(
                "mean of 'value' over templates with scales of their own; expected 'normalised'"
            )
    rows: list[dict[str, object]] = []
    parts = frame.partition_by(by, as_dict=True) if by else {(): frame}
    for key in sorted(parts, key=str):
        part = parts[key]
        where = ", ".join(f"{n}={v}" for n, v in zip(by, key, strict=True))
        require_one(part, factors=(*by, *over), where=where)
        mean = mean_estimate(part, bootstrap=bootstrap, column=column)
        rows.append(
            dict(zip(by, key, strict=True))
            | {"estimate": mean.estimate, "low": mean.low, "high": mean.high, "n": mean.n}
            | {"cells": mean.cells, "records": len(part), "note": mean.note}
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def mean_estimate(frame: pl.DataFrame, *, bootstrap: Bootstrap, column: str = "value") -> Estimate:
    """Mean over the cells of `frame` of the mean over items of the mean over repeats.

    One cell has Student's interval over items; several have the bootstrap over items, since
    cells share them. Cells without an answer are counted in `undefined`.
    """
    keys = [name for name in IDENTITY if name in frame.columns]
    cells = frame.select(keys).n_unique() if keys else 1
    answered = frame.filter((pl.col("outcome") == "answered") & pl.col(column).is_not_null())
    means = answered.group_by([*keys, "item"]).agg(pl.col(column).mean().alias("mean"))
    if len(means) == 0:
        return Estimate(estimate=float("nan"), cells=0, undefined=cells, note="no answers")
    coded = means.select(
        pl.col("item").rank("dense").sub(1).alias("row"),
        (pl.struct(keys) if keys else pl.lit(0)).rank("dense").sub(1).alias("cell"),
        pl.col("mean"),
    )
    rows, columns = coded["row"].to_numpy(), coded["cell"].to_numpy()
    matrix = np.full((int(rows.max()) + 1, int(columns.max()) + 1), np.nan)
    matrix[rows, columns] = coded["mean"].to_numpy()
    if matrix.shape[1] == 1:
        estimate = mean_interval(matrix[:, 0], confidence=bootstrap.confidence)
        return msgspec.structs.replace(estimate, cells=1, undefined=cells - 1)
    given = np.isfinite(matrix)
    parts = np.concatenate([np.nan_to_num(matrix), given.astype(float)], axis=1)
    estimate = bootstrap.estimate(parts, _mean_of_means)
    return msgspec.structs.replace(
        estimate, cells=matrix.shape[1], undefined=cells - matrix.shape[1]
    )


def _mean_of_means(sums: FloatArray) -> FloatArray:
    total, count = np.split(sums, 2, axis=1)
    result: FloatArray = np.nanmean(total / np.where(count > 0, count, np.nan), axis=1)
    return result
