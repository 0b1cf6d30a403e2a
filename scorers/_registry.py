"""What Inspect loads by entry point: imports alone."""

from scorers.attitude import attitude
from scorers.campaign import campaign
from scorers.coherence import coherence
from scorers.completion import completion
from scorers.executed_task import executed_task
from scorers.preference import preference
from scorers.rating import rating
from scorers.refusal import refusal
from scorers.sysprompt_reference import sysprompt_reference
from scorers.utilities import utility_metrics

__all__ = [
    "attitude",
    "campaign",
    "coherence",
    "completion",
    "executed_task",
    "preference",
    "rating",
    "refusal",
    "sysprompt_reference",
    "utility_metrics",
]
