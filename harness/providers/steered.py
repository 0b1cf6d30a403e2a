"""The provider class of `steering/NAME`: questions to a steering server, over HTTP.

`-M vector=NAME` (registered with the server, or a `.safetensors` file, which is brought there)
and `-M coef=0.25`; `-M layer=16`, `-M positions=response`, `-M base_url=http://…`. The vector's
hash is fixed when the run starts and sent with every question, so that a server that has another
vector under the name refuses instead of answering.
"""

import os
from pathlib import Path
from typing import Any

import anyio
import msgspec
from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput
from inspect_ai.tool import ToolChoice, ToolInfo

from harness.errors import PenchantError, ServiceError, UsageError
from harness.inspect_api import PrerequisiteError
from harness.providers.block import current_block, questions_for
from harness.providers.output import block_output, single_output
from harness.providers.steering_client import ServedVector, SteeringClient
from harness.providers.steering_options import steering_options
from harness.where import resolve
from harness.wire import Message, Question, Reply, Span, Steering, SteeringVector

__all__ = ["SteeringAPI"]

_DEFAULT_URL = "http://127.0.0.1:8000"
_TOP = 20
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


class SteeringAPI(ModelAPI):
    """One model with one steering. Two coefficients are two providers: see `identity`."""

    exact_choices = True
    """`Question.choices` is answered with exact probabilities."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  (Inspect's own signature)
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, ["STEERING_API_KEY"], config)
        try:
            self.options = steering_options(model_args)
            self.client = SteeringClient(
                base_url or os.environ.get("STEERING_BASE_URL") or _DEFAULT_URL,
                key=api_key or os.environ.get("STEERING_API_KEY"),
                timeout=self.options.timeout,
                max_in_flight=self.options.max_in_flight,
            )
            self.served = self.client.model(model_name)
            self.vector = self._vector()
        except PenchantError as error:
            raise PrerequisiteError(str(error)) from None
        self._slots = anyio.Semaphore(self.options.max_in_flight)

    def _vector(self) -> ServedVector | None:
        name = self.options.vector
        if name is None:
            return None
        is_file = name.endswith(".safetensors") or "/" in name
        vector = self.client.register(Path(resolve(name))) if is_file else self.client.vector(name)
        missing = [layer for layer in self.layers_of(vector) if layer not in vector.layers]
        if missing:
            raise UsageError(
                f"steering parameter layer={missing[0]}: vector {vector.name!r} has layers "
                f"{vector.layers[0]} to {vector.layers[-1]}"
            )
        return vector

    def layers_of(self, vector: ServedVector) -> tuple[int, ...]:
        """Layers that `vector` is applied at."""
        return self.options.layers or (int(vector.origin["default_layer"]),)

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answer the block that this call carries, or else the conversation in `input`."""
        self._check(tools, config)
        block = current_block()
        questions = (
            questions_for(block, input) if block is not None else (self._question(input, config),)
        )
        replies: list[Reply | None] = [None] * len(questions)
        problems: list[Exception] = []

        async def one(index: int) -> None:
            try:
                reply = await self._reply(questions[index], config)
            except Exception as error:
                problems.append(error)
                group.cancel_scope.cancel()
                return
            replies[index] = reply
            if block is not None:
                block.reply(index, reply)

        async with anyio.create_task_group() as group:
            for index in range(len(questions)):
                group.start_soon(one, index)
        if problems:
            raise problems[0]
        done = [reply for reply in replies if reply is not None]
        name = f"steering/{self.model_name}"
        return single_output(name, done[0]) if block is None else block_output(name, done)

    def _check(self, tools: list[ToolInfo], config: GenerateConfig) -> None:
        """PrerequisiteError for what would be dropped: nothing is, silently."""
        if tools:
            raise PrerequisiteError(
                "steering/… has no tool calls; expected response plain, xml or reasoned"
            )
        given = [name for name in _UNSUPPORTED if getattr(config, name) is not None]
        if given:
            raise PrerequisiteError(f"the steering server does not know {given[0]}")
        if config.num_choices not in (None, 1):
            raise PrerequisiteError("the steering server is asked for one answer at a time")
        if "steering" in (config.extra_body or {}) and self.vector is not None:
            raise PrerequisiteError(
                "both -M vector=… and a steering field in --extra-body; expected one of them"
            )

    def _question(self, input: list[ChatMessage], config: GenerateConfig) -> Question:
        for message in input:
            if message.role == "tool":
                raise PrerequisiteError("steering/… has no tool calls")
        turns = tuple(Message(m.role, m.text) for m in input)  # type: ignore[arg-type]
        return Question(messages=turns, seed=config.seed)

    def _body(self, question: Question, config: GenerateConfig) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model_name,
            "messages": [
                {"role": message.role, "content": message.content} for message in question.messages
            ],
            "seed": question.seed,
            "temperature": config.temperature,
            "top_p": config.top_p,
            "max_tokens": config.max_tokens,
            "stop": config.stop_seqs,
        }
        if question.choices is None and config.logprobs:
            body["logprobs"] = True
            body["top_logprobs"] = min(config.top_logprobs or _TOP, _TOP)
        body = {name: value for name, value in body.items() if value is not None}
        body |= config.extra_body or {}
        steering = self._steering(question.choices)
        if "steering" not in body:
            body["steering"] = steering
        elif question.choices is not None:
            body["steering"] = {**body["steering"], "choices": list(question.choices)}
        return body

    def _steering(self, choices: tuple[str, ...] | None) -> Steering:
        if self.vector is None:
            return Steering(choices=choices)
        vector = SteeringVector(
            coef=self.options.coef,
            name=self.vector.name,
            sha256=self.vector.sha256,
            layers=self.layers_of(self.vector),
            positions=self.options.positions,
        )
        return Steering(vectors=(vector,), choices=choices)

    async def _reply(self, question: Question, config: GenerateConfig) -> Reply:
        async with self._slots:
            reply = await self.client.ask(self._body(question, config))
        if reply.error is None and self.vector is not None:
            told = reply.steering or {}
            if (told.get("sha256"), told.get("coef")) != (self.vector.sha256, self.options.coef):
                raise ServiceError(
                    f"the steering server applied {told}, not vector {self.vector.name!r} "
                    f"({self.vector.sha256[:12]}) at {self.options.coef}"
                )
        honoured = None if question.seed is None else True
        return msgspec.structs.replace(
            reply, seed_honoured=honoured, model=f"steering/{self.model_name}"
        )

    def steering_facts(self) -> dict[str, Any]:
        """`vector, coef, layer, positions` as they are applied, for the record."""
        if self.vector is None:
            return {}
        return {
            "vector": self.vector.name,
            "coef": self.options.coef,
            "layer": ",".join(map(str, self.layers_of(self.vector))),
            "positions": self._where,
        }

    @property
    def _where(self) -> str:
        positions = self.options.positions
        if isinstance(positions, Span):
            return f"{positions.start}-{positions.end}"
        return positions

    def identity(self) -> str:
        """What decides the answers: weights, precision, the vector's content and how it is used."""
        model = f"steering/{self.model_name}@{self.served.weights}-{self.served.dtype}"
        if self.vector is None:
            return model
        layers = ",".join(map(str, self.layers_of(self.vector)))
        return f"{model}#{self.vector.sha256}:{self.options.coef!r}:{layers}:{self._where}"

    def connection_key(self) -> str:
        """One server, one limit."""
        return self.client.base_url

    def max_connections(self) -> int:
        """Samples open at once; each block's questions share `max_in_flight`."""
        return self.options.max_in_flight

    async def aclose(self) -> None:
        """Close connections."""
        await self.client.aclose()
