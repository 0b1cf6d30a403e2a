"""Run the service: bind, load, serve, drain."""

import asyncio
import contextlib
import ipaddress
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType

import uvicorn

from harness.errors import ServiceError, UsageError
from steering_server.app import Service, build
from steering_server.engine import Engine, State
from steering_server.models import Loaded, memory_left
from steering_server.registry import Registry
from steering_server.runner import Sizes
from steering_server.vectors import Vector

__all__ = ["Options", "is_loopback", "serve", "started_line"]


@dataclass(frozen=True)
class Options:
    """How to serve. `key` is the API key itself; `grace` the seconds that slow readers are given
    after the last answer is ready."""

    host: str = "127.0.0.1"
    port: int = 8000
    key: str | None = None
    sizes: Sizes = field(default_factory=Sizes)
    max_tokens: int = 1024
    queue: int = 1024
    linger: float = 0.003
    threads: int | None = None
    grace: float = 10.0


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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


def serve(
    load: Callable[[], Loaded],
    vectors: Mapping[str, Vector],
    options: Options,
    *,
    say: Callable[[str], None],
) -> None:
    """Serve until a signal. The port is open while the model loads (503 until it is there).

    UsageError before anything starts, or when the model or a vector cannot be used; ServiceError
    when the engine died while serving.
    """
    if not is_loopback(options.host) and not options.key:
        raise UsageError(
            f"--host {options.host} can be reached from other machines; expected an API key in the "
            "variable named by --api-key-env, or a loopback address"
        )
    listener = _listen(options.host, options.port)
    with contextlib.closing(listener):
        asyncio.run(_serve(load, vectors, options, listener, say))


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket. UsageError where the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    listener.set_inheritable(True)
    return listener


async def _serve(
    load: Callable[[], Loaded],
    vectors: Mapping[str, Vector],
    options: Options,
    listener: socket.socket,
    say: Callable[[str], None],
) -> None:
    url = f"http://{options.host}:{listener.getsockname()[1]}"
    loop = asyncio.get_running_loop()
    problem: list[Exception] = []

    def load_and_check() -> Loaded:
        loaded = load()
        registry = Registry(loaded)
        for name, vector in vectors.items():
            registry.add(name, vector)
        registries.append(registry)
        return loaded

    def changed(state: State) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(on_state, state)

    def on_state(state: State) -> None:
        if state == "ready":
            service.ready(registries[0])
            assert engine.loaded is not None
            say(started_line(engine.loaded, len(vectors), url))
        elif state == "draining":
            say("draining: no new requests are taken")
        elif state == "stopped":
            server.should_exit = True
        elif state == "dead" and engine.loaded is None:
            problem.append(UsageError(engine.reason))
            server.should_exit = True
        elif state == "dead":
            say(f"the engine is dead: {engine.reason}; requests get 503 until it is restarted")

    registries: list[Registry] = []
    engine = Engine(
        load_and_check,
        sizes=options.sizes,
        clock=time.monotonic,
        queue=options.queue,
        linger=options.linger,
        threads=options.threads,
        changed=changed,
    )
    service = Service(engine, max_tokens=options.max_tokens, key=options.key)
    config = uvicorn.Config(
        build(service),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=max(1, round(options.grace)),
    )
    server = _Server(config, engine)
    engine.start()
    await server.serve(sockets=[listener])
    engine.drain()
    if problem:
        raise problem[0]
    if engine.state == "dead":
        raise ServiceError(f"the engine died: {engine.reason}")
