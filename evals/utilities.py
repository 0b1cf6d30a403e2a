"""Utilities by an adaptive pairwise campaign, in one log.

inspect eval evals/utilities.py --model sim/faithful -T items=builtin -T target_rho=0.95
penchant utilities logs/ -o utilities.csv
"""

from collections.abc import Mapping
from typing import Any

from inspect_ai import Task, task

from evals.building import answer_judging, judging, metadata_of, one_line, sample_of, solvers_of
from harness.adaptive.plan import campaign_plan
from harness.adaptive.source import CampaignSource
from harness.notices import say
from scorers.campaign import campaign
from solvers.choose import choose

__all__ = ["utilities"]


@task
def utilities(template: str = "simple_preference", **options: Any) -> Task:
    """Ask pairs, fit, choose the next pairs by what is least sure, until the ranking is good.

    Starts with a random graph (5 pairs an item, 4 with `readout=logprobs`), then asks `batch`
    questions between two fits, until the expected rank correlation with the truth reaches
    `target_rho` or `max_comparisons` questions are asked. Each batch is chosen from the seed and
    the answers to whole earlier ones, so a run that was killed goes on where it was.

    Other options: `harness.adaptive.options.CampaignOptions`.
    """
    return _campaign(template, options)


@one_line
def _campaign(template: str, given: Mapping[str, Any]) -> Task:
    planned = campaign_plan(template, given, task="utilities")
    plan = planned.plan
    assert plan.measure is not None
    source = CampaignSource(planned, sample_of)
    asks = choose(plan.measure, plan.completer, plan.items)
    say(planned.announcement())
    return Task(
        dataset=source,
        solver=solvers_of(plan, asks),
        scorer=[campaign(**answer_judging(plan)), *judging(plan)],
        metadata={**metadata_of(plan), "campaign": source.token},
    )
