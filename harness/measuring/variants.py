"""The wordings and contexts that a run draws, and which of them a question is asked under."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from harness.errors import UsageError
from harness.measuring.options import ChoiceOptions, RatingOptions
from harness.prompts.conditions import Condition
from harness.prompts.contexts import CONTEXTS, Context
from harness.prompts.template import Template, Timing
from harness.prompts.worded import Wording, wordings_of

__all__ = ["Variant", "Variants", "drawn_variants"]

T = TypeVar("T")


@dataclass(frozen=True)
class Variant:
    """How one question is put: its template, the system message in force, and what the record says
    of it beyond the run's own facts. `key` are its levels."""

    key: tuple[int, int]
    template: Template
    system: str | None
    facts: dict[str, Any]


@dataclass(frozen=True)
class Variants:
    """The drawn `wordings` and `contexts`, either empty where the option was not given."""

    template: Template
    condition: Condition
    wordings: tuple[Wording, ...] = ()
    contexts: tuple[Context, ...] = ()

    @property
    def sizes(self) -> tuple[int, int]:
        """How many levels each facet has, 1 where it is not drawn."""
        return max(1, len(self.wordings)), max(1, len(self.contexts))

    @property
    def drawn(self) -> bool:
        """Whether there is anything to draw from."""
        return bool(self.wordings or self.contexts)

    @property
    def keys(self) -> list[str]:
        """`NAME@HASH` of all of them, wordings first."""
        return [*(one.key for one in self.wordings), *(one.key for one in self.contexts)]

    def at(self, start: Sequence[int], repeat: int) -> Variant:
        """The variant of a repeat of a question that begins at the levels `start`.

        Every repeat goes on to the next wording and the next context, and once round both to
        another combination, so that repeats of one question are spread over all.
        """
        wordings, contexts = self.sizes
        wording = (start[0] + repeat) % wordings
        context = (start[1] + repeat + repeat // math.lcm(wordings, contexts)) % contexts
        facts: dict[str, Any] = {}
        template, system = self.template, self.condition.text
        if self.wordings:
            template = self.wordings[wording].template
            facts["wording"] = self.wordings[wording].key
        if self.contexts:
            own = self.contexts[context]
            facts["context"] = own.key
            system = f"{own.text}\n\n{system}" if system else own.text
        return Variant((wording, context), template, system or None, facts)


def drawn_variants(
    form: Template, timing: Timing, options: RatingOptions | ChoiceOptions, condition: Condition
) -> Variants:
    """Draw by `sample_seed`; UsageError where more are asked for than there are."""
    rng = np.random.default_rng((options.sample_seed, 15))
    wordings: tuple[Wording, ...] = ()
    contexts: tuple[Context, ...] = ()
    if options.wordings is not None:
        wordings = _some(
            wordings_of(form, timing), options.wordings, rng, f"wordings of {form.name}"
        )
    if options.contexts is not None:
        contexts = _some(CONTEXTS, options.contexts, rng, "contexts")
    return Variants(form, condition, wordings, contexts)


def _some(known: Sequence[T], count: int, rng: np.random.Generator, what: str) -> tuple[T, ...]:
    order = rng.permutation(len(known)).tolist()
    if count > len(known):
        name = what.split()[0]
        raise UsageError(f"{name}={count}; there are {len(known)} {what}")
    return tuple(known[k] for k in sorted(order[:count]))
