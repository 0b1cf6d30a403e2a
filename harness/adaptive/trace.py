"""A campaign's trace and result, as its log's metadata carries them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from harness.adaptive.standing import AnyFit
from harness.stats.thurstone.ranking import Progress

__all__ = ["KEY", "live_line", "result_of", "trace_of", "trace_table"]

KEY = "utilities"
"""Where the result stands in the metadata of a campaign's log."""

_COLUMNS: dict[str, Any] = {
    "iteration": pl.Int64,
    "comparisons": pl.Float64,
    "expected_rho": pl.Float64,
    "within_rho": pl.Float64,
    "successive_rho": pl.Float64,
    "position_effect": pl.Float64,
    "tau": pl.Float64,
}


def result_of(fitted: AnyFit | None, trace: Sequence[Progress], ended: str) -> dict[str, Any]:
    """Plain data: why it ended, the trace, and each item's utility at the end."""
    utilities: dict[str, float] = {}
    if fitted is not None:
        values = fitted.utilities.round(6).tolist()
        utilities = dict(zip(fitted.data.items, values, strict=True))
    return {"ended": ended, "trace": [asdict(row) for row in trace], "utilities": utilities}


def trace_table(trace: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """One row an iteration, columns as in `harness.stats.thurstone.ranking.Progress`."""
    return pl.DataFrame(list(trace), schema=_COLUMNS, orient="row")


def trace_of(metadata: Mapping[str, Any] | None) -> pl.DataFrame:
    """The trace in a log's metadata (`log.eval.metadata`); no rows where there is none."""
    found = (metadata or {}).get(KEY) or {}
    return trace_table(found.get("trace", ()))


def live_line(progress: Progress) -> str:
    """One line a batch for the person at the terminal."""
    parts = [
        f"iteration {progress.iteration}",
        f"{progress.comparisons:,.0f} comparisons",
    ]
    if progress.expected_rho is None:
        parts.append("no expected rho: few answers tie parts of the items together")
    else:
        parts.append(f"expected rho {progress.expected_rho:.3f}")
    if progress.within_rho is not None:
        parts.append(f"within origins {progress.within_rho:.3f}")
    if progress.successive_rho is not None:
        parts.append(f"against the fit before {progress.successive_rho:.3f}")
    if progress.position_effect is not None:
        parts.append(f"position effect {progress.position_effect:+.2f}")
    return ", ".join(parts)
