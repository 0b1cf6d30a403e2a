"""Utilities by an adaptive pairwise campaign, in one log.

inspect eval evals/utilities.py --model sim/faithful -T items=builtin -T target_rho=0.95
penchant utilities logs/ -o utilities.csv
"""

from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import Sample

from evals.building import block_id, one_line, shown_text, task_metadata
from harness.adaptive.campaign import Campaign, Shown
from harness.adaptive.options import CampaignOptions, read_campaign_options
from harness.adaptive.source import CampaignSource
from harness.errors import UsageError
from harness.measuring.plan import completer_of, measure_of, run_items
from harness.notices import say
from harness.pairs.presentations import pair_name
from harness.prompts.catalogue import get_template
from harness.prompts.labels import label_pair
from harness.where import SHELL_DIRECTORY
from scorers.metrics import preference_metrics
from scorers.preference import preference
from scorers.utilities import utility_metrics
from solvers.choose import choose
from solvers.complete import complete

__all__ = ["utilities"]


@task
def utilities(template: str = "simple_preference", **options: Any) -> Task:
    """Ask pairs, fit, choose the next pairs by what is least sure, until the ranking is good.

    Starts with a random graph (5 pairs an item, 4 with `readout=logprobs`), then asks `batch`
    questions between two fits, until the expected rank correlation with the truth reaches
    `target_rho` or `max_comparisons` questions are asked. Each batch is chosen from the seed and
    the answers to whole earlier ones, so a run that was killed goes on where it was. Options: see
    `harness.adaptive.options`, and `harness.measuring.options.ChoiceOptions`.
    """
    return _campaign(template, options)


@one_line
def _campaign(template: str, given: Mapping[str, Any]) -> Task:
    options = read_campaign_options(given, task="utilities")
    form = get_template(template, kind="choice", base=SHELL_DIRECTORY)
    items = run_items(options)
    if len(items) < 3:
        raise UsageError(f"{len(items)} items in items={options.items}; expected at least 3")
    measure = measure_of(form, options, labels=label_pair(options.labels))
    completer = completer_of(options, items) if measure.post else None
    campaign = Campaign(
        options, tuple(item.id for item in items), tuple(item.origin for item in items)
    )
    source = CampaignSource(campaign, _sample, block=options.block)
    by_id = {item.id: item for item in items}
    asks = choose(measure, completer, by_id)
    built = Task(
        dataset=source,
        solver=[complete(completer, by_id), asks] if completer is not None else asks,
        scorer=preference(),
        metrics=[preference_metrics(), utility_metrics()],
    )
    start = campaign.batches[0].presentations
    built.metadata = task_metadata(
        options,
        samples=-(-len(start) // options.block),
        questions=len(start) * options.seeds,
        items=items,
        per_question=2,
        completes=completer is not None and completer.given is None,
        measure=measure,
    ) | {"campaign": source.token}
    say(_announcement(options, len(items), len(start) * options.seeds))
    return built


def _sample(prefix: str, block: Sequence[Sequence[Shown]]) -> Sample:
    """A sample of some pairs; its id says which, and why they are asked."""
    lines = [f"{first} | {second}" for pair in block for first, second, _ in pair]
    return Sample(
        id=prefix + block_id([pair_name(pair) for pair in block]),
        input=shown_text(lines),
        metadata={"presentations": [list(one) for pair in block for one in pair]},
    )


def _announcement(options: CampaignOptions, items: int, start: int) -> str:
    return (
        f"campaign over {items} items: {start:,} questions to begin with, then batches of "
        f"{options.batch:,}, until expected rho {options.target_rho:g} or "
        f"{options.most(items):,} questions"
    )
