"""Run the service: bind, load, serve, drain."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType

import uvicorn

from harness.errors import ServiceError, UsageError
from steering_server.engine.engine import Engine, State
from steering_server.engine.runner import Sizes
from steering_server.http.admission import is_loopback
from steering_server.http.app import build
from steering_server.http.connection import Connection
from steering_server.http.service import Service
from steering_server.model.models import Loaded, memory_left
from steering_server.model.work import Failure
from steering_server.vectors.registry import Registry
from steering_server.vectors.vectors import Vector

__all__ = ["Options", "SteeringServer", "started_line"]


@dataclass(frozen=True)
class Options:
    """How to serve. `key` is the API key itself. In seconds: `drain` is what requests under way
    are given when the server is to stop, `grace` what slow readers are given after the last answer
    is ready; `arrival` and `stall` are a `Connection`'s limits."""

    host: str = "127.0.0.1"
    port: int = 8000
    key: str | None = None
    sizes: Sizes = field(default_factory=Sizes)
    max_tokens: int = 1024
    queue: int = 1024
    linger: float = 0.003
    threads: int | None = None
    drain: float = 60.0
    grace: float = 10.0
    arrival: float = 30.0
    stall: float = 120.0


def started_line(loaded: Loaded, vectors: int, url: str) -> str:
    """One line that says what was loaded, where, and how much memory is left."""
    left = memory_left(loaded.device)
    memory = "" if left is None else f", {left / 2**30:.1f} GiB left"
    parameters = sum(weight.numel() for weight in loaded.model.parameters())
    places = sorted({str(device) for device in loaded.devices})
    return (
        f"{loaded.id}: {parameters / 1e6:.0f} M parameters, {loaded.depth} layers of width "
        f"{loaded.width}, {loaded.dtype_name} on {', '.join(places)}{memory}; "
        f"{vectors} vectors; {url}"
    )


class _Server(uvicorn.Server):
    """The first signal drains, the second stops at once."""

    def __init__(self, config: uvicorn.Config, engine: Engine) -> None:
        super().__init__(config)
        self._engine = engine
        self._signalled = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._signalled or self._engine.state in ("loading", "dead", "stopped"):
            self.should_exit = True
            self.force_exit = self._signalled and sig == signal.SIGINT
        else:
            self._engine.drain()
        self._signalled = True


class SteeringServer:
    """A bound port, an engine that loads, and the service between them.

    `run` serves until a signal, or until `engine.drain()` has let the last row go. The port is
    open while the model loads (503 until it is there). UsageError at once where the address needs
    a key or cannot be had.
    """

    def __init__(
        self,
        load: Callable[[], Loaded],
        vectors: Mapping[str, Vector],
        options: Options,
        *,
        say: Callable[[str], None],
    ) -> None:
        if not is_loopback(options.host) and not options.key:
            raise UsageError(
                f"--host {options.host} can be reached from other machines; expected an API key "
                "in the variable named by --api-key-env, or a loopback address"
            )
        self._load = load
        self._vectors = vectors
        self._options = options
        self._say = say
        self._registry: Registry | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener = _listen(options.host, options.port)
        self.url = f"http://{options.host}:{self._listener.getsockname()[1]}"
        self.engine = Engine(
            self._load_and_check,
            sizes=options.sizes,
            clock=time.monotonic,
            queue=options.queue,
            linger=options.linger,
            threads=options.threads,
            changed=self._changed,
        )
        self._service = Service(self.engine, max_tokens=options.max_tokens, key=options.key)
        config = uvicorn.Config(
            build(self._service),
            http=Connection.within(options.arrival, options.stall),
            ws="none",
            log_level="warning",
            lifespan="off",
            access_log=False,
            timeout_graceful_shutdown=max(1, round(options.grace)),
        )
        self._server = _Server(config, self.engine)

    def run(self) -> None:
        """Serve. UsageError when the model or a vector cannot be used; ServiceError when the
        engine died while serving."""
        with contextlib.closing(self._listener):
            asyncio.run(self._run())
        engine = self.engine
        if engine.state == "dead" and engine.loaded is None:
            raise UsageError(engine.reason)
        if engine.state == "dead":
            raise ServiceError(f"the engine died: {engine.reason}")

    def stop(self) -> None:
        """Stop now, from any thread: what is under way is not answered."""
        self._server.should_exit = self._server.force_exit = True

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.engine.start()
        await self._server.serve(sockets=[self._listener])
        self.engine.drain()

    def _load_and_check(self) -> Loaded:
        loaded = self._load()
        registry = Registry(loaded)
        for name, vector in self._vectors.items():
            registry.add(name, vector)
        self._registry = registry
        return loaded

    def _changed(self, state: State) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._on_state, state)

    def _on_state(self, state: State) -> None:
        engine = self.engine
        if state == "ready":
            assert self._registry is not None and engine.loaded is not None
            self._service.ready(self._registry)
            self._say(started_line(engine.loaded, len(self._vectors), self.url))
        elif state == "draining":
            assert self._loop is not None
            seconds = self._options.drain
            self._say(f"draining: no new requests are taken; it ends within {seconds:g} s")
            self._loop.call_later(seconds, self._give_up)
        elif state == "stopped" or (state == "dead" and engine.loaded is None):
            self._server.should_exit = True
        elif state == "dead":
            self._service.bury()
            self._say(f"the engine is dead: {engine.reason}; requests get 503 until a restart")

    def _give_up(self) -> None:
        """The time to drain is over: what is under way gets 503, and the server stops, whether or
        not the engine comes back from its pass."""
        seconds = self._options.drain
        message = f"the server stopped; this was not answered within {seconds:g} s"
        ended = self._service.give_up(Failure(503, "draining", message))
        self._say(f"draining took over {seconds:g} s: {ended} requests ended without an answer")
        self._server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket. UsageError where the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener
