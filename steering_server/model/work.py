"""What the engine works on: rows, what is added to them, and how they end.

A row is one answer under way. Everything in it was checked when the request came in; the engine
never decides what a request meant.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import torch

from harness.wire import Operation
from steering_server.model.recorder import Recorder
from steering_server.model.reply_text import ReplyText

__all__ = [
    "Addition",
    "Failure",
    "Finish",
    "Finished",
    "Row",
    "Sampling",
    "Sink",
    "TokenScore",
    "first_steered",
]

Finish = Literal["stop", "length"]
_HALF = 0.5
"""Share of an addition that has to survive rounding: with less, the answer is nearer to the
unsteered one than to the one that was asked for."""


@dataclass(frozen=True, eq=False)
class Addition:
    """Change the output of `layer` at positions [start, end): add `delta` [width] (fp32, CPU), and,
    where `slope` is given, `slope` × the component along `unit` [width]; see `changes`.

    Positions count the row's own tokens from 0, prompt and generated; `end` None means for ever.
    `key` identifies the change by value (vector hash, operation, coefficient, layer, span).
    """

    layer: int
    start: int
    end: int | None
    delta: torch.Tensor
    key: tuple[object, ...]
    operation: Operation = "add"
    unit: torch.Tensor | None = None
    slope: float | None = None

    @property
    def direction(self) -> torch.Tensor | None:
        """The unit vector [width] along which it changes activations; None where it has none."""
        if self.unit is not None:
            return self.unit
        length = float(self.delta.norm())
        return self.delta / length if 0 < length < math.inf else None


@dataclass(frozen=True)
class Sampling:
    """How a token is drawn: temperature 0 takes the most probable. `seed` and `index` (of several
    answers to one request) determine every draw of the row, whatever else is in the batch."""

    temperature: float
    top_p: float
    seed: int
    index: int = 0

    def generator(self) -> np.random.Generator:
        """The row's own source of uniform numbers."""
        return np.random.Generator(
            np.random.Philox(np.random.SeedSequence([self.seed, self.index]))
        )


@dataclass(frozen=True)
class TokenScore:
    """A generated token with its log-probability, and the best alternatives (id, logprob)."""

    token: int
    logprob: float
    alternatives: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Finished:
    """How a row ended. `choices` are probabilities in the order asked."""

    finish: Finish
    tokens: int
    choices: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Failure:
    """Why a row has no answer: HTTP status, a code for programs, one line for a person."""

    status: int
    code: str
    message: str


class Sink(Protocol):
    """Where a row's results go. Called from the engine's thread; must not block."""

    def token(self, row: "Row", text: str, score: TokenScore | None) -> None: ...

    def done(self, row: "Row", finished: Finished) -> None: ...

    def failed(self, row: "Row", failure: Failure) -> None: ...


@dataclass(eq=False)
class Row:
    """One answer under way.

    `choices` are the allowed answers as tokens; then nothing is sampled. `logprobs` is how many
    alternatives to report (None: no scores). `recorder` gathers what a capture asked for.
    `cancelled` is set from outside; the engine drops the row before its next step. `apart`: a pass
    over this row and others failed, so that it shares none any more.
    """

    prompt: tuple[int, ...]
    sampling: Sampling
    sink: Sink
    text: ReplyText
    max_tokens: int = 1
    additions: tuple[Addition, ...] = ()
    choices: tuple[tuple[int, ...], ...] | None = None
    logprobs: int | None = None
    recorder: Recorder | None = None
    cancelled: bool = False
    generated: list[int] = field(default_factory=list)
    arrived: float = 0.0
    apart: bool = False

    survived: dict[int, tuple[float, int]] = field(default_factory=dict)
    met: dict[int, tuple[float, float, int]] = field(default_factory=dict)

    def meet(self, member: int, before: float, after: float, tokens: int) -> None:
        """The component along the direction of the change numbered `member` was `before`, on the
        average of `tokens` tokens, and is `after`."""
        first, second, count = self.met.get(member, (0.0, 0.0, 0))
        self.met[member] = (first + before * tokens, second + after * tokens, count + tokens)

    def components(self, members: Sequence[int]) -> tuple[float, float] | None:
        """Component before and after over the changes `members`; None where none was met."""
        met = [self.met[member] for member in members if member in self.met]
        count = sum(one[2] for one in met)
        if not count:
            return None
        return sum(one[0] for one in met) / count, sum(one[1] for one in met) / count

    def survive(self, layer: int, share: float, tokens: int) -> None:
        """Of what was added at `layer` to `tokens` tokens, `share` survived rounding."""
        total, count = self.survived.get(layer, (0.0, 0))
        self.survived[layer] = (total + share * tokens, count + tokens)

    @property
    def shares(self) -> dict[int, float]:
        """Layer → share of what was added that survived rounding to the activations' dtype."""
        return {layer: total / count for layer, (total, count) in sorted(self.survived.items())}

    @property
    def faded(self) -> tuple[int, float] | None:
        """The first layer at which less than half of what was added survived, and its share."""
        faded = ((layer, share) for layer, share in self.shares.items() if share < _HALF)
        return next(faded, None)

    def __post_init__(self) -> None:
        self.random = self.sampling.generator()

    @property
    def tokens(self) -> tuple[int, ...]:
        """Prompt and what has been generated so far."""
        return self.prompt + tuple(self.generated) if self.generated else self.prompt

    @property
    def scored(self) -> bool:
        """Whether one forward pass over the prompt answers it."""
        return self.choices is not None or self.max_tokens == 1

    @property
    def lane(self) -> tuple[object, ...]:
        """Rows of one prompt with equal lanes are computed once."""
        own = (id(self),) if self.recorder is not None else ()
        return (*(addition.key for addition in self.additions), *own)


def first_steered(additions: Sequence[Addition], length: int) -> int:
    """First position of a sequence of `length` tokens that anything is added to; `length` if
    none is."""
    return min((min(addition.start, length) for addition in additions), default=length)
