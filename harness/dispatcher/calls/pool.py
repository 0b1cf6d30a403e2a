"""A pool at work in an event loop: endpoints, pump, transports and ledger of one model."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import tenacity

from harness.dispatcher.book_file import BookFile, EndpointState, Snapshot
from harness.dispatcher.calls.delegate import InspectEndpoint
from harness.dispatcher.calls.http import HttpEndpoint
from harness.dispatcher.clock import LoopClock
from harness.dispatcher.endpoint import Endpoint
from harness.dispatcher.file_limit import allow_connections
from harness.dispatcher.job import Ended, Flight, Job
from harness.dispatcher.ledger import Ledger
from harness.dispatcher.poolfile import EndpointSpec, PoolSpec, key_of
from harness.dispatcher.pump import Pump
from harness.dispatcher.verdict import Verdict
from harness.errors import ServiceError

__all__ = ["Line", "Pool", "line_to"]

_EVERY = 2.0


class Line(Protocol):
    """What sends to one endpoint."""

    def send(self, flight: Flight, deliver: Callable[[Verdict], None]) -> Callable[[], None]:
        """Begin an attempt; see `Transport`."""

    async def aclose(self) -> None:
        """Stop and close."""


def line_to(spec: EndpointSpec) -> Line:
    """The line to an endpoint, with its key from the environment; UsageError without it."""
    key = key_of(spec)
    if spec.url is not None:
        return HttpEndpoint(spec, key=key)
    return InspectEndpoint(spec, key=key)


class _Switch:
    """A transport that knows each endpoint's line."""

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self._lines = lines

    def send(self, flight: Flight, deliver: Callable[[Verdict], None]) -> Callable[[], None]:
        return self._lines[flight.endpoint.name].send(flight, deliver)


class Pool:
    """Open it inside the loop that uses it, and reach `aclose` whatever happens.

    `say` takes lines for a person, `watch` a snapshot every two seconds while there is work.
    """

    def __init__(
        self,
        spec: PoolSpec,
        *,
        ledger: BookFile | None = None,
        say: Callable[[str], None] = lambda line: None,
        watch: Callable[[Snapshot], None] | None = None,
        seed: int | None = None,
    ) -> None:
        self.spec = spec
        self._book = ledger
        self._say = say
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        wanted = sum(e.max_concurrency for e in spec.endpoints if e.url is not None)
        if allow_connections(wanted) < wanted:
            say(
                f"pool {spec.name}: the system allows this process fewer open files than the "
                f"{wanted} connections that max_concurrency asks for; see ulimit -n"
            )
        clock = LoopClock(self._loop)
        rng = np.random.default_rng(seed)
        self.lines = {endpoint.name: line_to(endpoint) for endpoint in spec.endpoints}
        self.endpoints = [Endpoint(e, now=clock.now(), rng=rng) for e in spec.endpoints]
        self.pump = Pump(
            self.endpoints,
            _Switch(self.lines),
            clock=clock,
            ledger=Ledger(ledger.write if ledger is not None else None),
            patience=spec.patience,
            by_conversation=spec.route == "conversation",
            say=say,
        )
        self._started: asyncio.Future[None] | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self.progress: tuple[int, int] = (0, 0)

    async def ask(self, job: Job, heard: Callable[[Ended], None] = lambda ended: None) -> Ended:
        """How the job ended. Cancelling the caller withdraws the job.

        `heard` hears of it first, in the same stretch in which the answer is read: a process that
        dies has either not had the answer or has given it to `heard`. What it raises is raised
        here.
        """
        future: asyncio.Future[Ended] = self._loop.create_future()

        def done(ended: Ended) -> None:
            if future.done():
                return
            try:
                heard(ended)
            except Exception as error:
                # The pump goes on, whatever the caller does with its answer.
                future.set_exception(error)
            else:
                future.set_result(ended)

        ticket = self.pump.submit(job, done)
        if self._ticking is None:
            self._tick()
        try:
            return await future
        except asyncio.CancelledError:
            self.pump.cancel(ticket)
            raise

    async def start(self) -> None:
        """Find out once whether the endpoints are there, without spending a call.

        One that cannot be reached is said and left to the breaker; ServiceError if none can.
        """
        if self._started is None:
            self._started = asyncio.ensure_future(self._probe_all())
        await asyncio.shield(self._started)

    async def _probe_all(self) -> None:
        urls = [e for e in self.endpoints if isinstance(self.lines[e.name], HttpEndpoint)]
        problems = await asyncio.gather(*(self._probe(endpoint) for endpoint in urls))
        found = [problem for problem in problems if problem is not None]
        for problem in found:
            self._say(problem)
        if len(found) == len(self.endpoints):
            raise ServiceError(f"pool {self.spec.name!r}: " + "; ".join(found))

    async def _probe(self, endpoint: Endpoint) -> str | None:
        line = self.lines[endpoint.name]
        assert isinstance(line, HttpEndpoint)
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(2),
            wait=tenacity.wait_fixed(0.5),
            retry=tenacity.retry_if_exception_type(ConnectionError),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    status, _ = await line.models()
        except ConnectionError as error:
            return f"endpoint {endpoint.name} cannot be reached at {endpoint.spec.url}: {error}"
        if status == 401:
            endpoint.out = (
                f"401: the server refused the key in {endpoint.spec.key_env or 'no key_env'}"
            )
            return f"endpoint {endpoint.name} is out: {endpoint.out}"
        return None

    def snapshot(self) -> Snapshot:
        """The pool as it is now."""
        now = self._loop.time()
        states = tuple(
            EndpointState(
                name=e.name,
                in_flight=e.inflight,
                limit=e.concurrency.limit,
                breaker="out" if e.out is not None else e.breaker.state.value,
                efficiency=round(e.efficiency(now), 3),
                limits=e.limits,
                account=e.account,
            )
            for e in self.endpoints
        )
        done, samples = self.progress
        return Snapshot(
            t=time.time(),
            pool=self.spec.name,
            waiting=self.pump.waiting,
            endpoints=states,
            done=done,
            samples=samples,
        )

    def _tick(self) -> None:
        """Take a snapshot now and again in two seconds, while there is work."""
        try:
            self._take_snapshot()
        except Exception as error:
            # Raised from a timer it would be heard by nobody, and the run go on half blind.
            detail = " ".join(str(error).split())[:200]
            self.pump.fail(f"the pool's ledger or display failed: {type(error).__name__}: {detail}")
        busy = self.pump.waiting or self.pump.inflight
        self._ticking = self._loop.call_later(_EVERY, self._tick) if busy else None

    def _take_snapshot(self) -> None:
        if self._book is None and self._watch is None:
            return
        snapshot = self.snapshot()
        if self._book is not None:
            self._book.write(snapshot)
        if self._watch is not None:
            self._watch(snapshot)

    async def aclose(self) -> None:
        """End what is under way and close connections and ledger."""
        self.pump.close("the pool was closed")
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        try:
            for line in self.lines.values():
                await line.aclose()
        finally:
            self._end_books()

    def _end_books(self) -> None:
        book, said = self._book, self._say
        try:
            self._take_snapshot()
            if book is not None:
                book.close()
        except Exception as error:
            where = "its display" if book is None else f"its ledger {book.path}"
            said(f"pool {self.spec.name}: {where} is incomplete: {error}")
        finally:
            self._book = None
