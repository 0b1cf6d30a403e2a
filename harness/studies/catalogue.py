"""The named studies by name."""

import importlib

from harness.errors import UsageError
from harness.prompts.catalogue import unknown_name
from harness.studies.study import Study

__all__ = ["NAMES", "get_study"]

NAMES = (
    "validity",
    "seed-sensitivity",
    "seed-sensitivity-multimodel",
    "rating-variance",
    "discrimination",
    "consistency",
    "consistency-models",
    "sysprompt-3x3",
    "sysprompt-grid",
    "sysprompt-v2",
    "sysprompt-confound",
    "self-vs-cross",
    "refusal-stated",
    "utilities",
    "pairwise-templates",
    "position-bias",
    "stated-revealed",
    "thurstone-regularisation",
    "drift",
    "pre-post",
    "framing",
    "steering-stated",
    "steering-open-ended",
    "steering-norms",
)
"""In the order in which `penchant study list` shows them; each is a module of `named`."""


def get_study(name: str) -> Study:
    """A study by name; its module is imported now. UsageError for a name that is none."""
    if name not in NAMES:
        raise UsageError(unknown_name("study", name, NAMES))
    module = importlib.import_module(f"harness.studies.named.{name.replace('-', '_')}")
    study = module.STUDY
    assert isinstance(study, Study)
    return study
