"""What Inspect loads by entry point: imports alone."""

from scorers.completion import completion
from scorers.preference import preference
from scorers.rating import rating
from scorers.utilities import utility_metrics

__all__ = ["completion", "preference", "rating", "utility_metrics"]
