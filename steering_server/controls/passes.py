"""The model's passes: exact choices, openings of a refusal, and completions judged by the unsteered
model. Rows of one prompt that differ in their direction alone share what their steering leaves
alike."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from harness.errors import UsageError
from harness.items.item import Item
from harness.wire import Message
from steering_server.capture.placed import Placed, place
from steering_server.controls.pushes import Positions, Push
from steering_server.controls.questions import Asked, Question
from steering_server.engine.metrics import Metrics
from steering_server.engine.prefill import forward, left_padded
from steering_server.engine.runner import Runner, Sizes
from steering_server.model.conversation import render
from steering_server.model.hooks import Step
from steering_server.model.models import Loaded
from steering_server.model.openings import OPENINGS
from steering_server.model.reply_text import ReplyText
from steering_server.model.work import Addition, Failure, Finished, Row, Sampling, TokenScore
from steering_server.probing.ridge import Array

__all__ = ["Sides", "asked_all", "side_effects"]

_ROWS = 8
"""Completions judged in one pass; the logits of every token are kept, so not more."""


class _Ends:
    """A sink that keeps how each row ended."""

    def __init__(self, advance: Callable[[], None]) -> None:
        self._advance = advance
        self.choices: dict[int, tuple[float, ...]] = {}
        self.failures: dict[int, Failure] = {}

    def token(self, row: Row, text: str, score: TokenScore | None) -> None:
        pass

    def done(self, row: Row, finished: Finished) -> None:
        if finished.choices is not None:
            self.choices[id(row)] = finished.choices
        self._advance()

    def failed(self, row: Row, failure: Failure) -> None:
        self.failures[id(row)] = failure
        self._advance()


@dataclass(frozen=True)
class Sides:
    """Side effects by direction [pushes]: `refusal` is the mean probability that a reply to an item
    opens with a refusal; `coherence` the mean log-probability a token, under the unsteered model,
    of what was written under steering (NaN where nothing was)."""

    refusal: Array
    coherence: Array


def _run(
    loaded: Loaded, rows: Sequence[Row], sink: _Ends, sizes: Sizes, pushes: Sequence[Push]
) -> None:
    """Put `rows` (those of all `pushes` in turn, over and over) through the model. UsageError where
    one has no answer: a control that is left out would make the others look better."""
    runner = Runner(loaded, sizes, Metrics(time.monotonic))
    runner.add(rows)
    with torch.inference_mode():
        while runner.busy:
            runner.turn()
    for index, row in enumerate(rows):
        if id(row) in sink.failures:
            name = pushes[index % len(pushes)].name
            raise UsageError(f"under {name}: {sink.failures[id(row)].message}")


def _row(
    loaded: Loaded,
    tokens: tuple[int, ...],
    additions: tuple[Addition, ...],
    sink: _Ends,
    *,
    choices: tuple[tuple[int, ...], ...] | None = None,
    max_tokens: int = 1,
) -> Row:
    return Row(
        prompt=tokens,
        sampling=Sampling(0.0, 1.0, 0),
        sink=sink,
        text=ReplyText(loaded.tokenizer),
        max_tokens=max_tokens,
        additions=additions,
        choices=choices,
    )


def asked_all(
    loaded: Loaded,
    questions: Sequence[Question],
    pushes: Sequence[Push],
    positions: Positions,
    *,
    sizes: Sizes,
    advance: Callable[[], None],
) -> Array:
    """Probabilities [questions, orders, pushes, 2] of the item of interest and of the other."""
    sink = _Ends(advance)
    shown: list[Asked] = [one for each in questions for one in (each.first, each.second)]
    rows = [
        _row(loaded, one.tokens, push.on(one, positions), sink, choices=one.choices)
        for one in shown
        for push in pushes
    ]
    _run(loaded, rows, sink, sizes, pushes)
    found = np.array([sink.choices[id(row)] for row in rows])
    return found.reshape(len(questions), 2, len(pushes), 2)


def side_effects(
    loaded: Loaded,
    items: Sequence[Item],
    pushes: Sequence[Push],
    positions: Positions,
    *,
    tokens: int,
    sizes: Sizes,
    advance: Callable[[], None],
) -> Sides:
    """Refusal and coherence over `items` put alone, with replies of `tokens` tokens."""
    placed = [place(loaded, item, system=None, completion=None) for item in items]
    sink = _Ends(advance)
    openings = [
        render(loaded.tokenizer, (Message("user", item.text),), loaded.style).choices(OPENINGS)
        for item in items
    ]
    each = [
        (one, opening, push)
        for one, opening in zip(placed, openings, strict=True)
        for push in pushes
    ]
    refusing = [
        _row(loaded, one.tokens, _on(push, one, positions), sink, choices=opening)
        for one, opening, push in each
    ]
    _run(loaded, refusing, sink, sizes, pushes)
    masses = np.array([sum(sink.choices[id(row)]) for row in refusing])
    writing = [
        _row(loaded, one.tokens, _on(push, one, positions), sink, max_tokens=tokens)
        for one, _, push in each
    ]
    _run(loaded, writing, sink, sizes, pushes)
    said = np.array(_coherence(loaded, writing))
    shape = (len(items), len(pushes))
    return Sides(masses.reshape(shape).mean(0), np.nanmean(said.reshape(shape), axis=0))


def _on(push: Push, placed: Placed, positions: Positions) -> tuple[Addition, ...]:
    return push.on_item(placed.spans["item"], len(placed.tokens), positions)


def _coherence(loaded: Loaded, rows: Sequence[Row]) -> list[float]:
    """Mean log-probability a token of each row's own words, unsteered."""
    found: list[float] = []
    for at in range(0, len(rows), _ROWS):
        part = rows[at : at + _ROWS]
        padded = left_padded(loaded, [row.tokens for row in part])
        with torch.inference_mode():
            logits = forward(
                loaded,
                padded.tokens,
                Step(),
                mask=padded.mask,
                positions=padded.positions,
                keep=max(len(row.generated) for row in part) + 1,
            )
        for row, own in zip(part, logits, strict=True):
            count = len(row.generated)
            table = torch.log_softmax(own[-count - 1 : -1], dim=-1)
            ids = torch.tensor(row.generated, device=table.device)
            found.append(float(table.gather(1, ids[:, None]).mean()) if count else float("nan"))
    return found
