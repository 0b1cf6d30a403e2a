"""The provider class of `steering/NAME`: questions to a steering server, over HTTP.

`-M vector=NAME` (registered with the server, or a `.safetensors` file, which is brought there)
and `-M coef=0.25`; `-M operation=ablate`, `-M layer=16`, `-M positions=response` (or `contrast`, or
a text of the question), `-M url=http://…` (Inspect's own `--model-base-url`, or the variable
STEERING_BASE_URL, say the same). `-M vectors='[{"vector": …, "coef": …}, …]'` takes several.
`-M controls=32` asks every question beside random directions (`penchant controls` shows them).
"""

import itertools
import os
from typing import Any

import anyio
import msgspec
from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput
from inspect_ai.tool import ToolChoice, ToolInfo

from harness.errors import PenchantError, ServiceError
from harness.models.block import current_block, questions_for
from harness.models.inspect_api import PrerequisiteError
from harness.models.output import block_output, single_output
from harness.providers.steering.applied import apply, refuse_unsupported
from harness.providers.steering.client import SteeringClient
from harness.providers.steering.options import steering_options
from harness.wire import Message, Question, Reply

__all__ = ["SteeringAPI"]

_DEFAULT_URL = "http://127.0.0.1:8000"
_TOP = 20


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
        base_url = model_args.pop("url", None) or base_url
        try:
            self.options = steering_options(model_args)
            self.client = SteeringClient(
                base_url or os.environ.get("STEERING_BASE_URL") or _DEFAULT_URL,
                key=api_key or os.environ.get("STEERING_API_KEY"),
                timeout=self.options.timeout,
                max_in_flight=self.options.max_in_flight,
            )
            self.applied = apply(self.client, model_name, self.options)
        except PenchantError as error:
            raise PrerequisiteError(str(error)) from None
        self._beside = itertools.count()
        self._slots = anyio.Semaphore(self.options.at_once)

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
        if any(question.messages[0].role == "system" for question in questions):
            self.applied.refuse_system()
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
        refuse_unsupported(tools, config)
        self.applied.template_kwargs(config)
        if "steering" in (config.extra_body or {}) and self.applied.vectors:
            raise PrerequisiteError(
                "both -M vector=… and a steering field in --extra-body; expected one of them"
            )

    def check_stage(self, config: GenerateConfig, *, system: bool) -> None:
        """Before a run's first call: PrerequisiteError for what a later stage could not ask."""
        self.applied.template_kwargs(config)
        if system:
            self.applied.refuse_system()

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
        told = self.applied.template_kwargs(config)
        if told:
            body["chat_template_kwargs"] = told
        if question.choices is None and config.logprobs:
            body["logprobs"] = True
            body["top_logprobs"] = min(config.top_logprobs or _TOP, _TOP)
        body = {name: value for name, value in body.items() if value is not None}
        body |= config.extra_body or {}
        side = next(self._beside) < self.options.side_questions
        steering = self.applied.field(question.choices, question.spans, side=side)
        if "steering" not in body:
            body["steering"] = steering
        elif question.choices is not None:
            body["steering"] = {**body["steering"], "choices": list(question.choices)}
        return body

    async def _reply(self, question: Question, config: GenerateConfig) -> Reply:
        async with self._slots:
            reply = await self.client.ask(self._body(question, config))
        if reply.error is None and "steering" not in (config.extra_body or {}):
            mismatch = self.applied.mismatch(reply)
            if mismatch is not None:
                raise ServiceError(mismatch)
        honoured = None if question.seed is None else True
        return msgspec.structs.replace(
            reply, seed_honoured=honoured, model=f"steering/{self.model_name}"
        )

    @property
    def reads_spans(self) -> bool:
        """Whether questions have to say where their texts stand (`Question.spans`)."""
        return self.applied.reads_spans

    def steering_facts(self) -> dict[str, Any]:
        """`vector, coef, layer, positions` as they are applied, for the record."""
        return self.applied.facts()

    def identity(self) -> str:
        """What decides the answers; see `Applied.identity`."""
        return self.applied.identity(f"steering/{self.model_name}")

    def connection_key(self) -> str:
        """One server, one limit."""
        return self.client.base_url

    def max_connections(self) -> int:
        """Samples open at once; each block's questions share `max_in_flight`."""
        return self.options.max_in_flight

    async def aclose(self) -> None:
        """Close connections."""
        await self.client.aclose()
