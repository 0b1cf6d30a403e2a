"""The thread that owns the model: rows go in from anywhere, results come out by their sinks."""

import threading
from collections.abc import Callable, Sequence
from typing import Literal

import torch

from steering_server.engine.metrics import Metrics
from steering_server.engine.runner import Broken, Runner, Sizes
from steering_server.engine.self_test import self_test
from steering_server.model.models import Loaded
from steering_server.model.work import Failure, Row

__all__ = ["Engine", "Refused", "State"]

State = Literal["loading", "ready", "draining", "stopped", "dead"]


class Refused(Exception):
    """A row that was not taken: HTTP status, code, one line, and seconds until it may be."""

    def __init__(self, failure: Failure, retry_after: int) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.retry_after = retry_after


class Engine:
    """Owns a model in a thread of its own.

    `load` makes the model, in that thread; `queue` is the most rows that may wait; `linger` is how
    long (seconds) an idle engine waits after the first of several rows that one pass could
    answer; `changed` is called, from the thread, when the state changes.
    """

    def __init__(
        self,
        load: Callable[[], Loaded],
        *,
        sizes: Sizes,
        clock: Callable[[], float],
        queue: int = 1024,
        linger: float = 0.003,
        threads: int | None = None,
        changed: Callable[[State], None] = lambda state: None,
    ) -> None:
        self._load = load
        self._sizes = sizes
        self._clock = clock
        self._queue = queue
        self._linger = linger
        self._threads = threads
        self._changed = changed
        self._incoming: list[Row] = []
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="steering-engine", daemon=True)
        self._state: State = "loading"
        self.metrics = Metrics(clock)
        self.reason = ""
        self.loaded: Loaded | None = None

    @property
    def state(self) -> State:
        """What the engine can do now. A thread that has ended without a word is dead."""
        started = self._thread.ident is not None
        if started and not self._thread.is_alive() and self._state != "stopped":
            self.reason = self.reason or "its thread has ended"
            return "dead"
        return self._state

    @property
    def room(self) -> int:
        """Rows that it could take if nothing waited."""
        return self._queue

    def start(self) -> None:
        """Start the thread; the state is `loading` until the model is there."""
        self._thread.start()

    def submit(self, rows: Sequence[Row]) -> None:
        """Take `rows`, all or none. Refused when they cannot be taken now."""
        with self._wake:
            if self.state != "ready":
                reason = f": {self.reason}" if self.reason else ""
                failure = Failure(503, self.state, f"the server is {self.state}{reason}")
                raise Refused(failure, self.metrics.retry_after(self.queued) + 1)
            if self.queued + len(rows) > self._queue:
                message = f"the queue is full: {self.queued} of {self._queue} rows wait"
                failure = Failure(429, "queue_full", message)
                raise Refused(failure, self.metrics.retry_after(self.queued))
            now = self._clock()
            for row in rows:
                row.arrived = now
            self._incoming += rows
            self._wake.notify()

    def cancel(self, rows: Sequence[Row]) -> None:
        """Drop `rows` before the next step, wherever they are."""
        for row in rows:
            row.cancelled = True

    @property
    def queued(self) -> int:
        """Rows that wait."""
        return len(self._incoming) + self.metrics.queued

    def drain(self) -> None:
        """Take no more rows, finish those there are, then stop."""
        with self._wake:
            if self.state in ("loading", "ready"):
                self._become("draining")
            self._wake.notify()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the thread; whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _become(self, state: State, reason: str = "") -> None:
        self._state, self.reason = state, reason
        self._changed(state)

    def _run(self) -> None:
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        try:
            loaded = self._load()
            self_test(loaded)
        except BaseException as error:
            self._die(error, None)
            return
        runner = Runner(loaded, self._sizes, self.metrics)
        try:
            with self._wake:
                self.loaded = loaded
                if self.state == "loading":
                    self._become("ready")
            with torch.inference_mode():
                while self._gather(runner):
                    self._turn(runner)
                    self.metrics.queued = runner.queued
        except BaseException as error:  # whatever ends the thread, requests must hear of it
            self._die(error, runner)
        else:
            self._become("stopped")

    @staticmethod
    def _turn(runner: Runner) -> None:
        """One turn. What goes wrong with the rows there are is theirs; only Broken is the
        engine's end."""
        try:
            runner.turn()
        except Broken:
            raise
        except Exception as error:
            reason = next(iter(str(error).strip().splitlines()), "")
            message = f"the engine's turn failed: {type(error).__name__}: {reason}"
            runner.fail_all(Failure(500, "engine_error", message))

    def _gather(self, runner: Runner) -> bool:
        """Move new rows to `runner`, waiting while there is nothing to do. False: stop."""
        with self._wake:
            while not self._incoming and not runner.busy:
                if self.state == "draining":
                    return False
                self._wake.wait()
            if not runner.busy:
                self._await_company()
            rows, self._incoming = self._incoming, []
            runner.add(rows)
            self.metrics.queued = runner.queued
        return True

    def _await_company(self) -> None:
        """Rows of a sweep arrive within milliseconds of each other; one pass answers them all."""
        end = self._incoming[0].arrived + self._linger
        while len(self._incoming) < self._sizes.rows and self.state == "ready":
            left = end - self._clock()
            if left <= 0 or not self._wake.wait(left):
                return

    def _die(self, error: BaseException, runner: Runner | None) -> None:
        first = next(iter(str(error).strip().splitlines()), "")
        reason = first or type(error).__name__
        with self._wake:
            self._become("dead", reason)
            rows, self._incoming = self._incoming, []
        failure = Failure(503, "dead", f"the engine is dead: {reason}")
        if runner is not None:
            runner.add(rows)
            runner.fail_all(failure)
        self.metrics.queued = 0
