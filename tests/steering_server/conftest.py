"""Fixtures: tiny models, the real small model, and rows to put through them."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from harness.errors import ServiceError
from steering_server.http.server import Options, SteeringServer
from steering_server.model.models import Loaded, load
from steering_server.model.recorder import Recorder
from steering_server.model.reply_text import ReplyText
from steering_server.model.tiny import FAMILIES
from steering_server.model.work import Addition, Failure, Finished, Row, Sampling, TokenScore
from steering_server.vectors.vectors import NORMS, Origin, Vector, parse, serialize

ROOT = Path(__file__).resolve().parents[2]
_LOADED: dict[str, Loaded] = {}

PROMPTS = (
    "The cat sat on the mat.",
    "Prove that there are infinitely many primes, and say it briefly.",
    "Hi",
    "Write a poem about the sea in winter, in four lines, without the word blue.",
)


class Collected:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.scores: list[TokenScore] = []
        self.finished: Finished | None = None
        self.failure: Failure | None = None
        self.on_end: Callable[[], None] = lambda: None

    def token(self, row: Row, text: str, score: TokenScore | None) -> None:
        self.texts.append(text)
        if score is not None:
            self.scores.append(score)

    def done(self, row: Row, finished: Finished) -> None:
        assert self.finished is None and self.failure is None
        self.finished = finished
        self.on_end()

    def failed(self, row: Row, failure: Failure) -> None:
        assert self.finished is None and self.failure is None
        self.failure = failure
        self.on_end()

    @property
    def text(self) -> str:
        return "".join(self.texts)


class Maker:
    """Makes rows for one model."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded

    def addition(
        self, coef: float, *, layer: int = 2, start: int = 0, end: int | None = None, seed: int = 0
    ) -> Addition:
        """A random direction of norm `coef`, times a typical activation norm."""
        direction = torch.randn(self.loaded.width, generator=torch.Generator().manual_seed(seed))
        delta = coef * 8.0 * direction / direction.norm()
        return Addition(layer, start, end, delta, (seed, coef, layer, start, end))

    def tokens(self, prompt: str) -> tuple[int, ...]:
        text = self.loaded.tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
        )
        return tuple(self.loaded.tokenizer(text, add_special_tokens=False).input_ids)

    def row(
        self,
        prompt: str = PROMPTS[0],
        *,
        additions: Sequence[Addition] = (),
        max_tokens: int = 1,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        choices: Sequence[str] | None = None,
        stops: Sequence[str] = (),
        recorder: Recorder | None = None,
        logprobs: int | None = None,
    ) -> Row:
        encode = self.loaded.tokenizer
        return Row(
            prompt=self.tokens(prompt),
            sampling=Sampling(temperature, top_p, seed),
            sink=Collected(),
            text=ReplyText(encode, stops),
            max_tokens=max_tokens,
            additions=tuple(additions),
            choices=None
            if choices is None
            else tuple(tuple(encode(c, add_special_tokens=False).input_ids) for c in choices),
            logprobs=logprobs,
            recorder=recorder,
        )


def loaded_model(name: str) -> Loaded:
    """A model loaded once a session."""
    torch.set_num_threads(1)
    if name not in _LOADED:
        _LOADED[name] = load(str(small_model()) if name == "smollm2" else f"tiny:{name}")
    return _LOADED[name]


def small_model() -> Path:
    """Folder of the real small model; the test is skipped, saying why, where it can't be had."""
    command = [sys.executable, str(ROOT / "scripts" / "fetch_small_model.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no real model: {done.stderr.strip().splitlines()[-1]}")
    return Path(done.stdout.strip())


@pytest.fixture(params=[*FAMILIES, "smollm2"])
def maker(request: pytest.FixtureRequest) -> Maker:
    """A maker for every family, and for the real small model."""
    return Maker(loaded_model(request.param))


@pytest.fixture
def tiny_maker() -> Maker:
    """A maker for one tiny model."""
    return Maker(loaded_model("llama"))


@pytest.fixture
def real_maker() -> Maker:
    """A maker for the real small model."""
    return Maker(loaded_model("smollm2"))


@pytest.fixture(autouse=True)
def inference() -> Iterator[None]:
    """Model passes outside the engine need the mode that the engine sets."""
    with torch.inference_mode():
        yield


def make_vector(loaded: Loaded, *, seed: int = 0, norm: float = 8.0, **origin: Any) -> Vector:
    """A random direction in every layer, with one reference norm."""
    generator = torch.Generator().manual_seed(seed)
    layers = range(loaded.depth)
    directions = {layer: torch.randn(loaded.width, generator=generator) for layer in layers}
    facts = {"model": loaded.id, "weights": loaded.weights, "template": loaded.template}
    facts |= {"method": "random", "selector": "none", "span": "prompt", "default_layer": 2}
    norms = {kind: dict.fromkeys(layers, norm) for kind in NORMS}
    return parse(serialize(directions, norms, Origin(**{**facts, **origin})), where="test")


class Client:
    """Asks one server."""

    def __init__(self, server: SteeringServer, **options: Any) -> None:
        self.server = server
        self.http = httpx.Client(base_url=server.url, timeout=60, trust_env=False, **options)

    def body(self, prompt: str = "Hello there.", **fields: Any) -> dict[str, Any]:
        messages = [{"role": "user", "content": prompt}]
        basics = {"model": "tiny", "messages": messages, "max_tokens": 8, "temperature": 0}
        return basics | fields

    def chat(self, prompt: str = "Hello there.", **fields: Any) -> httpx.Response:
        return self.http.post("/v1/chat/completions", json=self.body(prompt, **fields))

    def steered(self, *vectors: dict[str, Any], **fields: Any) -> httpx.Response:
        steering = {"vectors": list(vectors)} | fields.pop("steering", {})
        return self.chat(steering=steering, **fields)


@contextmanager
def serving(
    model: Callable[[], Loaded], *, vectors: dict[str, Vector] | None = None, **options: Any
) -> Iterator[Client]:
    """A server on a free port, in this process; gone afterwards."""
    server = SteeringServer(model, vectors or {}, Options(port=0, **options), say=lambda line: None)

    def run() -> None:
        with suppress(ServiceError):  # a test may kill the engine on purpose
            server.run()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    client = Client(server)
    try:
        client.http.get("/health")
        yield client
    finally:
        client.http.close()
        server.stop()
        thread.join(30)
        server.engine.drain()
        server.engine.join(30)


def fresh_tiny() -> Loaded:
    """A tiny model of its own, for a test that tampers with it."""
    return load("tiny:llama", name="tiny")


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A server with a tiny model and the vectors `plain` and `huge`."""
    loaded = fresh_tiny()
    vectors = {"plain": make_vector(loaded), "huge": make_vector(loaded, norm=3e38)}
    with serving(lambda: loaded, vectors=vectors, threads=1) as client:
        wait_ready(client)
        yield client


def wait_ready(client: Client) -> None:
    """Poll until the model is there."""
    while client.http.get("/health").status_code != 200:
        assert client.server.engine.state in ("loading", "ready")


@pytest.fixture
def serve_model() -> Iterator[Callable[..., tuple[Client, Loaded]]]:
    """Starts servers whose loading first calls a function; stops them at the end."""
    with ExitStack() as stack:

        def start(before: Callable[[], object], **options: Any) -> tuple[Client, Loaded]:
            loaded = fresh_tiny()

            def model() -> Loaded:
                before()
                return loaded

            return stack.enter_context(serving(model, threads=1, **options)), loaded

        yield start


@pytest.fixture
def serve_tiny(
    serve_model: Callable[..., tuple[Client, Loaded]],
) -> Callable[..., tuple[Client, Loaded]]:
    """Starts servers with a tiny model of their own, ready to answer."""

    def start(**options: Any) -> tuple[Client, Loaded]:
        client, loaded = serve_model(lambda: None, **options)
        wait_ready(client)
        return client, loaded

    return start
