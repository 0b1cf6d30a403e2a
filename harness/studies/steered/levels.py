"""What each record of a steering study was asked under, as its log says."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from harness.errors import UsageError
from harness.records.log_runs import LogInfo

__all__ = ["levels_by_log", "with_levels"]


def levels_by_log(
    logs: Sequence[LogInfo], wanted: Sequence[str], *, study: str
) -> dict[str, dict[str, str]]:
    """The factor levels of each log that holds a cell with these factors, by the log's path.

    UsageError where none does: what a completion was made under is said nowhere else.
    """
    found: dict[str, dict[str, str]] = {}
    for log in logs:
        levels: Any = log.metadata.get("levels")
        if isinstance(levels, dict) and all(isinstance(levels.get(one), str) for one in wanted):
            found[log.path] = levels
    if not found:
        raise UsageError(
            f"{study} needs logs whose cells say their {', '.join(wanted)}; none of these does"
        )
    return found


def with_levels(
    frame: pl.DataFrame, logs: Sequence[LogInfo], wanted: Sequence[str], *, study: str
) -> pl.DataFrame:
    """The records of such logs alone, with a column for each wanted factor, `dose` as a number."""
    levels = levels_by_log(logs, wanted, study=study)
    table = pl.DataFrame(
        [{"log": path} | {one: own[one] for one in wanted} for path, own in levels.items()]
    )
    joined = frame.join(table, on="log", how="inner")
    if "dose" in wanted:
        joined = joined.with_columns(pl.col("dose").cast(pl.Float64))
    if not joined.height:
        raise UsageError(f"{study}: the logs that hold its cells have no records")
    return joined
