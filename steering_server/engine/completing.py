"""Complete many prompts in this process, batched: for extraction and benchmarks."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from harness.wire import Message
from steering_server.engine.metrics import Metrics
from steering_server.engine.runner import Runner, Sizes
from steering_server.model.conversation import render
from steering_server.model.models import Loaded
from steering_server.model.reply_text import ReplyText
from steering_server.model.work import Failure, Finished, Row, Sampling, TokenScore

__all__ = ["Completed", "complete"]


@dataclass(frozen=True)
class Completed:
    """A completion: its text, and its tokens without the one that ended it."""

    text: str
    tokens: tuple[int, ...]


class _Texts:
    """A sink that gathers the text of every row; a failure is kept, not text."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self.texts: dict[int, str] = {}
        self.failures: list[Failure] = []

    def token(self, row: Row, text: str, score: TokenScore | None) -> None:
        self.texts[id(row)] = self.texts.get(id(row), "") + text

    def done(self, row: Row, finished: Finished) -> None:
        self._ended()

    def failed(self, row: Row, failure: Failure) -> None:
        self.failures.append(failure)
        self._ended()


def complete(
    loaded: Loaded,
    conversations: Sequence[Sequence[Message]],
    *,
    max_tokens: int,
    temperature: float,
    seed: int,
    sizes: Sizes,
    ended: Callable[[], None] = lambda: None,
) -> list[Completed]:
    """What follows each conversation; `seed` + its index seeds each.

    RuntimeError if any fails: nothing is left out silently.
    """
    sink = _Texts(ended)
    rows = [
        Row(
            prompt=render(loaded.tokenizer, turns, loaded.style).tokens,
            sampling=Sampling(temperature, 1.0, seed, index),
            sink=sink,
            text=ReplyText(loaded.tokenizer),
            max_tokens=max_tokens,
        )
        for index, turns in enumerate(conversations)
    ]
    runner = Runner(loaded, sizes, Metrics(time.monotonic))
    runner.add(rows)
    with torch.inference_mode():
        while runner.busy:
            runner.turn()
    if sink.failures:
        raise RuntimeError(f"a completion failed: {sink.failures[0].message}")
    return [Completed(sink.texts.get(id(row), ""), _spoken(loaded, row)) for row in rows]


def _spoken(loaded: Loaded, row: Row) -> tuple[int, ...]:
    ended = row.generated and row.generated[-1] in loaded.stops
    return tuple(row.generated[:-1] if ended else row.generated)
