"""One turn of the engine: score what waits, admit what waits, generate one token a row.

Owned by the engine's thread; nothing here waits, locks or knows of HTTP.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch

from harness.errors import UsageError
from steering_server.engine.generate import Generation
from steering_server.engine.memory import RowCap, is_out_of_memory
from steering_server.engine.metrics import Metrics
from steering_server.engine.sampling import draw, finite, scores
from steering_server.engine.score import Scored, score
from steering_server.engine.self_test import self_test
from steering_server.model.models import Loaded
from steering_server.model.planning import Batch, Limits, plan
from steering_server.model.work import Failure, Finish, Finished, Row, TokenScore

__all__ = ["CANCELLED", "NONFINITE", "TOO_LARGE", "Broken", "Runner", "Sizes"]

NONFINITE = Failure(
    422, "non_finite_result", "the model's output was not finite; lower the coefficient"
)
TOO_LARGE = Failure(413, "out_of_memory", "this request alone does not fit in memory")
CANCELLED = Failure(499, "cancelled", "the client went away")
T = TypeVar("T")
_ASK_AGAIN = 3
"""Rows in a row that may fail alone for an unknown reason before the engine tests itself anew."""


class Broken(Exception):
    """The engine can answer nobody any more: its device is lost, or its self-test fails."""


@dataclass(frozen=True)
class Sizes:
    """Most rows in one pass, most padded tokens in one pass over prompts, most tokens (rows ×
    longest) that the cache of running rows may hold."""

    rows: int = 32
    tokens: int = 16384
    cache_tokens: int = 131072


class Runner:
    """Rows that wait and rows under way. Every row given to `add` ends exactly once, by its sink's
    `done` or `failed`."""

    def __init__(self, loaded: Loaded, sizes: Sizes, metrics: Metrics) -> None:
        self._loaded = loaded
        self._sizes = sizes
        self._metrics = metrics
        self._cap = RowCap(sizes.rows)
        self._scoring: list[Row] = []
        self._planned: deque[Batch] = deque()
        self._waiting: deque[Row] = deque()
        self._generation = Generation(loaded)
        self._failures = 0

    # What there is

    def add(self, rows: Iterable[Row]) -> None:
        """Take new rows."""
        for row in rows:
            self._metrics.prompt_tokens += len(row.prompt)
            (self._scoring if row.scored else self._waiting).append(row)

    @property
    def queued(self) -> int:
        """Rows not yet started."""
        planned = sum(len(batch.rows) for batch in self._planned)
        return len(self._scoring) + planned + len(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.queued or self._generation.rows)

    @property
    def generating(self) -> bool:
        """Whether any row is being generated."""
        return bool(self._generation.rows)

    def fail_all(self, failure: Failure) -> None:
        """End every row with `failure`."""
        rows = [*self._scoring, *self._waiting, *self._generation.rows]
        rows += [row for batch in self._planned for row in batch.rows]
        self._scoring, self._waiting, self._planned = [], deque(), deque()
        self._generation.drop(self._generation.rows)
        for row in rows:
            self._fail(row, failure)

    # One turn

    def turn(self) -> None:
        """Do one pass over prompts for scored rows, admit rows, generate one token a row."""
        self._drop_cancelled()
        self._score_batch()
        self._admit()
        self._step()
        self._metrics.running = len(self._generation.rows)
        self._metrics.cap = self._cap.value

    def _drop_cancelled(self) -> None:
        if any(row.cancelled for batch in self._planned for row in batch.rows):
            self._replan()
        waiting = [*self._scoring, *self._waiting]
        gone = [row for row in waiting if row.cancelled]
        if gone:
            self._scoring = [row for row in self._scoring if not row.cancelled]
            self._waiting = deque(row for row in self._waiting if not row.cancelled)
        running = [row for row in self._generation.rows if row.cancelled]
        self._generation.drop(running)
        for row in (*gone, *running):
            self._fail(row, CANCELLED)

    def _limits(self) -> Limits:
        return Limits(self._cap.value, self._sizes.tokens)

    def _score_batch(self) -> None:
        if not self._planned and self._scoring:
            self._planned.extend(plan(self._scoring, self._limits()))
            self._scoring = []
        if not self._planned:
            return
        batch = self._planned.popleft()
        self._metrics.queued = self.queued
        scored = self._attempt(
            partial(score, self._loaded, batch),
            batch.rows,
            len(batch.lanes),
            again=partial(self._replan, batch.rows),
            apart=partial(self._score_apart, batch.rows),
        )
        if scored is not None:
            self._read(scored)

    def _score_apart(self, rows: Sequence[Row]) -> None:
        """Plan each of `rows` by itself: one of them makes the pass fail."""
        for row in reversed(rows):
            self._planned.extendleft(plan([row], self._limits()))

    def _replan(self, rows: Sequence[Row] = ()) -> None:
        """Plan `rows` and what was planned already anew: the cap or the rows have changed."""
        self._scoring[:0] = [*rows, *(row for batch in self._planned for row in batch.rows)]
        self._planned.clear()

    def _read(self, scored: Sequence[Scored]) -> None:
        for one in scored:
            if one.choices is None:
                continue
            if any(math.isnan(value) for value in one.choices) or not finite(one.logits[None])[0]:
                self._fail(one.row, NONFINITE)
            elif one.row.faded is not None:
                self._fail(one.row, self._rounded(one.row))
            else:
                self._finish(one.row, Finished("stop", 0, one.choices))
        sampled = [one for one in scored if one.choices is None]
        if sampled:
            logits = torch.stack([one.logits for one in sampled])
            self._advance([one.row for one in sampled], logits)

    def _admit(self) -> None:
        while rows := self._admissible():
            self._metrics.queued = self.queued
            batches = deque(plan(rows, self._limits()))
            while batches:
                batch = batches.popleft()
                rest = [*batch.rows, *(row for one in batches for row in one.rows)]
                admitted = self._attempt(
                    partial(self._generation.admit, batch),
                    batch.rows,
                    len(batch.rows) + len(self._generation.rows),
                    again=partial(self._waiting.extendleft, rest[::-1]),
                    apart=partial(self._wait_apart, batch.rows, rest),
                )
                if admitted is not None:
                    self._generation.drop(self._advance(*admitted))
                elif self._waiting and self._waiting[0] is rest[0]:
                    return

    def _admissible(self) -> list[Row]:
        """The waiting rows, first come first, for which there is room."""
        rows: list[Row] = []
        running = self._generation.rows
        longest = self._generation.length
        while self._waiting and len(rows) + len(running) < self._cap.value:
            row = self._waiting[0]
            if (row.apart or any(one.apart for one in running)) and (rows or running):
                break
            if rows and rows[0].apart:
                break
            longest = max(longest, len(row.tokens) + row.max_tokens - len(row.generated))
            full = (len(rows) + len(running) + 1) * longest > self._sizes.cache_tokens
            if full and (rows or running):
                break
            rows.append(self._waiting.popleft())
        return rows

    def _step(self) -> None:
        rows = list(self._generation.rows)
        if not rows:
            return
        logits = self._attempt(
            self._generation.step,
            rows,
            len(rows),
            again=self._evict,
            apart=partial(self._wait_apart, rows),
        )
        if logits is not None:
            self._generation.drop(self._advance(rows, logits))

    def _evict(self) -> None:
        """Put the newest half of the running rows back in front; they are recomputed later."""
        rows = self._generation.rows
        newest = rows[len(rows) - len(rows) // 2 :]
        self._generation.drop(newest)
        self._waiting.extendleft(reversed(newest))
        self._metrics.evictions += len(newest)

    def _wait_apart(self, rows: Sequence[Row], waiting: Sequence[Row] = ()) -> None:
        """Let each of `rows` be recomputed and go on by itself: one of them makes passes fail.
        `waiting` are rows that go back in front with them, `rows` at their head."""
        self._generation.drop(rows)
        for row in rows:
            row.apart = True
        self._waiting.extendleft(reversed(waiting or rows))
        self._metrics.evictions += len(rows)

    # What can happen to a pass

    def _attempt(
        self,
        work: Callable[[], T],
        rows: Sequence[Row],
        size: int,
        *,
        again: Callable[[], None],
        apart: Callable[[], None],
    ) -> T | None:
        """Do `work` for `rows`, `size` of them at once in memory; None when it failed.

        Out of memory: `again` puts rows back for a smaller attempt, or, for a single row, it ends.
        Any other failure: `apart` puts rows back to be tried one by one, and a single row ends.
        Broken when the device is lost, or when the engine no longer passes its self-test.
        """
        try:
            result = work()
        except Exception as error:
            if not is_out_of_memory(error):
                if len(rows) > 1 and not isinstance(error, torch.AcceleratorError):
                    apart()
                else:
                    self._broken(rows, error)
                return None
            self._metrics.out_of_memory += 1
            self._cap.lower(size)
            if size > 1:
                again()
            else:
                self._end(rows, TOO_LARGE)
            if self._loaded.device.type == "cuda":
                torch.cuda.empty_cache()
            return None
        self._failures = 0
        self._cap.passed()
        self._metrics.passed(size)
        return result

    def _broken(self, rows: Sequence[Row], error: Exception) -> None:
        self._failures += 1
        reason = _reason(error)
        self._end(rows, Failure(500, "engine_error", f"the model's pass failed: {reason}"))
        if isinstance(error, torch.AcceleratorError):
            raise Broken(reason) from error
        if self._failures >= _ASK_AGAIN:
            self._failures = 0
            try:
                self_test(self._loaded)
            except UsageError as problem:
                raise Broken(str(problem)) from error

    def _end(self, rows: Sequence[Row], failure: Failure) -> None:
        self._generation.drop(rows)
        for row in rows:
            self._fail(row, failure)

    # What becomes of rows

    def _advance(self, rows: Sequence[Row], logits: torch.Tensor) -> list[Row]:
        """Draw a token for each row from `logits` [rows, vocabulary]; returns rows that ended."""
        fine = finite(logits)
        good = [index for index, row in enumerate(rows) if fine[index] and row.faded is None]
        ended = [row for index, row in enumerate(rows) if index not in set(good)]
        for index, row in enumerate(rows):
            if index not in set(good):
                self._fail(row, self._rounded(row) if fine[index] else NONFINITE)
        if not good:
            return ended
        logits = logits[torch.tensor(good, device=logits.device)]
        rows = [rows[index] for index in good]
        tokens = draw(logits, [row.sampling for row in rows], [row.random.random() for row in rows])
        for index, (row, token) in enumerate(zip(rows, tokens, strict=True)):
            told = None
            if row.logprobs is not None:
                (told,) = scores(logits[index : index + 1], [token], row.logprobs)
            try:
                over = self._take(row, token, told)
            except Exception as error:
                # A tokenizer that cannot decode what this row drew: nobody else's affair.
                message = f"the reply cannot be told: {_reason(error)}"
                self._fail(row, Failure(500, "engine_error", message))
                over = True
            if over:
                ended.append(row)
        return ended

    def _take(self, row: Row, token: int, told: TokenScore | None) -> bool:
        """Add `token` to `row`; whether that ends it."""
        row.generated.append(token)
        finish: Finish | None = None
        text = ""
        if token in self._loaded.stops:
            finish = "stop"
        else:
            text = row.text.push(token)
            if row.text.stopped:
                finish = "stop"
            elif len(row.generated) >= row.max_tokens:
                finish = "length"
        if finish is not None:
            text += row.text.finish()
        if text or told is not None or finish != "stop":
            row.sink.token(row, text, told)
        if finish is not None:
            self._finish(row, Finished(finish, len(row.generated)))
        return finish is not None

    def _rounded(self, row: Row) -> Failure:
        """Why a row is not answered whose steering rounds away."""
        assert row.faded is not None
        layer, share = row.faded
        return Failure(
            422,
            "rounds_away",
            f"of what is added at layer {layer}, {share:.2f} survives rounding to "
            f"{self._loaded.dtype_name}; expected at least half: a larger coefficient, or a server "
            "with --dtype float32",
        )

    def _finish(self, row: Row, finished: Finished) -> None:
        self._metrics.ended("answered", finished.tokens)
        row.sink.done(row, finished)

    def _fail(self, row: Row, failure: Failure) -> None:
        self._metrics.ended(failure.code, len(row.generated))
        row.sink.failed(row, failure)


def _reason(error: Exception) -> str:
    """An error in one line."""
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}"
