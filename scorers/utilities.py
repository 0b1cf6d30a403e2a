"""Metrics of an adaptive campaign: the fit of all its records."""

import polars as pl
from inspect_ai.scorer import Metric, SampleScore, metric

from harness.errors import PenchantError
from harness.records.record import frame
from harness.stats.choices.utilities import analyse_records
from harness.stats.facets.universe import over_records
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
            choices = table.filter(pl.col("kind") == "choice")
            facets = [name for name in ("wording", "context") if choices[name].n_unique() > 1]
            if facets:
                return _over(choices, facets)
            summary = analyse_records(choices).summary
        except PenchantError:
            # Records that must not be pooled have no fit; the log keeps them all the same.
            return {"comparisons": float((table["outcome"] == "answered").sum())}
        return {name: float(summary[name]) for name in _SHOWN if summary[name] is not None}

    return as_metric(compute)


def _over(choices: pl.DataFrame, facets: list[str]) -> dict[str, float]:
    """Of the joint fit: `expected_rho` is with the utility over all wordings and contexts."""
    fitted = over_records(choices, facets)
    found = {name: float(fitted.summary[name]) for name in ("items", "comparisons", "expected_rho")}
    shares = {f"share of {one.source}": one.share for one in fitted.shares}
    return {**found, "tau": fitted.fit.tau, **shares}
