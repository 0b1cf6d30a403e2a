"""One steering, resolved against the server that applies it: by `steering/NAME` and by pools."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from inspect_ai.model import GenerateConfig
from inspect_ai.tool import ToolInfo

from harness.errors import UsageError
from harness.models.inspect_api import PrerequisiteError
from harness.providers.steering.client import ServedModel, ServedVector, SteeringClient
from harness.providers.steering.options import SteeringOptions
from harness.where import resolve
from harness.wire import Reply, Span, Steering, SteeringVector

__all__ = ["Applied", "apply", "refuse_unsupported"]

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
    """What is added to every question's activations: nothing where `vector` is None.

    The vector's hash is fixed here and sent with every question, so that a server that has another
    vector under the name refuses instead of answering.
    """

    options: SteeringOptions
    served: ServedModel
    vector: ServedVector | None

    @property
    def layers(self) -> tuple[int, ...]:
        """Layers that the vector is applied at."""
        if self.vector is None:
            return ()
        return self.options.layers or (int(self.vector.origin["default_layer"]),)

    @property
    def _where(self) -> str:
        positions = self.options.positions
        if isinstance(positions, Span):
            return f"{positions.start}-{positions.end}"
        return positions

    def field(self, choices: tuple[str, ...] | None) -> Steering:
        """The `steering` field of a question with these allowed answers."""
        if self.vector is None:
            return Steering(choices=choices)
        vector = SteeringVector(
            coef=self.options.coef,
            name=self.vector.name,
            sha256=self.vector.sha256,
            layers=self.layers,
            positions=self.options.positions,
        )
        return Steering(vectors=(vector,), choices=choices)

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
        vector, coef = self.vector, self.options.coef
        rendered = told.get("chat_template_kwargs") or {}
        assert isinstance(rendered, dict)
        for name, value in self.options.chat_template_kwargs.items():
            if rendered.get(name) != value:
                return f"the steering server rendered with {rendered}, not with {name}={value!r}"
        asked = (None, None) if vector is None else (vector.sha256, coef)
        if (told.get("sha256"), told.get("coef")) == asked:
            return None
        name = "no vector" if vector is None else f"vector {vector.name!r} ({vector.sha256[:12]})"
        return f"the steering server applied {told or 'nothing'}, not {name} at {coef}"

    def facts(self) -> dict[str, Any]:
        """`vector, coef, layer, positions` as they are applied, for the record."""
        if self.vector is None:
            return {}
        return {
            "vector": self.vector.name,
            "coef": self.options.coef,
            "layer": ",".join(map(str, self.layers)),
            "positions": self._where,
        }

    def identity(self, model: str) -> str:
        """What decides the answers: weights, precision, the vector's content and how it is used."""
        served = f"{model}@{self.served.weights}-{self.served.dtype}"
        told = {**self.served.chat_template_kwargs, **self.options.chat_template_kwargs}
        if told:
            served += f"?{msgspec.json.encode(told, order='sorted').decode()}"
        if self.served.system_as != "system":
            served += f"?system_as={self.served.system_as}"
        if self.vector is None:
            return served
        layers = ",".join(map(str, self.layers))
        return f"{served}#{self.vector.sha256}:{self.options.coef!r}:{layers}:{self._where}"


def apply(client: SteeringClient, model: str, options: SteeringOptions) -> Applied:
    """Ask the server for the model and the vector, bringing it there if it is a file.

    UsageError, naming what the server lacks; ServiceError where none answers.
    """
    served = client.model(model)
    name = options.vector
    if name is None:
        return Applied(options, served, None)
    is_file = name.endswith(".safetensors") or "/" in name
    vector = client.register(Path(resolve(name))) if is_file else client.vector(name)
    applied = Applied(options, served, vector)
    missing = [layer for layer in applied.layers if layer not in vector.layers]
    if missing:
        raise UsageError(
            f"steering parameter layer={missing[0]}: vector {vector.name!r} has layers "
            f"{vector.layers[0]} to {vector.layers[-1]}"
        )
    return applied


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
