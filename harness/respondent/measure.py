"""One measurement question put to a respondent: what it would answer, and how likely."""

from typing import NamedTuple

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
from harness.respondent.utility import Liked

__all__ = ["Failing", "Measure"]


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
            return int(drawn.answer >= self._first()) if count == 2 else int(drawn.answer * count)
        if drawn.lapse < self.settings.cluster:
            return cluster_index(count, self.settings)
        return level_at(self._mean() + self.settings.rating_noise * normal(drawn.answer), count)

    def probabilities(self) -> list[float]:
        """Probability of each label, in their order, where the question is answered."""
        count = len(self.form.labels)
        if self.form.kind == "rating":
            return level_probabilities(self._mean(), count, self.settings)
        if count != 2:
            return [1 / count] * count
        return [self._first(), 1 - self._first()]

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
