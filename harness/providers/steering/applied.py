"""One steering, resolved against the server that applies it: by `steering/NAME` and by pools."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from inspect_ai.model import GenerateConfig
from inspect_ai.tool import ToolInfo

from harness.errors import UsageError
from harness.models.inspect_api import PrerequisiteError
from harness.prompts.spans import PUSHED, Spans
from harness.providers.steering.client import ServedModel, ServedVector, SteeringClient, done_in
from harness.providers.steering.options import CONTRAST, SteeringOptions, VectorOptions
from harness.where import resolve
from harness.wire import Controls, Positions, Reply, Steering, SteeringVector, Where

__all__ = ["Applied", "apply", "layers_of", "refuse_unsupported"]

_UNSUPPORTED = (
    "best_of",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "top_k",
    "prompt_logprobs",
    "response_schema",
    "reasoning_tokens",
)
"""Generation options that would change the answer and that the server does not have."""


@dataclass(frozen=True)
class Applied:
    """What is done to every question's activations: nothing where there are no vectors.

    `vectors[i]` is what the server has for `options.vectors[i]`. A vector's hash is fixed here and
    sent with every question, so that a server that has another vector under the name refuses
    instead of answering.
    """

    options: SteeringOptions
    served: ServedModel
    vectors: tuple[ServedVector, ...]

    @property
    def _pairs(self) -> list[tuple[VectorOptions, ServedVector]]:
        return list(zip(self.options.vectors, self.vectors, strict=True))

    @property
    def reads_spans(self) -> bool:
        """Whether a question has to say where its texts stand."""
        return any(own.reads_spans for own in self.options.vectors)

    def field(
        self,
        choices: tuple[str, ...] | None,
        spans: Spans | None = None,
        *,
        side: bool = False,
    ) -> Steering:
        """The `steering` field of a question with these allowed answers and texts; `side` measures
        its controls' side effects too.

        PrerequisiteError for a text that the question does not have, and for controls beside a
        question that is not read by log-probabilities.
        """
        vectors = []
        for own, vector in self._pairs:
            for positions, sign in _placed(own, spans or {}):
                vectors.append(
                    SteeringVector(
                        coef=sign * own.coef,
                        operation=own.operation,
                        name=vector.name,
                        sha256=vector.sha256,
                        layers=layers_of(own, vector),
                        positions=positions,
                    )
                )
        return Steering(
            vectors=tuple(vectors), choices=choices, controls=self._controls(choices, side)
        )

    def _controls(self, choices: tuple[str, ...] | None, side: bool) -> Controls | None:
        own = self.options
        if not own.controls:
            return None
        if choices is None:
            raise PrerequisiteError(
                "steering parameter controls: expected -T readout=logprobs, since only exact "
                "probabilities are set beside random directions"
            )
        return Controls(
            number=own.controls, seed=own.control_seed, tokens=own.side_tokens if side else 0
        )

    def template_kwargs(self, config: GenerateConfig) -> dict[str, Any]:
        """What the chat template is told, thinking included.

        PrerequisiteError for a thinking setting that this model's template has no switch for: it
        would be recorded while the model thinks as ever.
        """
        given = self.options.chat_template_kwargs
        effort = config.reasoning_effort
        if effort is None:
            return given
        reads = self.served.switches
        switch = next((name for name in reads if name != "reasoning_effort"), None)
        if effort != "none" and "reasoning_effort" in reads:
            wanted: dict[str, Any] = {"reasoning_effort": effort}
        elif switch is not None and effort in ("none", "medium"):
            wanted = {switch: effort != "none"}
        else:
            named = "off" if effort == "none" else "on" if effort == "medium" else effort
            raise PrerequisiteError(
                f"thinking {named!r} cannot be set: the chat template of {self.served.id} reads "
                f"{', '.join(reads) or 'no switch for it'}"
            )
        clash = next((name for name in wanted if given.get(name, wanted[name]) != wanted[name]), "")
        if clash:
            raise PrerequisiteError(
                f"-M chat_template_kwargs sets {clash} to {given[clash]!r}, and the run's thinking "
                f"setting to {wanted[clash]!r}; expected one of them"
            )
        return {**given, **wanted}

    def refuse_system(self) -> None:
        """PrerequisiteError where this model's template has no place for a system prompt."""
        if not self.served.system:
            raise PrerequisiteError(
                f"the chat template of {self.served.id} takes no system prompt; start the server "
                "with --system-as user to put it at the head of the first user turn"
            )

    def mismatch(self, reply: Reply) -> str | None:
        """Why `reply` is not an answer under this steering; None where it is."""
        told = reply.steering or {}
        rendered = told.get("chat_template_kwargs") or {}
        assert isinstance(rendered, dict)
        for name, value in self.options.chat_template_kwargs.items():
            if rendered.get(name) != value:
                return f"the steering server rendered with {rendered}, not with {name}={value!r}"
        asked = [
            [vector.sha256, own.operation, sign * own.coef, list(layers_of(own, vector))]
            for own, vector in self._pairs
            for sign in _signs(own)
        ]
        if self.options.controls and not self._beside(told.get("controls")):
            return "the steering server did not ask the controls that were wanted"
        if done_in(told) == asked:
            return None
        names = [
            f"{own.operation} {vector.name!r} ({vector.sha256[:12]}) at {own.coef}"
            for own, vector in self._pairs
        ]
        applied = told or "nothing"
        return f"the steering server applied {applied}, not {', '.join(names) or 'no vector'}"

    def _beside(self, told: object) -> bool:
        """Whether a reply's controls are those that were asked for."""
        own = self.options
        wanted = {"unsteered": 1, "vector": 1, "random": own.controls, "angled": own.controls}
        return (
            isinstance(told, dict)
            and told.get("seed") == own.control_seed
            and all(len(told.get(kind) or ()) == count for kind, count in wanted.items())
        )

    def facts(self) -> dict[str, Any]:
        """`vector, coef, layer, positions, operation` as they are applied, for the record. Of
        several vectors each has its coefficient beside it, and the column has none."""
        if not self.vectors:
            return {}
        several = len(self.vectors) > 1
        names = [
            f"{vector.name}:{own.coef:g}" if several else vector.name for own, vector in self._pairs
        ]
        return {
            "vector": "+".join(names),
            "coef": None if several else self.options.vectors[0].coef,
            "layer": _same(",".join(map(str, layers_of(*pair))) for pair in self._pairs),
            "positions": _same(own.where for own in self.options.vectors),
            "operation": _same(own.operation for own in self.options.vectors),
        }

    def identity(self, model: str) -> str:
        """What decides the answers: weights, precision, the vector's content and how it is used."""
        served = f"{model}@{self.served.weights}-{self.served.dtype}"
        told = {**self.served.chat_template_kwargs, **self.options.chat_template_kwargs}
        if told:
            served += f"?{msgspec.json.encode(told, order='sorted').decode()}"
        if self.served.system_as != "system":
            served += f"?system_as={self.served.system_as}"
        for own, vector in self._pairs:
            layers = ",".join(map(str, layers_of(own, vector)))
            served += f"#{vector.sha256}:{own.coef!r}:{layers}:{own.where}"
            served += "" if own.operation == "add" else f":{own.operation}"
        if self.options.controls:
            served += f"#controls:{self.options.controls}:{self.options.control_seed}"
        return served


def layers_of(own: VectorOptions, vector: ServedVector) -> tuple[int, ...]:
    """Layers that a vector is applied at."""
    return own.layers or (int(vector.origin["default_layer"]),)


def _signs(own: VectorOptions) -> tuple[int, ...]:
    return (1, -1) if own.positions == CONTRAST else (1,)


def _placed(own: VectorOptions, spans: Spans) -> list[tuple[Positions | Where, int]]:
    """Positions, and the sign of the coefficient there. PrerequisiteError for a text that the
    question does not have."""
    if not own.reads_spans:
        return [(own.positions, 1)]  # type: ignore[list-item]
    names = PUSHED if own.positions == CONTRAST else (str(own.positions),)
    missing = [name for name in names if name not in spans]
    if missing:
        known = ", ".join(name for name in spans if name not in PUSHED) or "none"
        raise PrerequisiteError(
            f"steering parameter positions={own.positions!r}: the question has no such text; its "
            f"texts are: {known}"
        )
    return [(spans[name], sign) for name, sign in zip(names, _signs(own), strict=True)]


def _same(values: Iterable[str]) -> str:
    """Values joined, or the one that all are."""
    found = list(values)
    return found[0] if len(set(found)) == 1 else "; ".join(found)


def apply(client: SteeringClient, model: str, options: SteeringOptions) -> Applied:
    """Ask the server for the model and the vector, bringing it there if it is a file.

    UsageError, naming what the server lacks; ServiceError where none answers.
    """
    served = client.model(model)
    vectors = []
    for own in options.vectors:
        is_file = own.vector.endswith(".safetensors") or "/" in own.vector
        path = Path(resolve(own.vector))
        vector = client.register(path) if is_file else client.vector(own.vector)
        missing = [layer for layer in layers_of(own, vector) if layer not in vector.layers]
        if missing:
            raise UsageError(
                f"steering parameter layer={missing[0]}: vector {vector.name!r} has layers "
                f"{vector.layers[0]} to {vector.layers[-1]}"
            )
        vectors.append(vector)
    return Applied(options, served, tuple(vectors))


def refuse_unsupported(tools: list[ToolInfo], config: GenerateConfig) -> None:
    """PrerequisiteError for what a steering server would have to drop: nothing is, silently."""
    if tools:
        raise PrerequisiteError(
            "a steering server has no tool calls; expected response plain, xml or reasoned"
        )
    given = [name for name in _UNSUPPORTED if getattr(config, name) is not None]
    if given:
        raise PrerequisiteError(f"the steering server does not know {given[0]}")
    if config.num_choices not in (None, 1):
        raise PrerequisiteError("the steering server is asked for one answer at a time")
