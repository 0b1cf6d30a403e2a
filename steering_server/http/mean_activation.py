"""The mean activation of a model, layer by layer, over the built-in items put alone."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from harness.items.load import load_items
from harness.wire import Message
from steering_server.engine.engine import Engine, Refused
from steering_server.model.conversation import render, unrendered
from steering_server.model.models import Loaded
from steering_server.model.recorder import Recorder
from steering_server.model.reply_text import ReplyText
from steering_server.model.requests import ApiError
from steering_server.model.work import Failure, Finished, Row, Sampling, TokenScore
from steering_server.vectors.directions import Array

__all__ = ["MeanActivation"]

_PER_ORIGIN = 4
"""Items of each source. What all tokens share is most of a mean, and is there in a few."""
_TURN_S = 0.05


class _Count:
    """A sink that knows when all rows have ended."""

    def __init__(self, rows: int) -> None:
        self._left = rows
        self.failure: Failure | None = None
        self.over = threading.Event()

    def token(self, row: Row, text: str, score: TokenScore | None) -> None:
        pass

    def _end(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self.over.set()

    def done(self, row: Row, finished: Finished) -> None:
        self._end()

    def failed(self, row: Row, failure: Failure) -> None:
        self.failure = failure
        self._end()


class MeanActivation:
    """Measured by the engine when it is first asked for; each sequence's first token is left out.

    It depends on the model and its chat template alone, so a seed means the same directions in
    every question and every run.
    """

    def __init__(self, loaded: Loaded, engine: Engine) -> None:
        self._loaded = loaded
        self._engine = engine
        self._lock = threading.Lock()
        self._found: dict[int, Array] | None = None

    def __call__(self, alive: Callable[[], None] = lambda: None) -> dict[int, Array]:
        """Layer → [width]. Blocks: not for the event loop. ApiError where the engine takes or
        answers none; what `alive` raises, too."""
        with self._lock:
            if self._found is None:
                self._found = self._measured(alive)
            return self._found

    def _prompts(self) -> list[tuple[int, ...]]:
        chosen = load_items("builtin", per_origin=_PER_ORIGIN, sample_seed=0, base=Path.cwd()).items
        tokenizer, style = self._loaded.tokenizer, self._loaded.style
        prompts = [
            render(tokenizer, (Message("user", item.text),), style)
            if tokenizer.chat_template
            else unrendered(tokenizer, item.text)
            for item in chosen
        ]
        return [one.tokens for one in prompts if 1 < len(one.tokens) < self._loaded.context]

    def _measured(self, alive: Callable[[], None]) -> dict[int, Array]:
        prompts = self._prompts()
        sink = _Count(len(prompts))
        layers = tuple(range(self._loaded.depth))
        recorders = [Recorder(layers, "mean", 1, None) for _ in prompts]
        rows = [
            Row(
                prompt=tokens,
                sampling=Sampling(0.0, 1.0, 0),
                sink=sink,
                text=ReplyText(self._loaded.tokenizer),
                recorder=recorder,
            )
            for tokens, recorder in zip(prompts, recorders, strict=True)
        ]
        try:
            self._engine.submit(rows)
        except Refused as refused:
            raise _error(refused.failure, refused.retry_after) from refused
        while not sink.over.wait(_TURN_S):
            alive()
            if self._engine.state == "dead":
                raise ApiError(503, "dead", "the engine is dead", retry_after=5)
        if sink.failure is not None:
            raise _error(sink.failure, 5)
        weights = np.array([len(tokens) - 1 for tokens in prompts], dtype=np.float64)
        means = [recorder.result() for recorder in recorders]
        found = {}
        for layer in layers:
            table = np.stack([own[layer].double().numpy() for own in means])
            found[layer] = weights @ table / weights.sum()
        return found


def _error(failure: Failure, retry: int) -> ApiError:
    return ApiError(failure.status, failure.code, failure.message, retry_after=retry)
