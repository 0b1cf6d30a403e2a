"""The plan of a campaign: its options checked, its first batch drawn, its start reckoned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.adaptive.campaign import Batch, Campaign, Role
from harness.adaptive.options import CampaignOptions, read_campaign_options
from harness.errors import UsageError
from harness.items.item import Item
from harness.items.optout import OPTOUT
from harness.measuring.checked import completer_of, makes, measure_of, run_items
from harness.measuring.forecast import forecast_of
from harness.measuring.plan import Plan, PlannedSample, pair_sample
from harness.pairs.presentations import Shown
from harness.prompts.catalogue import get_template
from harness.prompts.labels import label_pair
from harness.where import SHELL_DIRECTORY

__all__ = ["CampaignPlan", "batch_samples", "campaign_plan", "sample_prefix"]


@dataclass(frozen=True)
class CampaignPlan:
    """A campaign that has drawn its first batch, and the plan of that batch."""

    campaign: Campaign
    plan: Plan
    options: CampaignOptions

    def announcement(self) -> str:
        """One line that says how the campaign goes."""
        items = len(self.plan.items)
        return (
            f"campaign over {items} items: {self.plan.forecast.questions:,} questions to begin "
            f"with, then batches of {self.options.batch:,}, until expected rho "
            f"{self.options.target_rho:g} or {self.options.most(items):,} questions"
        )


def campaign_plan(template: str, given: Mapping[str, Any], *, task: str) -> CampaignPlan:
    """A campaign in one template. `given` are the task's `-T` options."""
    options = read_campaign_options(given, task=task)
    if options.drop_contaminated:
        # A campaign would go on asking for pairs of an item that never answers.
        raise UsageError(
            f"drop_contaminated=true of {task}; expected it where pairs are fixed, or of ratings"
        )
    form = get_template(template, kind="choice", base=SHELL_DIRECTORY)
    items = run_items(options)
    if len(items) < 3:
        raise UsageError(f"{len(items)} items in items={options.items}; expected at least 3")
    measure = measure_of(form, options, labels=form.choice_labels(label_pair(options.labels)))
    if measure.variants.sizes != (1, 1) and options.readout != "sample":
        raise UsageError(
            f"wordings or contexts with readout={options.readout} of {task}; expected "
            "readout=sample, since a joint fit takes answers"
        )
    completer = completer_of(options, items) if measure.post else None
    campaign = Campaign(
        options,
        tuple(item.id for item in items),
        tuple(item.origin for item in items),
        sizes=measure.variants.sizes,
    )
    start = campaign.first()
    by_id = {item.id: item for item in items}
    if options.optout:
        by_id |= {one.id: one for one in OPTOUT}
    samples = batch_samples(start, by_id, options.block)
    forecast = forecast_of(
        options,
        items,
        measure,
        samples=-(-len(start.presentations) // options.block),
        questions=len(start.presentations) * options.seeds,
        completer=completer if makes(completer) else None,
        more=max(0, options.most(len(items)) - len(start.presentations) * options.seeds),
    )
    return CampaignPlan(
        campaign, Plan(options, by_id, measure, completer, samples, forecast), options
    )


def batch_samples(batch: Batch, items: Mapping[str, Item], block: int) -> list[PlannedSample]:
    """The batch's samples, `block` pairs each; the pairs of one sample were drawn in one way.

    `items` by id are those of the run.
    """
    samples = []
    for role, pairs in batch.pairs.items():
        for start in range(0, len(pairs), block):
            part: Sequence[Sequence[Shown]] = pairs[start : start + block]
            prefix = sample_prefix(role, batch.number)
            levels = None if batch.levels is None else batch.levels[role][start : start + block]
            kind = {"zero": role} if role == "optout" else {"drawn": role}
            samples.append(pair_sample(part, items, prefix=prefix, levels=levels, **kind))
    return samples


def sample_prefix(role: Role, number: int) -> str:
    """Start of a sample's id, for a person; the record says how a pair was drawn."""
    return f"{role}-{number:03d} "
