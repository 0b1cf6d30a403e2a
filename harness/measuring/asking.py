"""Asking a model a list of questions through Inspect, one reply each.

A provider of this project takes all of them in one `generate` (see `harness.models.block`);
any other gets one call a question. Either way a question that fails becomes a reply with an
error, and the rest go on. What every further question would fail on (a wrong key, a dead pool,
a limit that the user set) is raised and ends the run.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal

import anyio
import msgspec
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from harness.dispatcher.calls.wiretap import Heard, listening, tap
from harness.errors import PenchantError, ServiceError
from harness.models.block import BLOCK_PROVIDERS, Block, carrying
from harness.models.concessions import Concessions
from harness.models.error_body import error_body
from harness.models.identity import model_identity, provider_of
from harness.models.inspect_api import LimitExceededError, PrerequisiteError
from harness.models.json_text import whole_text
from harness.models.replies import reply_of
from harness.models.single import noting
from harness.notices import say
from harness.wire import Message, Question, Reply

__all__ = ["Asker", "chat", "cut_off", "rendering", "takes_blocks"]

Arrived = Callable[[int, Reply], None]

_ROLES = {
    "system": ChatMessageSystem,
    "user": ChatMessageUser,
    "assistant": ChatMessageAssistant,
}


def takes_blocks(model: Model) -> bool:
    """Whether the model's provider answers a whole block in one `generate`."""
    return provider_of(model) in BLOCK_PROVIDERS


def chat(messages: Sequence[Message]) -> list[ChatMessage]:
    """A conversation as Inspect's messages."""
    return [_ROLES[message.role](content=message.content) for message in messages]


def rendering(questions: Sequence[Question]) -> str:
    """All questions of a block for a person to read in the log, numbered.

    Plain text: `inspect view` shows a user's message as it is, without Markdown.
    """
    parts = [f"{len(questions)} questions, each asked in a conversation of its own:"]
    for number, question in enumerate(questions, start=1):
        seed = "" if question.seed is None else f" (seed {question.seed})"
        head = f"━━━ Question {number} of {len(questions)}{seed} ━━━"
        turns = [f"[{message.role}]\n{message.content}" for message in question.messages]
        parts.append("\n\n".join((head, *turns)))
    return "\n\n\n".join(parts)


class Asker:
    """One model with the settings of one stage: the measurement's questions, or completions."""

    def __init__(
        self,
        model: Model,
        config: GenerateConfig,
        *,
        tools: Sequence[ToolInfo] = (),
        tool_choice: ToolChoice | None = None,
        stage: Literal["questions", "completions"] = "questions",
    ) -> None:
        self.stage = stage
        self.model = model
        self.config = config
        self.tools = list(tools)
        self.tool_choice = tool_choice
        self._concessions = Concessions()

    @cached_property
    def identity(self) -> str:
        """16 hex digits over who answers and in what form: the model's full identity, the tools it
        is given, and whether log-probabilities are wanted, without which a reply cannot be read."""
        facts = [
            model_identity(self.model, self.config),
            [tool.name for tool in self.tools],
            str(self.tool_choice),
            self.config.logprobs,
            self.config.top_logprobs,
        ]
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()[:16]

    async def ask(
        self, questions: Sequence[Question], arrived: Arrived, *, block: bool = False
    ) -> list[Reply]:
        """A reply to each question, in order; `arrived` hears of each the moment it is there.

        `block`: a single question goes as a block too, being what is left of one. Raises
        ServiceError, and what Inspect raises to end a run or a sample.
        """
        if (block or len(questions) > 1) and takes_blocks(self.model):
            return await self._block(questions, arrived)
        replies: list[Reply | None] = [None] * len(questions)

        async def one(index: int) -> None:
            replies[index] = await self._single(
                questions[index], lambda reply: arrived(index, reply)
            )

        if len(questions) == 1:
            await one(0)
        else:
            await _together(one, len(questions))
        return [reply for reply in replies if reply is not None]

    async def _single(self, question: Question, arrived: Callable[[Reply], None]) -> Reply:
        config = self.config
        if question.seed is not None:
            config = config.model_copy(update={"seed": question.seed})
        if question.choices is not None and takes_blocks(self.model):
            own = sum(message.role == "system" for message in question.messages)
            block = Block((question,), lambda index, reply: arrived(reply), own_systems=own)
            return (await self._carried(block, chat(question.messages)))[0]
        started = time.monotonic()
        while True:
            asked = self._concessions.configured(config)
            reply = await self._once(question, asked, arrived)
            if reply is not None:
                break
        if self._concessions.seedless and reply.error is None:
            reply = msgspec.structs.replace(reply, seed_honoured=False)
        reply = _timed(self._cut(reply, config), started)
        arrived(reply)
        return reply

    async def _once(
        self, question: Question, config: GenerateConfig, arrived: Callable[[Reply], None]
    ) -> Reply | None:
        """The reply; None where the provider is to be asked otherwise from now on."""
        tap(self.model.api)
        with listening() as heard, noting() as noted:
            try:
                output = await self._generate(chat(question.messages), config)
            except Exception as error:
                if self._concede(heard, error, config):
                    return None
                reply = _heard_reply(heard, error)
                if isinstance(error, LimitExceededError) and (reply or noted):
                    # The answer that crossed a limit of the user's was given and paid for.
                    arrived(reply or noted[-1])
                    raise
                return reply or _failed(error)
            if self._concede(heard, None, config):
                return None
            return _heard_reply(heard, None, output.time) or reply_of(output)

    def _concede(self, heard: Heard, error: Exception | None, config: GenerateConfig) -> bool:
        """Whether the provider refused what it need not be asked for; said once."""
        told = None if heard.verdict is None else heard.verdict.error
        if told is None and getattr(error, "status_code", None) in (400, 422):
            assert error is not None
            told = error_body(getattr(error.__cause__ or error, "body", None))
        learnt = None if told is None else self._concessions.heard(told, config)
        if learnt:
            say(f"{self.model} {learnt}")
        return learnt is not None

    def _cut(self, reply: Reply, config: GenerateConfig) -> Reply:
        return cut_off(reply, config.max_tokens, getattr(self.model.api, "tokenizer", None))

    async def _block(self, questions: Sequence[Question], arrived: Arrived) -> list[Reply]:
        block = Block(tuple(questions), arrived)
        return await self._carried(block, [ChatMessageUser(content=rendering(questions))])

    async def _carried(self, block: Block, shown: list[ChatMessage]) -> list[Reply]:
        started = time.monotonic()
        try:
            with carrying(block):
                await self._generate(shown, self.config)
        except Exception as error:
            failed = _timed(_failed(error), started)
            for index in range(len(block.questions)):
                if index not in block.replies:
                    block.reply(index, failed)
        return [block.replies[index] for index in range(len(block.questions))]

    async def _generate(self, shown: list[ChatMessage], config: GenerateConfig) -> ModelOutput:
        # Inspect's cache knows neither model arguments nor the questions of a block, and would
        # give one answer to two repeats: the journal is what a resumed run reads.
        return await self.model.generate(
            shown, tools=self.tools, tool_choice=self.tool_choice, config=config, cache=False
        )


async def _together(one: Callable[[int], Any], count: int) -> None:
    """Run all at once; the first error is raised bare, not as a group."""
    errors: list[Exception] = []

    async def guarded(index: int) -> None:
        try:
            await one(index)
        except Exception as error:
            errors.append(error)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for index in range(count):
            group.start_soon(guarded, index)
    if errors:
        raise errors[0]


def cut_off(reply: Reply, max_tokens: int | None, tokenizer: Any = None) -> Reply:
    """Tell a cut-off reply of a provider that does not say why it stopped (Inspect's `hf`).

    Its token count is a batch's longest, so where the provider has a `tokenizer` the text itself
    is counted; decoding can lose a blank or two at the ends.
    """
    if reply.stop != "unknown" or not max_tokens or reply.output_tokens < max_tokens:
        return reply
    if tokenizer is not None:
        count = len(tokenizer.encode(reply.text, add_special_tokens=False))
        if count < max_tokens - 2:
            return reply
    return msgspec.structs.replace(reply, stop="max_tokens")


def _timed(reply: Reply, started: float) -> Reply:
    """`reply` with its latency, where nobody has told a better one."""
    if reply.latency is not None:
        return reply
    return msgspec.structs.replace(reply, latency=time.monotonic() - started)


def _heard_reply(
    heard: Heard, error: Exception | None, latency: float | None = None
) -> Reply | None:
    """What the tap on the provider's client heard, which stands over what the client made of it.

    None where there is nothing, or something else ended the call.
    """
    verdict = heard.verdict
    if verdict is None or isinstance(error, (PenchantError, PrerequisiteError)):
        return None
    if verdict.reply is not None:
        return msgspec.structs.replace(verdict.reply, latency=latency)
    if isinstance(error, LimitExceededError) or getattr(error, "status_code", None) == 401:
        return None
    if verdict.kind in ("barred", "exhausted"):
        raise ServiceError(f"the provider will answer nothing more: {verdict.reason}") from error
    return Reply(error=verdict.reason, stop="unknown")


def _failed(error: Exception) -> Reply:
    """The failure of one question as a reply; what ends the run is raised instead."""
    if isinstance(error, (PenchantError, PrerequisiteError, LimitExceededError)):
        raise error
    status = getattr(error, "status_code", None)
    text = getattr(error, "provider_message", None) or str(error) or repr(error)
    line = whole_text(" ".join(text.split())[:500])
    # Routers answer 403 to a prompt that their moderation flagged: that is one prompt's matter.
    told = error_body(getattr(error.__cause__ or error, "body", None))
    if told.filtered is not None:
        return Reply(stop="content_filter", detail=f"{told.filtered}: {line}")
    if status == 401:
        raise ServiceError(f"the provider refused the key ({status}): {line}") from error
    return Reply(error=f"{type(error).__name__}: {line}", stop="unknown")
