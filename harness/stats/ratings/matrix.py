"""From rating records of one group to a matrix items × repeats."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from harness.errors import UsageError
from harness.records.pooling import require_columns, require_one_text
from harness.stats.intervals import FloatArray

__all__ = ["Ratings", "item_means", "matched", "matched_matrices", "rating_matrix"]


@dataclass(frozen=True, eq=False)
class Ratings:
    """Ratings of one group: `values` is (items × repeats), NaN where there is no answer.

    `outcomes` has the outcome of each cell, "" where nothing was asked. `origins` is "" where
    unknown. `refused` marks items whose completion or at least one rating was a refusal.
    `repeats` names the columns: the how-manieth run of the item, completion and repeat number.
    """

    items: tuple[str, ...]
    origins: tuple[str, ...]
    values: FloatArray
    outcomes: NDArray[np.str_]
    refused: NDArray[np.bool_]
    repeats: tuple[tuple[int, int, int], ...] = ()

    def take(self, keep: NDArray[np.bool_]) -> "Ratings":
        """The same, for the items in `keep`."""
        chosen = np.flatnonzero(keep)
        return Ratings(
            items=tuple(self.items[i] for i in chosen),
            origins=tuple(self.origins[i] for i in chosen),
            values=self.values[chosen],
            outcomes=self.outcomes[chosen],
            refused=self.refused[chosen],
            repeats=self.repeats,
        )


def rating_matrix(frame: pl.DataFrame, *, column: str = "value") -> Ratings:
    """The matrix of one group's rating records; items sorted by id.

    A repeat is a run (`log`) of the item and its repeat number there, so a second run of the same
    design adds columns and replaces nothing, while runs over different items share columns.
    UsageError when two records claim the same item, run and repeat, or an id stands for two texts.
    """
    require_columns(frame, ("item", "repeat", "outcome", column), where="rating records")
    require_one_text(frame, where="rating records")
    frame = frame.with_columns(
        pl.col(name) if name in frame.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in _OPTIONAL.items()
    )
    refused = (pl.col("outcome") == "refused") | pl.col("completion_refused").fill_null(False)
    coded = frame.select(
        pl.col("item").rank("dense").sub(1).alias("row"),
        pl.when(pl.col("outcome") == "answered").then(pl.col(column).cast(pl.Float64)),
        pl.col("outcome"),
        pl.col("origin").fill_null(""),
        pl.col("log").fill_null("").rank("dense").over("item").alias("run"),
        pl.col("completion_seed").fill_null(-1).rank("dense").over("item", "log").alias("made"),
        pl.col("repeat"),
        refused.alias("refused"),
    )
    rows = coded["row"].to_numpy().astype(np.intp)
    names = ("run", "made", "repeat")
    keys = np.stack([coded[name].to_numpy().astype(np.int64) for name in names], axis=1)
    repeats, cols = np.unique(keys, axis=0, return_inverse=True)
    shown, first = np.unique(rows, return_index=True)
    shape = (len(shown), len(repeats))
    _no_duplicates(frame, rows, cols, shape)
    values = np.full(shape, np.nan)
    values[rows, cols] = coded[column].fill_null(np.nan).to_numpy()
    outcomes = np.full(shape, "", dtype="U12")
    outcomes[rows, cols] = coded["outcome"].to_numpy()
    return Ratings(
        items=tuple(frame["item"].gather(first).to_list()),
        origins=tuple(coded["origin"].gather(first).to_list()),
        values=values,
        outcomes=outcomes,
        refused=np.bincount(rows, weights=coded["refused"].to_numpy(), minlength=shape[0]) > 0,
        repeats=tuple((int(run), int(made), int(repeat)) for run, made, repeat in repeats),
    )


def matched_matrices(
    frames: Sequence[pl.DataFrame], *, column: str = "value"
) -> tuple[tuple[str, ...], list[FloatArray]]:
    """Several conditions' ratings on their common items, repeat k of one beside k of the other.

    Returns the common items, sorted, and one (items × repeats) matrix a condition. Repeats are
    numbered alike in every condition; a repeat that one lacks is NaN there.
    """
    return matched([rating_matrix(frame, column=column) for frame in frames])


def matched(found: Sequence[Ratings]) -> tuple[tuple[str, ...], list[FloatArray]]:
    """As `matched_matrices`, of conditions whose matrices are there already."""
    common = set(found[0].items).intersection(*(one.items for one in found[1:]))
    keys = sorted({key for one in found for key in one.repeats})
    place = {key: number for number, key in enumerate(keys)}
    matrices = []
    for one in found:
        rows = [i for i, item in enumerate(one.items) if item in common]
        matrix = np.full((len(rows), len(keys)), np.nan)
        matrix[:, [place[key] for key in one.repeats]] = one.values[rows]
        matrices.append(matrix)
    return tuple(sorted(common)), matrices


def item_means(values: FloatArray) -> FloatArray:
    """Mean of each row without its NaN; NaN for a row of NaN."""
    given = np.isfinite(values)
    count = given.sum(axis=1)
    total = np.where(given, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


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
