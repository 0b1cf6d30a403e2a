"""A respondent server in a thread of its own, and pool files that point to it."""

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.respondent.faults import ServerSpec
from harness.respondent.server import RespondentServer
from harness.respondent.settings import PRESETS

CANARY = "sk-canary-7f3a"


class Running:
    """The server's address and what it counted."""

    def __init__(self, spec: ServerSpec, key: str | None) -> None:
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._spec, self._key = spec, key
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def _run(self) -> None:
        async def main() -> None:
            self.server = RespondentServer(dict(PRESETS), self._spec, key=self._key)
            self.port = await self.server.start("127.0.0.1", 0)
            self._stop = asyncio.Event()
            self._ready.set()
            await self._stop.wait()
            await self.server.stop()

        self._loop.run_until_complete(main())

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


@pytest.fixture
def serve() -> Iterator[Callable[..., Running]]:
    """`serve(ServerSpec(…), key=…)` starts a server."""
    running: list[Running] = []

    def start(spec: ServerSpec | None = None, *, key: str | None = None) -> Running:
        running.append(Running(spec or ServerSpec(latency=0.0), key))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def pool_file(tmp_path: Path) -> Callable[..., Path]:
    """`pool_file(url, …, key_env=…)` writes a pool `x` of one endpoint a URL."""

    def write(*urls: str, **options: Any) -> Path:
        lines = ["[x]"]
        for index, url in enumerate(urls):
            lines += [
                "[[x.endpoints]]",
                f'name = "e{index}"',
                f'url = "{url}"',
                'model = "faithful"',
            ]
            lines += [f"{name} = {value!r}".replace("'", '"') for name, value in options.items()]
        file = tmp_path / "pools.toml"
        file.write_text("\n".join(lines), "utf-8")
        return file

    return write


class Tiny:
    """A tiny model to steer, and servers of it with the vector `math`."""

    def __init__(self) -> None:
        pytest.importorskip("torch", reason="the steering extra is not installed")

    def vector(self, seed: int = 0, family: str = "llama") -> bytes:
        """A vector file: a random direction a layer, norms of a tenth."""
        import torch

        from steering_server.model.models import load
        from steering_server.vectors.vectors import NORMS, Origin, serialize

        loaded = load(f"tiny:{family}", name="tiny")
        generator = torch.Generator().manual_seed(seed)
        layers = range(loaded.depth)
        origin = Origin(
            model="tiny",
            weights=loaded.weights,
            template=loaded.template,
            method="random",
            selector="none",
            span="prompt",
            default_layer=2,
        )
        return serialize(
            {layer: torch.randn(loaded.width, generator=generator) for layer in layers},
            {kind: dict.fromkeys(layers, 0.1) for kind in NORMS},
            origin,
        )

    @contextmanager
    def serving(self, seed: int = 0, template: str | None = None, port: int = 0) -> Iterator[str]:
        """The address of a server with a model of its own, with `template` as its chat template
        and the vector of this seed."""
        from steering_server.http.server import Options, SteeringServer
        from steering_server.model.models import load
        from steering_server.vectors.vectors import parse

        def model() -> Any:
            with tempfile.NamedTemporaryFile("w", suffix=".jinja") as file:
                file.write(template or "")
                file.flush()
                given = None if template is None else Path(file.name)
                return load("tiny:llama", name="tiny", chat_template=given)

        server = SteeringServer(
            model,
            {"math": parse(self.vector(seed), where="test")},
            Options(port=port, threads=1),
            say=lambda line: None,
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while httpx.get(f"{server.url}/health", trust_env=False).status_code != 200:
            assert server.engine.state in ("loading", "ready")
        yield server.url
        server.stop()
        thread.join(30)


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    """See `Tiny`."""
    return Tiny()
