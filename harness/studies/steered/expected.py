"""What a study of `tiny:planted` must find: expected ratings, attitudes and coherence."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.items.load import load_items
from harness.prompts.conditions import completion_system, condition
from harness.respondent.phrases import tone_of
from harness.stats.intervals import FloatArray
from harness.studies.steered.files import VectorFile, read_vector
from harness.studies.steered.model import PLANTED, Steered
from harness.studies.steered.serving import VECTORS
from harness.studies.steered.truth import (
    NO_PUSH,
    Preceding,
    context_of,
    expected_rating,
    said_greedily,
    spoken,
)
from harness.text.verdicts.coherence import THRESHOLD, coherence
from harness.where import SHELL_DIRECTORY
from harness.wire import Message

__all__ = ["Expected", "expected_of"]

_ASKED = Message("user", "1")
"""Any question with a digit: the model reads no more of it."""
_TONE = 0.8
"""What the simulated judge calls the attitude of a text with a tone."""


@dataclass(frozen=True)
class Expected:
    """The truth of one run: its vectors, and how long completions are, in sentences."""

    vectors: Path
    sentences: int
    texts: dict[str, str]
    _files: dict[str, VectorFile] = field(default_factory=dict)
    _ratings: dict[tuple[object, ...], float] = field(default_factory=dict)

    def push(self, vector: str, dose: float, layer: int | None = None) -> FloatArray:
        """What a dose of a vector adds."""
        if dose == 0 or not vector:
            return NO_PUSH
        if vector not in self._files:
            self._files[vector] = read_vector(self.vectors / f"{vector}.safetensors")
        return self._files[vector].push(dose, layer)

    def ratings(
        self, items: Sequence[str], made: str, asked: str, pushes: tuple[FloatArray, FloatArray]
    ) -> FloatArray:
        """Expected rating of each item that is completed at temperature 0 under one system prompt
        and rated under another, with what is added while it is completed and rated."""
        return np.array([self._rating(item, made, asked, pushes) for item in items])

    def _rating(
        self, item: str, made: str, asked: str, pushes: tuple[FloatArray, FloatArray]
    ) -> float:
        system = completion_system(condition(made, base=SHELL_DIRECTORY))
        own = Message("user", self.texts[item])
        before = (own,) if system is None else (Message("system", system), own)
        context = condition(asked, base=SHELL_DIRECTORY)
        around = (Message("system", context.text),) if context.text else ()
        here = context_of((*around, own, _ASKED))
        said = said_greedily(context_of(before), pushes[0], sentences=self.sentences)
        return self._rated(here, said, pushes[1])

    def _rated(self, here: Preceding, text: tuple[str, ...], push: FloatArray) -> float:
        then = here
        for sentence in text:
            then = then.said(sentence)
        key = (len(then.values), sum(then.values), push.tobytes())
        if key not in self._ratings:
            self._ratings[key] = expected_rating(Preceding(then.values, then.asked), push)
        return self._ratings[key]

    def judged(self, questions: Sequence[str], push: FloatArray) -> tuple[float, float]:
        """Mean attitude of what is coherent, and mean coherence, of answers to these questions."""
        attitude = readable = sound = mass = 0.0
        for question in questions:
            context = context_of((Message("user", question),))
            for chance, text in spoken(context, push, sentences=self.sentences):
                whole = "".join(text)
                score = coherence(whole).score or 0.0
                mass += chance
                sound += chance * score
                if score >= THRESHOLD:
                    readable += chance
                    attitude += chance * _TONE * tone_of(whole)
        return attitude / readable if readable > 1e-9 else float("nan"), sound / mass


def expected_of(
    given: Steered, places: Sequence[Path], *, sentences: int | None
) -> Expected | None:
    """The truth of a run in the first of `places`; None where another model was steered."""
    if given.model != (PLANTED,) or not places or sentences is None:
        return None
    folder = places[0] / VECTORS
    if not folder.is_dir():
        return None
    items = load_items(
        given.items,
        per_origin=given.per_origin,
        sample_seed=given.sample_seed,
        base=SHELL_DIRECTORY,
    ).items
    return Expected(folder, sentences, {item.id: item.text for item in items})
