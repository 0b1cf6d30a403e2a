"""Fixtures: tiny models, the real small model, and rows to put through them."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from steering_server.models import Loaded, load
from steering_server.recorder import Recorder
from steering_server.reply_text import ReplyText
from steering_server.tiny import FAMILIES
from steering_server.work import Addition, Failure, Finished, Row, Sampling, TokenScore

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
def inference() -> object:
    """Model passes outside the engine need the mode the engine sets."""
    with torch.inference_mode():
        yield
