"""The campaign as Inspect's source of samples: batches in, whole batches' records out."""

import functools
import uuid
from collections.abc import Callable

import anyio.to_thread
from inspect_ai import SampleSource
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalSample

from harness.adaptive.campaign import Step
from harness.adaptive.hooks import model_of, set_result
from harness.adaptive.plan import CampaignPlan, batch_samples
from harness.adaptive.trace import live_line, result_of
from harness.measuring.plan import PlannedSample
from harness.notices import say
from harness.records.record import Record
from harness.records.scored import scored

__all__ = ["CampaignSource", "MakeSample", "records_of"]

MakeSample = Callable[[PlannedSample], Sample]
"""From a planned sample to Inspect's."""


class CampaignSource(SampleSource):
    """Asks a campaign's batches, the plan's block of pairs a sample.

    `token` goes into the task's metadata under `campaign`: by it the result finds the log of the
    run that this source fed.
    """

    def __init__(self, planned: CampaignPlan, make: MakeSample) -> None:
        self.campaign, self._plan, self._make = planned.campaign, planned.plan, make
        self.token = uuid.uuid4().hex
        self._records: dict[tuple[str, int], list[Record]] = {}
        self._ended = False

    def initial_samples(self) -> list[Sample]:
        """The random graph that a campaign begins with."""
        return [self._make(one) for one in self._plan.samples]

    async def sample_complete(self, sample: EvalSample) -> list[Sample] | None:
        """Keep the records of a finished sample until its batch is whole."""
        self._records[str(sample.id), sample.epoch] = records_of(sample)
        return None

    async def next_samples(self) -> list[Sample] | None:
        """Called when the batch is whole: fit, say where we stand, ask on or end."""
        if self._ended:
            return None
        records = [record for key in sorted(self._records) for record in self._records[key]]
        self._records.clear()
        step = await anyio.to_thread.run_sync(functools.partial(self.campaign.step, records))
        if step.progress is not None:
            self._say(live_line(step.progress))
        set_result(self.token, result_of(step.fit, self.campaign.trace, step.ended))
        return self._next(step)

    def _next(self, step: Step) -> list[Sample] | None:
        if step.batch is None:
            self._ended = True
            self._say(f"campaign over, {step.ended}")
            return None
        plan = self._plan
        samples = batch_samples(step.batch, plan.items, plan.options.block)
        return [self._make(one) for one in samples]

    def _say(self, line: str) -> None:
        model = model_of(self.token)
        say(f"{model}: {line}" if model else line)


def records_of(sample: EvalSample) -> list[Record]:
    """The choices that the sample's scorer recorded; none where it ended in an error."""
    return scored({name: score.metadata for name, score in (sample.scores or {}).items()}).records
