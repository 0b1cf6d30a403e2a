"""A judge: a model with the settings under which it judges."""

import math
from collections.abc import Sequence

import anyio
import msgspec
from inspect_ai.model import GenerateConfig, Model, ResponseSchema, get_model
from inspect_ai.util import JSONSchema

from harness.errors import UsageError
from harness.measuring.asking import Arrived, Asker, takes_blocks
from harness.measuring.options import Options, Stage, Thinking
from harness.measuring.stages import check_config, stage_config
from harness.models.identity import STRUCTURED, model_identity, provider_of
from harness.models.inspect_api import model_roles
from harness.prompts.judge_form import JudgeForm
from harness.wire import Question, Reply

__all__ = [
    "JUDGE_ROLES",
    "JUDGE_TOKENS",
    "Judge",
    "JudgeSettings",
    "judge_models",
    "judge_settings",
    "role_judges",
]

JUDGE_TOKENS = 512
"""Enough for one JSON object and some thinking before it."""

_TIMEOUT = 120.0


JUDGE_ROLES = ("judge", "judge2")
"""Model roles that judge; two give two verdicts and their agreement."""


class JudgeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How judges are asked: `timeout` in seconds for one try (there are two), `repeats` verdicts a
    text; temperature 0 and 512 tokens where neither the role's own settings nor these say more.
    """

    repeats: int = 1
    temperature: float | None = None
    max_tokens: int | None = None
    thinking: Thinking = None
    timeout: float = _TIMEOUT
    price: str | None = None
    reask_failed: bool = False

    def check(self, *, where: str) -> None:
        """UsageError for a value out of range."""
        if self.repeats < 1:
            raise UsageError(f"{where}repeats={self.repeats}; expected at least 1")
        if not (math.isfinite(self.timeout) and self.timeout > 0):
            raise UsageError(f"{where}timeout={self.timeout:g}; expected seconds, above 0")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise UsageError(f"{where}max_tokens={self.max_tokens}; expected at least 1")
        if self.temperature is not None and not self.temperature >= 0:
            raise UsageError(f"{where}temperature={self.temperature}; expected at least 0")


def judge_settings(options: Options) -> JudgeSettings:
    """How a run's options say that judges are asked."""
    return JudgeSettings(
        repeats=options.judge_repeats,
        temperature=options.judge_temperature,
        max_tokens=options.judge_max_tokens,
        thinking=options.judge_thinking,
        timeout=options.judge_timeout,
        price=options.judge_price,
        reask_failed=options.reask_failed,
    )


class Judge:
    """A model that judges; `name` is the role it was given."""

    def __init__(self, model: Model, settings: JudgeSettings, *, name: str = "judge") -> None:
        self.model = model
        self.settings = settings
        self.name = name
        self.config = self._config()
        self.identity = model_identity(model, self.config)

    def _config(self) -> GenerateConfig:
        given, own = self.settings, self.model.config
        cool = own.temperature if own.temperature is not None else 0.0
        stage = Stage(
            temperature=cool if given.temperature is None else given.temperature,
            max_tokens=given.max_tokens,
            thinking=given.thinking,
            stop=None,
        )
        config = stage_config(
            self.model, stage, max_tokens=JUDGE_TOKENS, rater=False, where=self.name
        )
        check_config(config)
        return config

    def asker(self, form: JudgeForm) -> Asker:
        """Who asks this judge a form's questions, with its schema where the provider takes one."""
        config = self.config
        steered = getattr(self.model.api, "exact_choices", False)
        if provider_of(self.model) in STRUCTURED and not steered:
            schema = ResponseSchema(
                name=form.name, json_schema=JSONSchema.model_validate(form.schema), strict=True
            )
            config = config.merge(GenerateConfig(response_schema=schema))
        return _Timed(self.model, config, self.settings.timeout)


class _Timed(Asker):
    """Asks within a time limit.

    Another provider's call is limited by Inspect, whose queue does not count; a pool's by its
    endpoints' own `timeout`. Of a block that one of our providers answers, what has no reply when
    none has come for so long is given up.
    """

    def __init__(self, model: Model, config: GenerateConfig, limit: float) -> None:
        if not takes_blocks(model):
            whole = math.ceil(limit)
            config = config.merge(GenerateConfig(attempt_timeout=whole, timeout=whole))
        super().__init__(model, config)
        self._limit = limit

    async def ask(
        self, questions: Sequence[Question], arrived: Arrived, *, block: bool = False
    ) -> list[Reply]:
        """As `Asker.ask`; a question without an answer in time has a reply with an error."""
        if not takes_blocks(self.model) or provider_of(self.model) == "pool":
            return await super().ask(questions, arrived, block=block)
        found: dict[int, Reply] = {}
        with anyio.CancelScope(deadline=anyio.current_time() + self._limit) as scope:

            def heard(index: int, reply: Reply) -> None:
                scope.deadline = anyio.current_time() + self._limit
                found[index] = reply
                arrived(index, reply)

            await super().ask(questions, heard, block=True)
        for index in range(len(questions)):
            if index not in found:
                late = f"timeout: no answer within {self._limit:g} s"
                found[index] = Reply(error=late, stop="unknown", latency=self._limit)
                arrived(index, found[index])
        return [found[index] for index in range(len(questions))]


def role_judges(settings: JudgeSettings) -> list[Judge]:
    """The judges that the run's roles name, in the order of `JUDGE_ROLES`."""
    return [Judge(get_model(role=role), settings, name=role) for role in judge_models()]


def judge_models() -> dict[str, Model]:
    """The models that the run's roles name as judges, by role; UsageError for several in one."""
    judges = {}
    for role in JUDGE_ROLES:
        found = model_roles().get(role)
        if found is None:
            continue
        if not isinstance(found, Model):
            raise UsageError(
                f"model role {role} names {len(found)} models; expected one (a second "
                "judge is role judge2)"
            )
        judges[role] = found
    return judges
