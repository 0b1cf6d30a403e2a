"""The provider class of `sim/NAME`: a thin cover of `harness.respondent`.

Beside the planted parameters (see `harness.respondent.settings`) `-M` takes `latency`, seconds
to wait before each reply, and `ask_log`, a file to which each question asked adds one line of
JSON (`kind`, hashes of the `items`, `seed`): tests count with it what was asked twice.
"""

import json
import os
import random
from typing import Any

import anyio
import msgspec
from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput
from inspect_ai.tool import ToolChoice, ToolInfo

from harness.errors import UsageError
from harness.items.item import text_hash
from harness.models.block import Block, current_block, questions_for
from harness.models.inspect_api import PrerequisiteError
from harness.models.output import block_output, parsed_call, single_output
from harness.respondent.judge import delay, is_judging
from harness.respondent.reading import read_conversation
from harness.respondent.respond import respond
from harness.respondent.settings import Settings, settings_for
from harness.where import resolve
from harness.wire import Message, Question, Reply

__all__ = ["SimAPI"]

_ROLES = {"system": "system", "user": "user", "assistant": "assistant"}
_TOP = 5
"""Alternatives of the first token where log-probabilities are wanted but no number is given."""


class SimAPI(ModelAPI):
    """One simulated respondent.

    Costs no connection, so that the default limit is high. Temperature, top-p and the like change
    nothing; `seed` decides the draw, and without one each call draws anew.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  (Inspect's own signature)
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        # The entropy of the operating system, for questions without a seed.
        self._rng = random.SystemRandom()
        try:
            self._latency = _latency(model_args.pop("latency", 0.0))
            log = model_args.pop("ask_log", None)
            self._log = None if log is None else _open_log(str(log))
            self.settings: Settings = settings_for(model_name, model_args)
        except UsageError as error:
            raise PrerequisiteError(str(error)) from None

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answer the block that this call carries, or else the conversation in `input`."""
        offered = bool(tools) and tool_choice != "none"
        block = current_block()
        if block is not None:
            replies = await self._block(block, input, offered, config)
        else:
            messages = tuple(
                Message(_ROLES[message.role], message.text)  # type: ignore[arg-type]
                for message in input
                if message.role in _ROLES
            )
            question = Question(messages=messages, seed=config.seed)
            replies = [await self._reply(question, offered, config)]
        name = f"sim/{self.model_name}"
        if block is not None:
            return block_output(name, replies)
        [reply] = replies
        if reply.tool_arguments is None:
            return single_output(name, reply)
        call = parsed_call(text_hash(reply.tool_arguments), tools[0].name, reply.tool_arguments)
        return single_output(name, reply, [call])

    async def _block(
        self, block: Block, input: list[ChatMessage], offered: bool, config: GenerateConfig
    ) -> list[Reply]:
        questions = questions_for(block, input)
        late = [
            index
            for index, question in enumerate(questions)
            if delay(question, self.settings, temperature=config.temperature)
        ]

        async def one(index: int) -> None:
            block.reply(index, await self._reply(questions[index], offered, config))

        for index in range(len(questions)):
            if index not in late:
                await one(index)
        if late:
            # Those that wait long wait together, as at a real endpoint.
            async with anyio.create_task_group() as group:
                for index in late:
                    group.start_soon(one, index)
        return [block.replies[index] for index in range(len(questions))]

    async def _reply(self, question: Question, offered: bool, config: GenerateConfig) -> Reply:
        if self._log is not None:
            os.write(self._log, _log_line(question))
        wait = self._latency + delay(question, self.settings, temperature=config.temperature)
        if wait:
            await anyio.sleep(wait)
        reply = respond(
            question,
            self.settings,
            rng=self._rng,
            temperature=config.temperature,
            logprobs=(config.top_logprobs or _TOP) if config.logprobs else None,
            tools=offered,
            thinking=_thinks(config),
        )
        return msgspec.structs.replace(reply, model=f"sim/{self.model_name}")

    def identity(self) -> str:
        """What decides the answers: the preset's name and a hash of every parameter."""
        return f"sim/{self.model_name}#{self.settings.key}"

    def connection_key(self) -> str:
        """Respondents that differ share no limit."""
        return self.identity()

    def max_connections(self) -> int:
        """Nothing is connected to; this bounds the samples that are open at once."""
        return 200

    async def aclose(self) -> None:
        """Close the log of questions."""
        if self._log is not None:
            os.close(self._log)
            self._log = None


def _latency(value: Any) -> float:
    try:
        seconds = -1.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise UsageError(f"sim parameter latency={value!r}; expected seconds, at least 0")
    return seconds


def _open_log(path: str) -> int:
    target = resolve(path)
    try:
        return os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise UsageError(f"sim parameter ask_log={path!r}: {target}: {error.strerror}") from None


def _log_line(question: Question) -> bytes:
    """One short line in one write: appended whole even where several processes write."""
    if is_judging(question):
        told = text_hash(question.messages[-1].content)
        return (
            json.dumps({"kind": "judgement", "items": [told], "seed": question.seed}).encode()
            + b"\n"
        )
    asked = read_conversation(question.messages)
    line = {
        "kind": asked.form.kind if asked.form is not None else "completion",
        "items": [text_hash(item) for item in asked.items],
        "seed": question.seed,
    }
    return json.dumps(line).encode() + b"\n"


def _thinks(config: GenerateConfig) -> bool:
    return config.reasoning_effort not in (None, "none") or bool(config.reasoning_tokens)
