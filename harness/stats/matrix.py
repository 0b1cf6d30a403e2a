"""From rating records of one group to a matrix items × repeats."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from harness.errors import UsageError
from harness.stats.intervals import FloatArray
from harness.stats.pooling import require_columns

__all__ = ["Ratings", "rating_matrix"]


@dataclass(frozen=True, eq=False)
class Ratings:
    """Ratings of one group: `values` is (items × repeats), NaN where there is no answer.

    `outcomes` has the outcome of each cell, "" where nothing was asked. `origins` is "" where
    unknown. `refused` marks items whose completion or at least one rating was a refusal.
    """

    items: tuple[str, ...]
    origins: tuple[str, ...]
    values: FloatArray
    outcomes: NDArray[np.str_]
    refused: NDArray[np.bool_]

    def take(self, keep: NDArray[np.bool_]) -> "Ratings":
        """The same, for the items in `keep`."""
        chosen = np.flatnonzero(keep)
        return Ratings(
            items=tuple(self.items[i] for i in chosen),
            origins=tuple(self.origins[i] for i in chosen),
            values=self.values[chosen],
            outcomes=self.outcomes[chosen],
            refused=self.refused[chosen],
        )


def rating_matrix(frame: pl.DataFrame, *, column: str = "value") -> Ratings:
    """The matrix of one group's rating records; items sorted by id.

    A repeat is a run (`log`) and its repeat number, so a second run of the same design adds
    columns and replaces nothing. UsageError when two records claim the same item, run and repeat.
    """
    require_columns(frame, ("item", "repeat", "outcome", column), where="rating records")
    frame = frame.with_columns(
        pl.col(name) if name in frame.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in _OPTIONAL.items()
    )
    run = pl.struct(pl.col("log").fill_null(""), "completion_seed", "repeat")
    coded = frame.select(
        pl.col("item").rank("dense").sub(1).alias("row"),
        run.rank("dense").sub(1).alias("col"),
        pl.when(pl.col("outcome") == "answered").then(pl.col(column)).alias("value"),
        pl.col("outcome"),
    )
    rows, cols = coded["row"].to_numpy(), coded["col"].to_numpy()
    items = frame.get_column("item").unique().sort().to_list()
    shape = (len(items), int(cols.max()) + 1 if len(cols) else 0)
    _no_duplicates(frame, rows, cols, shape)
    values = np.full(shape, np.nan)
    values[rows, cols] = coded["value"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    outcomes = np.full(shape, "", dtype="U12")
    outcomes[rows, cols] = coded["outcome"].to_numpy()
    by_item = frame.group_by("item").agg(
        pl.col("origin").first(),
        ((pl.col("outcome") == "refused") | pl.col("completion_refused").fill_null(False))
        .any()
        .alias("refused"),
    )
    by_item = by_item.sort("item")
    return Ratings(
        items=tuple(items),
        origins=tuple(by_item["origin"].fill_null("").to_list()),
        values=values,
        outcomes=outcomes,
        refused=by_item["refused"].to_numpy().astype(bool),
    )


_OPTIONAL = {
    "log": pl.String,
    "completion_seed": pl.Int64,
    "origin": pl.String,
    "completion_refused": pl.Boolean,
}


def _no_duplicates(
    frame: pl.DataFrame, rows: NDArray[np.int_], cols: NDArray[np.int_], shape: tuple[int, int]
) -> None:
    cell = rows.astype(np.int64) * shape[1] + cols
    if len(np.unique(cell)) == len(cell):
        return
    order = np.argsort(cell, kind="stable")
    at = int(order[np.flatnonzero(np.diff(cell[order]) == 0)[0] + 1])
    item, repeat, log = frame.select("item", "repeat", "log").row(at)
    raise UsageError(
        f"two ratings for item {item!r}, repeat {repeat} in {log or 'one table'}; "
        "expected one a repeat"
    )
