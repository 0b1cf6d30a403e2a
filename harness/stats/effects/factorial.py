"""The 3 × 3 design: completion condition × measurement condition, each −, neutral, +."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.records.pooling import require_one
from harness.stats.effects.wordings import mean_over_wordings
from harness.stats.intervals import Bootstrap, Estimate, FloatArray, undefined
from harness.stats.ratings.matrix import item_means, matched_matrices

__all__ = ["cells_3x3", "effects_3x3"]


def effects_3x3(cells: FloatArray, *, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """Main effects of both conditions, paired by item.

    `cells` is (items × 3 × 3), mean ratings by completion condition and measurement condition,
    each in the order negative, neutral, positive, or (items × wordings × 3 × 3): then effects are
    over items and wordings (see `wordings`), and ratios have no interval. An effect is
    positive − negative. Keys: `completion` and `measurement` (averaged over the other's three
    conditions), `completion_in_neutral` (measurement neutral) and `measurement_in_neutral`
    (completion neutral), `ratio` = measurement / completion and `ratio_in_neutral` of the two
    in-neutral effects, each only where its denominator's interval excludes 0. The completion
    effect lives in neutral measurement: where the measurement context dominates, the average hides
    it. Items that lack a cell are left out and counted; bootstrap over items.
    """
    if cells.ndim not in (3, 4) or cells.shape[-2:] != (3, 3):
        raise UsageError(f"cells of shape {cells.shape}; expected items × 3 × 3")
    if cells.ndim == 4:
        return _over_wordings(cells, bootstrap)
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


_EFFECTS: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "completion": lambda cells: (cells[:, 2] - cells[:, 0]).mean(axis=1),
    "measurement": lambda cells: (cells[:, :, 2] - cells[:, :, 0]).mean(axis=1),
    "completion_in_neutral": lambda cells: cells[:, 2, 1] - cells[:, 0, 1],
    "measurement_in_neutral": lambda cells: cells[:, 1, 2] - cells[:, 1, 0],
}
_RATIOS = {
    "ratio": ("measurement", "completion"),
    "ratio_in_neutral": ("measurement_in_neutral", "completion_in_neutral"),
}


def _over_wordings(cells: FloatArray, bootstrap: Bootstrap) -> dict[str, Estimate]:
    n, wordings = cells.shape[:2]
    flat = cells.reshape(-1, 3, 3)
    found: dict[str, Estimate] = {
        name: mean_over_wordings(effect(flat).reshape(n, wordings), confidence=bootstrap.confidence)
        for name, effect in _EFFECTS.items()
    }
    for name, (above, below) in _RATIOS.items():
        found[name] = _no_ratio(found[below], below) or Estimate(
            estimate=found[above].estimate / found[below].estimate,
            n=found[below].n,
            undefined=found[below].undefined,
            note="no interval for a ratio over several wordings",
        )
    return found


def _no_ratio(below: Estimate, name: str) -> Estimate | None:
    if below.low > 0 or below.high < 0:
        return None
    note = f"the interval of {name} includes 0 or is unknown: no ratio"
    return undefined(note, n=below.n)


def _ratio(
    parts: FloatArray, columns: tuple[int, int], below: Estimate, name: str, bootstrap: Bootstrap
) -> Estimate:
    above_at, below_at = columns
    none = _no_ratio(below, name)
    return none or bootstrap.estimate(parts, lambda sums: sums[:, above_at] / sums[:, below_at])


def cells_3x3(
    frame: pl.DataFrame,
    *,
    negative: str,
    positive: str,
    neutral: str = "none",
    column: str = "value",
) -> tuple[tuple[str, ...], FloatArray]:
    """Items and their mean ratings, from records with both system prompts: (items × 3 × 3), or
    (items × wordings × 3 × 3) where the records have several wordings.

    UsageError when a cell of the design has no records (in a wording), or when anything else
    varies.
    """
    require_one(
        frame,
        factors=("completion_sysprompt", "measurement_sysprompt", "wording"),
        where="the 3×3 design",
    )
    if "wording" not in frame.columns or frame["wording"].n_unique() == 1:
        return _cells(frame, negative, positive, neutral, column)
    found = [
        _cells(part, negative, positive, neutral, column) for part in frame.partition_by("wording")
    ]
    items = tuple(sorted(set().union(*(names for names, _ in found))))
    place = {item: at for at, item in enumerate(items)}
    whole = np.full((len(items), len(found), 3, 3), np.nan)
    for at, (names, cells) in enumerate(found):
        whole[[place[name] for name in names], at] = cells
    return items, whole


def _cells(
    frame: pl.DataFrame, negative: str, positive: str, neutral: str, column: str
) -> tuple[tuple[str, ...], FloatArray]:
    """Of one wording."""
    which = f" in wording {frame['wording'][0]!r}" if "wording" in frame.columns else ""
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
                    f"measurement_sysprompt {measurement!r}{which}; the 3×3 design needs all nine "
                    "cells"
                )
            parts.append(part)
    items, matrices = matched_matrices(parts, column=column)
    means = np.stack([item_means(matrix) for matrix in matrices], axis=1)
    return items, means.reshape(len(items), 3, 3)
