"""Options of the adaptive eval: those of `pairwise`, and how the campaign runs."""

from collections.abc import Mapping
from typing import Any, Literal

from harness.errors import UsageError
from harness.measuring.options import ChoiceOptions, read_options

__all__ = ["CampaignOptions", "RuleName", "read_campaign_options"]

RuleName = Literal["rank-optimal", "lowest-gap-and-degree", "random-regular", "swiss"]

PER_ITEM = 50
"""Comparisons an item after which a campaign ends unless `max_comparisons` says otherwise."""


class CampaignOptions(ChoiceOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of evals/utilities.py, besides those of `pairwise`.

    pairs: does not apply
    target_rho: stop when the expected rank correlation with the truth reaches this
    batch: questions asked between two fits
    max_comparisons: stop after so many questions; without, 50 an item
    degree: comparisons an item in the initial random graph; without, 5, with log-probabilities 4
    reserve: share of each batch that is random pairs, for held-out scores and group win rates
    rule: how pairs are chosen
    wordings, contexts: draw so many of the question's wordings, or of neutral system prompts, and
        spread them over each item's pairs; target_rho is then the correlation with the utility
        over all that might have been drawn, by the joint fit
    orders: `balanced` (one order a pair, the default: more pairs for the money) or `both`
    """

    target_rho: float = 0.95
    batch: int = 250
    max_comparisons: int | None = None
    degree: int | None = None
    reserve: float = 0.08
    rule: RuleName = "rank-optimal"
    orders: Literal["both", "balanced"] = "balanced"

    @property
    def start_degree(self) -> int:
        """`degree`, or its default."""
        return self.degree or (5 if self.readout == "sample" else 4)

    def most(self, items: int) -> int:
        """`max_comparisons`, or its default for so many items."""
        return self.max_comparisons or PER_ITEM * items


def read_campaign_options(given: Mapping[str, Any], *, task: str) -> CampaignOptions:
    """Check the `-T` options; UsageError in one line for what cannot be."""
    if "pairs" in given:
        raise UsageError(
            f"pairs={given['pairs']!r} of {task}; it chooses its pairs itself: "
            "use evals/pairwise.py for given ones"
        )
    options = read_options(CampaignOptions, given, task=task)
    ranges = {
        "target_rho": (0, 1),
        "batch": (1, None),
        "max_comparisons": (1, None),
        "degree": (1, None),
        "reserve": (0, 0.5),
    }
    for name, (low, high) in ranges.items():
        value = getattr(options, name)
        if value is None:
            continue
        if value < low or (high is not None and value > high):
            allowed = f"at least {low}" if high is None else f"{low} to {high}"
            raise UsageError(f"{name}={value} of {task}; expected {allowed}")
    return options
