"""From a request to rows: everything is checked here, before the engine sees anything.

It fails closed: what cannot be applied exactly as asked is an error, never an unsteered answer.
"""

import itertools
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import UsageError
from harness.wire import Capture, ControlKind, Operation, SteeringVector
from steering_server.http.beside import Compared, Drawn
from steering_server.http.places import Places, Run
from steering_server.model.conversation import Prompt, Style, render, unrendered
from steering_server.model.lengths import Lengths
from steering_server.model.models import Loaded
from steering_server.model.openings import OPENINGS
from steering_server.model.recorder import Recorder
from steering_server.model.reply_text import ReplyText
from steering_server.model.requests import ApiError, ChatRequest, RawRequest, fail
from steering_server.model.work import Addition, Row, Sampling, Sink
from steering_server.vectors.directions import Array
from steering_server.vectors.registry import Registry, UnknownVector
from steering_server.vectors.vectors import Vector

__all__ = ["Applied", "Prepared", "Resolver", "echo"]


@dataclass(frozen=True)
class Applied:
    """One vector as it was applied: what the reply echoes."""

    name: str
    sha256: str
    operation: Operation
    coef: float
    layers: tuple[int, ...]
    norms: tuple[float, ...]
    positions: str
    spans: tuple[Run, ...]
    members: dict[int, tuple[int, ...]]
    """Layer → the numbers of its changes among the rows' own."""

    def components(self, rows: Sequence[Row]) -> dict[str, dict[str, float]]:
        """Layer → mean component along the vector before and after, where it was measured."""
        found = {}
        for layer, members in self.members.items():
            met = [both for row in rows if (both := row.components(members)) is not None]
            if met:
                before, after = (sum(side) / len(met) for side in zip(*met, strict=True))
                found[str(layer)] = {"before": before, "after": after}
        return found


@dataclass(frozen=True)
class Prepared:
    """A request ready for the engine: one row an answer, and what the reply will say.

    `thought` is what stands between the conversation and a choice: an empty thought, or nothing.
    """

    rows: tuple[Row, ...]
    applied: tuple[Applied, ...]
    prompt_tokens: int
    prompt: str
    style: Style
    thought: str | None
    begun: str = ""
    """The model's own text at the end of `prompt`."""
    beside: tuple[Compared, ...] = ()
    """The same question under control directions; see `beside`."""

    @property
    def every(self) -> tuple[Row, ...]:
        """The answers' rows, and those beside them."""
        return (*self.rows, *(row for one in self.beside for row in one.rows))


@dataclass(frozen=True)
class _Asked:
    """One vector of a request, checked."""

    vector: Vector
    name: str
    operation: Operation
    coef: float
    layers: tuple[int, ...]
    spans: tuple[Run, ...]
    positions: str


_LARGEST = 1e4


def _compared(number: int) -> list[tuple[ControlKind, int]]:
    """Kind and number of each direction, in the order in which they are told."""
    one: list[tuple[ControlKind, int]] = [("unsteered", 0), ("vector", 0)]
    drawn: tuple[ControlKind, ...] = ("random", "angled")
    return one + [(kind, index) for kind in drawn for index in range(number)]


def _coefficient(asked: SteeringVector, where: str) -> float:
    """What `coef` means where it may be left out. ApiError 400 for one out of range."""
    if asked.coef is None:
        if asked.operation == "ablate":
            return 1.0
        raise fail(f"{where}.coef", f"missing; {asked.operation} needs one")
    if not abs(asked.coef) <= _LARGEST:
        raise fail(f"{where}.coef", f"{asked.coef}; expected a number within ±{_LARGEST:g}")
    if asked.operation == "ablate" and not 0 <= asked.coef <= 1:
        raise fail(f"{where}.coef", f"{asked.coef}; ablate takes a share of the component, 0 to 1")
    return asked.coef


class Resolver:
    """Turns requests into rows for one model. `max_tokens` is the most a reply may have; `entropy`
    gives a seed to requests without one; `mean` is the model's mean activation by layer."""

    def __init__(
        self,
        loaded: Loaded,
        registry: Registry,
        *,
        max_tokens: int,
        mean: Callable[[], dict[int, Array]],
        entropy: Callable[[], int] = lambda: secrets.randbits(62),
    ) -> None:
        self._loaded = loaded
        self._registry = registry
        self._max_tokens = max_tokens
        self._entropy = entropy
        self._drawn = Drawn(mean)
        self._lengths = Lengths(loaded.tokenizer, loaded.context)

    @property
    def most_characters(self) -> int:
        """Characters that no request's messages may exceed."""
        return self._lengths.characters

    def check_length(self, request: ChatRequest, alive: Callable[[], None]) -> None:
        """ApiError 400 where the messages cannot fit the context, before they are tokenised."""
        self._lengths.check([turn.content for turn in request.turns], alive)

    def resolve(
        self,
        request: ChatRequest,
        sink: Callable[[int], Sink],
        alive: Callable[[], None] = lambda: None,
    ) -> Prepared:
        """Rows for `request`; `sink` makes the sink of each answer; `alive` is called between
        pieces of work and may raise. ApiError."""
        if request.model != self._loaded.id:
            message = f"unknown model {request.model!r}; this server has {self._loaded.id!r}"
            raise ApiError(404, "model_not_found", message, param="model")
        style = self._loaded.style.with_options(
            self._loaded.tokenizer.chat_template,
            request.chat_template_kwargs,
            "chat_template_kwargs",
        )
        raw = isinstance(request, RawRequest)
        if raw:
            prompt = unrendered(self._loaded.tokenizer, request.turns[0].content)
        else:
            prompt = render(self._loaded.tokenizer, request.turns, style)
        thought = None
        if request.steering.choices is not None and not raw:
            prompt, thought = prompt.answered(self._loaded.dialect)
        choices = prompt.choices(request.steering.choices, alive)
        longest = max((len(choice) for choice in choices), default=0) if choices else 0
        limit = longest if choices else self._limit(request, len(prompt.tokens))
        self._fits(len(prompt.tokens), limit, request.limit is not None)
        fed = len(prompt.tokens) + limit - 1
        places = Places(self._loaded.tokenizer, request.turns, style, prompt, fed, raw)
        asked = self._asked(request, places)
        additions, applied = self._additions(asked)
        seed = self._entropy() if request.seed is None else request.seed
        rows = tuple(
            Row(
                prompt=prompt.tokens,
                sampling=Sampling(request.temperature, request.top_p, seed, index),
                sink=sink(index),
                text=ReplyText(self._loaded.tokenizer, request.stops, self._loaded.marks),
                max_tokens=limit,
                additions=additions,
                choices=choices,
                logprobs=(request.top_logprobs or 0) if request.logprobs else None,
                recorder=self._recorder(
                    request.steering.capture, prompt, len(prompt.tokens) if choices else fed
                ),
            )
            for index in range(request.n)
        )
        beside = self._beside(request, prompt, rows[0], asked, sink)
        return Prepared(
            rows=rows,
            applied=applied,
            prompt_tokens=len(prompt.tokens),
            prompt=prompt.text,
            style=style,
            thought=thought,
            begun=prompt.begun,
            beside=beside,
        )

    # How long

    def _limit(self, request: ChatRequest, prompt: int) -> int:
        if request.limit is None:
            return max(1, min(self._max_tokens, self._loaded.context - prompt))
        if request.limit > self._max_tokens:
            raise fail("max_tokens", f"{request.limit}; this server allows {self._max_tokens}")
        return request.limit

    def _fits(self, prompt: int, limit: int, asked: bool) -> None:
        if prompt + limit > self._loaded.context:
            more = f" and {limit} new ones" if asked else ""
            raise ApiError(
                400,
                "context_length_exceeded",
                f"{prompt} prompt tokens{more} exceed the context of {self._loaded.context}",
                param="messages",
            )

    # What is added

    def _asked(self, request: ChatRequest, places: Places) -> tuple[_Asked, ...]:
        found = []
        for index, asked in enumerate(request.steering.vectors):
            where = f"steering.vectors[{index}]"
            vector, name = self._vector(asked, where)
            coef = _coefficient(asked, where)
            layers = self._layers(asked, vector, where)
            spans = places.of(asked.positions, f"{where}.positions")
            named = asked.positions if isinstance(asked.positions, str) else ""
            positions = named or ",".join(f"{start}:{end}" for start, end in spans)
            found.append(_Asked(vector, name, asked.operation, coef, layers, spans, positions))
        return tuple(found)

    def _additions(
        self, asked: Sequence[_Asked]
    ) -> tuple[tuple[Addition, ...], tuple[Applied, ...]]:
        additions: list[Addition] = []
        applied: list[Applied] = []
        for one in asked:
            members: dict[int, tuple[int, ...]] = {}
            for layer in one.layers:
                for span in one.spans:
                    change = self._change(one.vector, one.operation, one.coef, layer, span)
                    if change is not None:
                        members[layer] = (*members.get(layer, ()), len(additions))
                        additions.append(change)
            applied.append(
                Applied(
                    one.name,
                    one.vector.sha256,
                    one.operation,
                    one.coef,
                    one.layers,
                    tuple(one.vector.reference(layer) for layer in one.layers),
                    one.positions,
                    one.spans,
                    members,
                )
            )
        return tuple(additions), tuple(applied)

    def _beside(
        self,
        request: ChatRequest,
        prompt: Prompt,
        answer: Row,
        asked: Sequence[_Asked],
        sink: Callable[[int], Sink],
    ) -> tuple[Compared, ...]:
        """The question unsteered, as asked, and under each control direction."""
        controls = request.steering.controls
        if controls is None:
            return ()
        openings = prompt.choices(OPENINGS) if controls.tokens else None
        longest = max(map(len, openings)) if openings else 0
        self._fits(len(prompt.tokens), max(controls.tokens, longest), False)
        indices, drawn = itertools.count(1), self._drawn.vector

        def row(
            additions: tuple[Addition, ...],
            choices: tuple[tuple[int, ...], ...] | None,
            max_tokens: int = 1,
        ) -> Row:
            return Row(
                prompt=prompt.tokens,
                sampling=Sampling(0.0, 1.0, answer.sampling.seed),
                sink=sink(next(indices)),
                text=ReplyText(self._loaded.tokenizer),
                additions=additions,
                choices=choices,
                max_tokens=max_tokens,
            )

        # A vector that pushes two spans opposite ways has one control direction for both.
        places = {hash: at for at, hash in enumerate(dict.fromkeys(v.vector.sha256 for v in asked))}
        found = []
        for kind, number in _compared(controls.number):
            vectors = [
                replace(
                    one,
                    vector=drawn(
                        one.vector, kind, number, one.layers, controls,
                        place=places[one.vector.sha256],
                    ),
                )
                for one in asked
            ]  # fmt: skip
            additions = () if kind == "unsteered" else self._additions(vectors)[0]
            compared = Compared(kind, row(additions, answer.choices))
            if openings is not None:
                compared = replace(
                    compared,
                    refusing=row(additions, openings),
                    writing=row(additions, None, controls.tokens),
                )
            found.append(compared)
        return tuple(found)

    def _change(
        self,
        vector: Vector,
        operation: Operation,
        coef: float,
        layer: int,
        span: Run,
    ) -> Addition | None:
        """What is done at `layer`; None for what changes nothing: it is not even added as zero."""
        slopes: dict[Operation, float | None] = {
            "add": None,
            "ablate": -coef,
            "clamp": -1.0,
            "scale": coef - 1.0,
        }
        slope = slopes[operation]
        if slope == 0 or (slope is None and coef == 0):
            return None
        dose = coef if operation in ("add", "clamp") else 0.0
        key = (vector.sha256, operation, coef, layer, *span)
        delta, unit = self._registry.delta(vector, layer, dose), vector.directions[layer]
        return Addition(layer, *span, delta, key, operation, unit, slope)

    def _vector(self, asked: SteeringVector, where: str) -> tuple[Vector, str]:
        if (asked.name is None) == (asked.inline is None):
            raise fail(where, "expected either name or inline")
        if asked.name is not None:
            try:
                return self._registry.get(asked.name, asked.sha256), asked.name
            except UnknownVector as error:
                raise fail(where, str(error), code="vector_not_found", status=404) from error
        assert asked.inline is not None
        try:
            vector = self._registry.inline(asked.inline)
        except UsageError as error:
            raise fail(f"{where}.inline", str(error)) from error
        if asked.sha256 is not None and not vector.sha256.startswith(asked.sha256.lower()):
            raise fail(f"{where}.sha256", f"the inline vector has SHA-256 {vector.sha256}")
        return vector, "inline"

    def _layers(self, asked: SteeringVector, vector: Vector, where: str) -> tuple[int, ...]:
        if asked.layers is None:
            return (vector.origin.default_layer,)
        if not asked.layers or len(set(asked.layers)) != len(asked.layers):
            raise fail(f"{where}.layers", "expected at least one layer, all different")
        for index, layer in enumerate(asked.layers):
            if layer not in vector.directions:
                known = f"{vector.layers[0]} to {vector.layers[-1]}"
                raise fail(f"{where}.layers[{index}]", f"{layer}; the vector has layers {known}")
        return asked.layers

    # What is kept

    def _recorder(self, capture: Capture | None, prompt: Prompt, fed: int) -> Recorder | None:
        if capture is None:
            return None
        wrong = [layer for layer in capture.layers if not 0 <= layer < self._loaded.depth]
        if wrong or not capture.layers:
            allowed = f"0 to {self._loaded.depth - 1}"
            raise fail("steering.capture.layers", f"{list(capture.layers)}; expected {allowed}")
        spans: dict[str, tuple[int, int | None]] = {
            "prompt": (0, prompt.completion),
            "completion": (prompt.completion, None),
            "all": (0, None),
        }
        start, end = spans[capture.span]
        if start >= fed:
            raise fail(
                "steering.capture.span",
                "'completion' is empty: with max_tokens 1 or choices the model is given no token "
                "of its own; use 'prompt', or end the messages with an assistant turn",
            )
        return Recorder(capture.layers, capture.selector, start, end)


def echo(prepared: Prepared, loaded: Loaded) -> dict[str, Any]:
    """What the reply says was applied."""
    return {
        "vectors": [
            {
                "name": one.name,
                "sha256": one.sha256,
                "operation": one.operation,
                "coef": one.coef,
                "layers": list(one.layers),
                "norms": list(one.norms),
                "positions": one.positions,
                "span": [one.spans[0][0], one.spans[-1][1]],
                "spans": [list(span) for span in one.spans],
                "component": one.components(prepared.rows),
            }
            for one in prepared.applied
        ],
        "dtype": loaded.dtype_name,
        "survived": {
            str(layer): round(min(row.shares.get(layer, 1.0) for row in prepared.rows), 4)
            for layer in sorted({layer for row in prepared.rows for layer in row.shares})
        },
        "weights": loaded.weights,
        "chat_template_kwargs": dict(prepared.style.options),
        "system_as": prepared.style.system_as,
        "thought": prepared.thought,
    }
