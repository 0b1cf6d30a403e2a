"""One measurement question put to a respondent: what it would answer, and how likely."""

import math
from statistics import NormalDist
from typing import NamedTuple

from harness.prompts.template import THIRD_LABELS
from harness.respondent.draws import Draws, normal
from harness.respondent.latent import (
    cluster_index,
    first_probability,
    latent,
    level_at,
    level_probabilities,
)
from harness.respondent.reading import Asked, Form
from harness.respondent.settings import Settings
from harness.respondent.three import or_indifferent, or_neither
from harness.respondent.utility import Liked, misfit

__all__ = ["Failing", "Measure"]


YES_NO = ("no", "yes")
"""Labels of the question whether a task would be taken."""
_NORMAL = NormalDist()


class Failing(NamedTuple):
    """Probabilities of the ways not to answer; together at most 1."""

    refused: float
    disclaimed: float
    broken: float


class Measure(NamedTuple):
    """A question about `known` items, in the form `form`, with or without reasoning."""

    asked: Asked
    form: Form
    known: tuple[Liked, ...]
    settings: Settings
    reasoned: bool

    def failing(self) -> Failing:
        """A choice is refused where either item causes it."""
        accepted = 1.0
        for item in self.known:
            accepted *= 1 - self.settings.question_refusal * item.refusal
        disclaimed = min(self.settings.disclaim, accepted)
        return Failing(
            1 - accepted, disclaimed, min(self.settings.format_error, accepted - disclaimed)
        )

    def draw(self, drawn: Draws) -> int:
        """Index of the label that is given, where the question is answered."""
        count = len(self.form.labels)
        if self.form.kind == "choice":
            if count == 2:
                return int(drawn.answer >= self._first())
            return _at(drawn.answer, self._three())
        if self.form.labels == YES_NO:
            return int(drawn.answer < self._taken())
        if drawn.lapse < self.settings.cluster:
            return cluster_index(count, self.settings)
        return level_at(self._mean() + self.settings.rating_noise * normal(drawn.answer), count)

    def probabilities(self) -> list[float]:
        """Probability of each label, in their order, where the question is answered."""
        count = len(self.form.labels)
        if self.form.labels == YES_NO:
            return [1 - self._taken(), self._taken()]
        if self.form.kind == "rating":
            return level_probabilities(self._mean(), count, self.settings)
        if count != 2:
            return self._three()
        return [self._first(), 1 - self._first()]

    def _three(self) -> list[float]:
        """First, second, and the third answer; lapses fall on the second."""
        labels, settings = self.form.labels, self.settings
        if len(labels) != 3 or labels[2] not in THIRD_LABELS.values() or len(self.known) != 2:
            return [1 / len(labels)] * len(labels)
        one, other = (latent(self.asked, k, item, settings) for k, item in enumerate(self.known))
        bias = settings.position_bias * (1 - settings.reasoning_debias * self.reasoned)
        own = bias + misfit(*self.known, settings)
        if labels[2] == THIRD_LABELS["neither"]:
            found = or_neither(one + own / 2, other - own / 2, settings.outside, settings.noise)
        else:
            found = or_indifferent(one - other + own, settings.indifference, settings.noise)
        found = [(1 - settings.lapse) * share for share in found]
        found[1] += settings.lapse
        return found

    def _taken(self) -> float:
        """Probability of yes to taking the task."""
        gap = self._mean() - self.settings.taking
        return _NORMAL.cdf(gap / (math.sqrt(2) * self.settings.noise))

    def _mean(self) -> float:
        return latent(self.asked, 0, self.known[0], self.settings) if self.known else 0.0

    def _first(self) -> float:
        """Without two items to be seen there is nothing to prefer."""
        if len(self.known) != 2:
            return 0.5
        first, second = self.known
        return first_probability(
            latent(self.asked, 0, first, self.settings),
            latent(self.asked, 1, second, self.settings),
            (first, second),
            self.settings,
            reasoned=self.reasoned,
        )


def _at(uniform: float, shares: list[float]) -> int:
    """The answer at the quantile `uniform`."""
    for index, share in enumerate(shares[:-1]):
        uniform -= share
        if uniform < 0:
            return index
    return len(shares) - 1
