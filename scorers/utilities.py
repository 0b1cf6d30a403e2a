"""Metrics of an adaptive campaign: the fit of all its records."""

import polars as pl
from inspect_ai.scorer import Metric, SampleScore, metric

from harness.errors import PenchantError
from harness.records.record import frame
from harness.stats.choices.utilities import analyse_records
from scorers.recording import as_metric, records_in

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
        table = frame(records_in(scores))
        if not (table["outcome"] == "answered").any():
            return {"comparisons": 0.0}
        try:
            summary = analyse_records(table.filter(pl.col("kind") == "choice")).summary
        except PenchantError:
            # Records that must not be pooled have no fit; the log keeps them all the same.
            return {"comparisons": float((table["outcome"] == "answered").sum())}
        return {name: float(summary[name]) for name in _SHOWN if summary[name] is not None}

    return as_metric(compute)
