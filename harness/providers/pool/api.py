"""The provider class of `pool/NAME`: a thin cover of `harness.dispatcher`.

Inspect's own limiter stays outside: it holds a slot while a request waits or is retried, so all
of that happens in the pool's queue, and only what is final comes out of `generate`.
"""

import hashlib
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

import anyio
import msgspec
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from harness.dispatcher.calls.payload import Native, Payload
from harness.dispatcher.job import Ended, Job
from harness.dispatcher.poolfile import PoolSpec, key_of, load_pool
from harness.errors import PenchantError, ServiceError
from harness.models.block import Block, current_block, forget_block, questions_for
from harness.models.inspect_api import PrerequisiteError, sample_active
from harness.models.output import block_output, single_output
from harness.models.upstreams import at_router, pinned
from harness.providers.pool.open import close_pool, open_pool, shared_key, warn_of_cap
from harness.providers.pool.output import tool_call
from harness.providers.pool.request import members, options_of, request_messages, with_seed
from harness.providers.pool.steering import checked, steering_of
from harness.providers.steering.applied import refuse_unsupported
from harness.where import resolve
from harness.wire import Message, Question, Reply

__all__ = ["PoolAPI"]

_ROLES: dict[str, Any] = {
    "system": ChatMessageSystem,
    "user": ChatMessageUser,
    "assistant": ChatMessageAssistant,
}


class PoolAPI(ModelAPI):
    """One pool of a pool file. `-M`: `file` (default pools.toml), `label`, `ledger` (a path).

    A pool of steering servers takes `vector, coef, layer, positions` as `steering/NAME` does; they
    must all have the same weights and the same vector.
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
        try:
            file = str(model_args.pop("file", "pools.toml"))
            label = model_args.pop("label", None)
            ledger = model_args.pop("ledger", None)
            self.spec: PoolSpec = load_pool(
                resolve(file), model_name, label=None if label is None else str(label)
            )
            for endpoint in self.spec.endpoints:
                key_of(endpoint)
            self.applied = steering_of(self.spec, model_args)
            self.exact_choices = self.applied is not None
        except PenchantError as error:
            raise PrerequisiteError(str(error)) from None
        self._ledger = None if ledger is None else resolve(str(ledger))
        self._warned = False

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answer the block that this call carries, or else the conversation in `input`.

        Raises ServiceError when the pool is dead, RuntimeError with the endpoint's reason when a
        single conversation gets no usable answer.
        """
        if not self._warned:
            self._warned = True
            warn_of_cap(self.spec, config, blocks=current_block() is not None)
        if self.applied is not None:
            refuse_unsupported(tools, config)
            told = self.applied.template_kwargs(config)
            body = {**(config.extra_body or {}), "chat_template_kwargs": told} if told else None
            config = config.model_copy(
                update={"reasoning_effort": None, "extra_body": body or config.extra_body}
            )
        block = current_block()
        options = options_of(config, tools, tool_choice)
        if block is not None:
            call = _Call(self, tools, tool_choice, config, options)
            return await call.block(block, input)
        return await _Call(self, tools, tool_choice, config, options).single(input)

    def check_stage(self, config: GenerateConfig, *, system: bool) -> None:
        """Before a run's first call: PrerequisiteError for what steering servers could not ask."""
        if self.applied is not None:
            self.applied.template_kwargs(config)
            if system:
                self.applied.refuse_system()

    async def ask(self, job: Job, heard: Callable[[Ended], None] = lambda ended: None) -> Ended:
        """How a job of this pool ended, for `heard` see `Pool.ask`.

        ServiceError when the pool cannot go on.
        """
        pool = await open_pool(self.spec, self._ledger, self)
        ended = await pool.ask(job, heard)
        if ended.fatal is not None:
            raise ServiceError(f"pool/{self.model_name}: {ended.fatal}")
        return ended

    def context(self) -> Context | None:
        """The caller's context without its block, for endpoints that are Inspect models."""
        if all(endpoint.inspect_model is None for endpoint in self.spec.endpoints):
            return None
        context = copy_context()
        context.run(forget_block)
        return context

    def identity(self) -> str:
        """What decides the answers: model ids, label, pinned backends and extras, not the URLs."""
        facts = [
            {
                "model": e.model or e.inspect_model,
                "backends": e.backends,
                "extra_body": e.extra_body,
            }
            for e in self.spec.endpoints
        ]
        text = msgspec.json.encode(facts, order="deterministic")
        own = f"pool/{self.model_name}:{self.spec.label}#{hashlib.sha256(text).hexdigest()[:16]}"
        return own if self.applied is None else self.applied.identity(own)

    @property
    def reads_spans(self) -> bool:
        """Whether questions have to say where their texts stand (`Question.spans`)."""
        return self.applied is not None and self.applied.reads_spans

    def steering_facts(self) -> dict[str, Any]:
        """`vector, coef, layer, positions` as they are applied, for the record."""
        return {} if self.applied is None else self.applied.facts()

    def price(self) -> tuple[float, float] | None:
        """US dollars per million tokens, in and out, each the highest of any endpoint's.

        None if no endpoint's price is told.
        """
        prices = [(e.price_in, e.price_out) for e in self.spec.endpoints]
        dearest = (max(p[0] for p in prices), max(p[1] for p in prices))
        return None if dearest == (0.0, 0.0) else dearest

    def unpinned(self) -> list[str]:
        """Names of endpoints at a router that answers from whichever back end it likes."""
        return [
            f"endpoint {e.name} of pool/{self.model_name}"
            for e in self.spec.endpoints
            if at_router(e.inspect_model or "", e.url)
            and not e.backends
            and not pinned(e.extra_body.get("provider"))
        ]

    def connection_key(self) -> str:
        """Evals of one pool share its limits; pools of other files or labels do not."""
        return shared_key(self.spec)

    def max_connections(self) -> int:
        """The endpoints' sum: the pool's own limits are the ones that count."""
        return sum(endpoint.max_concurrency for endpoint in self.spec.endpoints)

    async def aclose(self) -> None:
        """Close the pool, unless another model object of this loop still uses it."""
        await close_pool(self.spec, self)


class _Call:
    """One `generate`: what all its questions share."""

    def __init__(
        self,
        api: PoolAPI,
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
        options: dict[str, Any],
    ) -> None:
        self._api = api
        self._tools = tools
        self._tool_choice = tool_choice
        self._config = config
        self._options = members(options)
        # Exact probabilities of the allowed answers stand in for those of the first token.
        exact = {k: v for k, v in options.items() if k not in ("logprobs", "top_logprobs")}
        self._exact = members(exact)
        active = sample_active()
        self._flow = "" if active is None else active.eval_id

    async def block(self, block: Block, input: list[ChatMessage]) -> ModelOutput:
        """Ask all questions at once; each reply is reported the moment it is there."""
        questions = questions_for(block, input)
        replies: list[Reply] = [Reply()] * len(questions)
        fatal: list[Exception] = []

        async def one(index: int) -> None:
            def heard(ended: Ended) -> None:
                if ended.fatal is None:
                    replies[index] = self._named(ended.reply, questions[index].seed)
                    block.reply(index, replies[index])

            try:
                await self._api.ask(self._job(questions[index]), heard)
            except Exception as error:
                # Bare: a group would hide from the caller what ended the block (a full disk).
                fatal.append(error)
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for index in range(len(questions)):
                group.start_soon(one, index)
        if fatal:
            raise fatal[0]
        return block_output(self._model, replies)

    async def single(self, input: list[ChatMessage]) -> ModelOutput:
        """Ask one conversation, whatever it holds."""
        messages = await request_messages(input)
        job = self._make(messages, self._config.seed, None, None, lambda: self._native(input, None))
        ended = await self._api.ask(job)
        reply = self._named(ended.reply, self._config.seed)
        if reply.error is not None:
            raise RuntimeError(reply.error)
        assert ended.verdict is not None
        if isinstance(ended.verdict.native, ModelOutput):
            # The provider's own output knows more than a Reply holds.
            output = ended.verdict.native
            output.metadata = {
                **(output.metadata or {}),
                **(single_output(self._model, reply).metadata or {}),
            }
            return output
        calls = [tool_call(call) for call in ended.verdict.tool_calls]
        return single_output(self._model, reply, calls)

    @property
    def _model(self) -> str:
        return f"pool/{self._api.model_name}"

    def _named(self, reply: Reply, seed: int | None) -> Reply:
        """`reply` with the model's name, and never as an answer if steered other than asked."""
        named = reply if reply.model else msgspec.structs.replace(reply, model=self._model)
        if self._api.applied is None or reply.error is not None:
            return named
        return checked(self._api.applied, named, seeded=seed is not None)

    def _job(self, question: Question) -> Job:
        def native() -> Native:
            return self._native([_chat(message) for message in question.messages], question.seed)

        messages = msgspec.json.encode(question.messages)
        return self._make(messages, question.seed, question.choices, question.spans, native)

    def _make(
        self, messages: bytes, seed: int | None, choices: Any, spans: Any, native: Any
    ) -> Job:
        most = self._config.max_tokens
        applied = self._api.applied
        steering = None if applied is None else applied.field(choices, spans)
        payload = Payload(
            messages=messages,
            options=with_seed(self._exact if choices else self._options, seed, steering),
            max_tokens=most,
            native=native,
            headers=self._config.extra_headers,
            context=self._api.context(),
        )
        return Job(
            payload=payload,
            flow=self._flow,
            kind=f"{self._flow}:{most}",
            size=len(messages) + (len(self._options) if self._tools else 0),
            max_tokens=most,
            affinity=_affinity(messages),
        )

    def _native(self, input: list[ChatMessage], seed: int | None) -> Native:
        config = self._config
        if seed is not None:
            config = config.model_copy(update={"seed": seed})
        return input, self._tools, self._tool_choice, config


def _chat(message: Message) -> ChatMessage:
    made: ChatMessage = _ROLES[message.role](content=message.content)
    return made


def _affinity(messages: bytes) -> int:
    """A number that conversations share which follow the same completion, or ask the same."""
    answered = b'{"role":"assistant"' in messages
    opening = messages[: messages.rfind(b'{"role"')] if answered else messages
    return int.from_bytes(hashlib.blake2s(opening, digest_size=4).digest(), "big")
