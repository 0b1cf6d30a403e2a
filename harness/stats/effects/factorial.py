"""The 3 × 3 design: completion condition × measurement condition, each −, neutral, +."""

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.records.pooling import require_one
from harness.stats.intervals import Bootstrap, Estimate, FloatArray, undefined
from harness.stats.ratings.matrix import item_means, matched_matrices

__all__ = ["cells_3x3", "effects_3x3"]


def effects_3x3(cells: FloatArray, *, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """Main effects of both conditions, paired by item.

    `cells` is (items × 3 × 3), mean ratings by completion condition and measurement condition,
    each in the order negative, neutral, positive. An effect is positive − negative. Keys:
    `completion` and `measurement` (averaged over the other's three conditions),
    `completion_in_neutral` (measurement neutral) and `measurement_in_neutral` (completion
    neutral), `ratio` = measurement / completion and `ratio_in_neutral` of the two in-neutral
    effects, each only where its denominator's interval excludes 0. The completion effect lives in
    neutral measurement: where the measurement context dominates, the average hides it. Items that
    lack a cell are left out and counted; bootstrap over items.
    """
    if cells.ndim != 3 or cells.shape[1:] != (3, 3):
        raise UsageError(f"cells of shape {cells.shape}; expected items × 3 × 3")
    complete = np.isfinite(cells).all(axis=(1, 2))
    used = cells[complete]
    missing = int((~complete).sum())
    if len(used) == 0:
        return {
            name: undefined("no item rated in all nine cells") for name in (*_EFFECTS, *_RATIOS)
        }
    effects = np.stack([_EFFECTS[name](used) for name in _EFFECTS], axis=1)
    parts = np.column_stack([np.ones(len(used)), effects])
    found = dict(
        zip(
            _EFFECTS,
            bootstrap.estimates(parts, lambda sums: sums[:, 1:] / sums[:, :1]),
            strict=True,
        )
    )
    names = list(_EFFECTS)
    for name, (above, below) in _RATIOS.items():
        columns = names.index(above) + 1, names.index(below) + 1
        found[name] = _ratio(parts, columns, found[below], below, bootstrap)
    return {
        name: msgspec.structs.replace(value, undefined=missing) for name, value in found.items()
    }


_EFFECTS = {
    "completion": lambda cells: (cells[:, 2] - cells[:, 0]).mean(axis=1),
    "measurement": lambda cells: (cells[:, :, 2] - cells[:, :, 0]).mean(axis=1),
    "completion_in_neutral": lambda cells: cells[:, 2, 1] - cells[:, 0, 1],
    "measurement_in_neutral": lambda cells: cells[:, 1, 2] - cells[:, 1, 0],
}
_RATIOS = {
    "ratio": ("measurement", "completion"),
    "ratio_in_neutral": ("measurement_in_neutral", "completion_in_neutral"),
}


def _ratio(
    parts: FloatArray, columns: tuple[int, int], below: Estimate, name: str, bootstrap: Bootstrap
) -> Estimate:
    above_at, below_at = columns
    if not (below.low > 0 or below.high < 0):
        note = f"the interval of {name} includes 0 or is unknown: no ratio"
        return undefined(note, n=below.n)
    return bootstrap.estimate(parts, lambda sums: sums[:, above_at] / sums[:, below_at])


def cells_3x3(
    frame: pl.DataFrame,
    *,
    negative: str,
    positive: str,
    neutral: str = "none",
    column: str = "value",
) -> tuple[tuple[str, ...], FloatArray]:
    """Items and their (items × 3 × 3) mean ratings, from records with both system prompts.

    UsageError when a cell of the design has no records, or when anything else varies.
    """
    require_one(
        frame, factors=("completion_sysprompt", "measurement_sysprompt"), where="the 3×3 design"
    )
    order: Sequence[str] = (negative, neutral, positive)
    parts = []
    for completion in order:
        for measurement in order:
            part = frame.filter(
                (pl.col("completion_sysprompt") == completion)
                & (pl.col("measurement_sysprompt") == measurement)
            )
            if len(part) == 0:
                raise UsageError(
                    f"no records with completion_sysprompt {completion!r} and "
                    f"measurement_sysprompt {measurement!r}; the 3×3 design needs all nine cells"
                )
            parts.append(part)
    items, matrices = matched_matrices(parts, column=column)
    means = np.stack([item_means(matrix) for matrix in matrices], axis=1)
    return items, means.reshape(len(items), 3, 3)
