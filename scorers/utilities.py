"""Metrics of an adaptive campaign: the fit of all its records."""

from collections.abc import Sequence

import msgspec
import polars as pl
from inspect_ai.scorer import Metric, MetricProtocol, SampleScore, metric

from harness.errors import PenchantError
from harness.records import Record, frame
from harness.stats.utilities import analyse_records

__all__ = ["utility_metrics"]

_SHOWN = (
    "items",
    "comparisons",
    "expected_rho",
    "expected_rho_within_origin",
    "position_effect",
    "position_effect_low",
    "position_effect_high",
    "tau",
    "components",
    "heldout_nll",
    "heldout_accuracy",
)


@metric(scores="unreduced")
def utility_metrics() -> Metric:
    """What `penchant utilities LOG` prints: expected rank correlation with the truth, position
    effect with its interval, held-out scores. The utilities are in that command's table."""

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        table = frame(_records(scores))
        if not (table["outcome"] == "answered").any():
            return {"comparisons": 0.0}
        try:
            summary = analyse_records(table.filter(pl.col("kind") == "choice")).summary
        except PenchantError:
            # Records that must not be pooled have no fit; the log keeps them all the same.
            return {"comparisons": float((table["outcome"] == "answered").sum())}
        return {name: float(summary[name]) for name in _SHOWN if summary[name] is not None}

    return _typed(compute)


def _typed(compute: MetricProtocol) -> Metric:
    return compute


def _records(scores: Sequence[SampleScore]) -> list[Record]:
    return [
        msgspec.convert(row, Record)
        for score in scores
        for row in (score.score.metadata or {}).get("records", ())
    ]
