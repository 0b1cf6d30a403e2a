"""Choices of an adaptive campaign: read as any, with the metrics of their fit."""

from typing import Any

from inspect_ai.scorer import Scorer, scorer

from scorers.metrics import preference_metrics
from scorers.preference import preference
from scorers.utilities import utility_metrics

__all__ = ["campaign"]


@scorer(metrics=[preference_metrics(), utility_metrics()])
def campaign(judge: bool | None = None, **options: Any) -> Scorer:
    """As `scorers.preference.preference`, arguments too."""
    return preference(judge, **options)
