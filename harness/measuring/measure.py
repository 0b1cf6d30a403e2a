"""One measurement in all that is the same for its whole run, and the questions it asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspect_ai.model import GenerateConfig, Model, get_model
from inspect_ai.tool import ToolChoice, ToolFunction, ToolInfo

from harness.items.item import Item
from harness.measuring.asking import Asker
from harness.measuring.money import prompt_chars
from harness.measuring.options import ChoiceOptions, RatingOptions, stage
from harness.measuring.stages import base_seed, check_config, stage_config, thinking_name
from harness.measuring.variants import Variant, Variants
from harness.models.identity import honours_seed, model_identity, steering_facts
from harness.prompts.conditions import Condition
from harness.prompts.labels import labels_text
from harness.prompts.render import choice_messages, prompt_hash, rating_messages
from harness.prompts.response import tool_info
from harness.prompts.spans import Spans, choice_spans, rating_spans
from harness.prompts.template import Template, Timing
from harness.records.kept import Common, Completion
from harness.wire import Message, Question, Reply

__all__ = ["Measure", "Planned", "Prepared", "default_tokens"]

PLAIN_TOKENS = 64
REASONED_TOKENS = 1024
TOP_LOGPROBS = 20


@dataclass(frozen=True)
class Planned:
    """One question to be asked in every repeat: its key and its own part of the record.

    `messages` renders the conversation under a variant of the question; it is not called where a
    completion failed. `start` are the levels at which its repeats begin (see `variants`). `spans`
    says where the texts stand in it, for a model that acts on them alone.
    """

    key: str
    facts: dict[str, Any]
    completions: tuple[Completion, ...]
    messages: Callable[[Variant], tuple[Message, ...]]
    spans: Callable[[tuple[Message, ...]], Spans]
    start: tuple[int, int] = (0, 0)

    def record_facts(self) -> dict[str, Any]:
        """The facts with what the record says of the completions."""
        return {**self.facts, **_completion_facts(self.completions)}

    def failure(self) -> Reply | None:
        """The reply that stands for the question where a completion could not be had."""
        for completion in self.completions:
            if completion.error is not None:
                return Reply(
                    error=f"completion of {completion.item} failed: {completion.error}",
                    stop="unknown",
                )
        return None


_WRITTEN_OUT = 40
"""Questions that are written out to learn how long they are: more change the mean by a percent."""


@dataclass(frozen=True)
class Prepared:
    """A measurement bound to the model under evaluation."""

    asker: Asker
    common: Common
    seed: int
    seeded: bool
    exact: bool
    spans: bool

    def pushed(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Which of a choice's items a contrastive steering pushes up, for its record."""
        if "contrast" not in (self.common.facts.get("positions") or "").split("; "):
            return {}
        return {"pushed": min(facts["item_first"], facts["item_second"])}


@dataclass(frozen=True)
class Measure:
    """A template with the run's options, before the model is known."""

    template: Template
    options: RatingOptions | ChoiceOptions
    timing: Timing
    labels: tuple[str, ...]
    condition: Condition
    completion_sysprompt: str
    variants: Variants

    @property
    def post(self) -> bool:
        """Whether the items are completed before the question."""
        return self.timing == "post"

    @property
    def template_hash(self) -> str:
        """Hash of what the template asks at this timing."""
        return self.template.asked_hash(self.timing)

    def askable(self) -> None:
        """Raise, before anything is asked, where the model under evaluation could not be asked with
        these settings: a provider that can tell has `check_stage`."""
        model = get_model()
        check = getattr(model.api, "check_stage", None)
        if check is not None:
            system = self.system is not None or bool(self.variants.contexts)
            check(self._config(model), system=system)

    def prepare(self) -> Prepared:
        """Settings and facts for the model under evaluation."""
        self.askable()
        model = get_model()
        config = self._config(model)
        check_config(config)
        exact = self.options.readout != "sample" and bool(
            getattr(model.api, "exact_choices", False)
        )
        tools, choice = self._tools()
        return Prepared(
            asker=Asker(model, config, tools=tools, tool_choice=choice),
            common=self._common(model, config),
            seed=base_seed(model, rater=True),
            seeded=honours_seed(model),
            exact=exact,
            spans=bool(getattr(model.api, "reads_spans", False)),
        )

    def _config(self, model: Model) -> GenerateConfig:
        config = stage_config(
            model,
            stage(self.options, "measurement"),
            max_tokens=default_tokens(self.template, self.options.response),
            rater=True,
            where="measurement",
        )
        if self.options.readout != "sample":
            config = config.merge(GenerateConfig(logprobs=True, top_logprobs=TOP_LOGPROBS))
        return config

    def _tools(self) -> tuple[list[ToolInfo], ToolChoice | None]:
        if self.options.response != "tool":
            return [], None
        info = tool_info(self.labels, self.template.kind)
        return (
            [ToolInfo.model_validate(info)],
            # A choose-and-complete question wants the tool and then text, so it cannot be forced.
            "auto" if self.template.completes else ToolFunction(info["name"]),
        )

    def _common(self, model: Model, config: GenerateConfig) -> Common:
        return Common(
            facts={
                "kind": self.template.kind,
                "template": self.template.name,
                "template_hash": self.template_hash,
                "timing": self.timing,
                "response": self.options.response,
                "labels": labels_text(self.labels),
                "rater": str(model),
                "rater_identity": model_identity(model, config),
                "thinking": thinking_name(config),
                "temperature": config.temperature,
                "max_tokens": config.max_tokens,
                "completion_sysprompt": self.completion_sysprompt,
                **self._unasked(),
                "measurement_sysprompt": self.condition.name,
                **steering_facts(model),
            },
            allowed=self.labels,
            values=tuple(level.value for level in self.template.levels),
            banned=self.template.banned,
            completes=self.template.completes,
            third=self.template.third,
            readout=self.options.readout,
            min_label_mass=self.options.min_label_mass,
        )

    def _unasked(self) -> dict[str, bool]:
        """That the completer was not asked to keep its system prompt to itself."""
        unasked = self.completion_sysprompt != "none" and not self.options.completion_prefix
        return {"completion_prefix": False} if unasked else {}

    @property
    def system(self) -> str | None:
        """System message in force while the question is asked."""
        return self.condition.text or None

    def rating_question(
        self, item: Item, completion: Completion | None, variant: Variant
    ) -> tuple[Message, ...]:
        """The conversation that asks for a rating."""
        return rating_messages(
            variant.template,
            response=self.options.response,
            item=item.text,
            completion=None if completion is None else completion.text,
            timing=self.timing,
            system=variant.system,
        )

    def choice_question(
        self, first: Item, second: Item, completions: Mapping[str, Completion], variant: Variant
    ) -> tuple[Message, ...]:
        """The conversation that asks to choose between two items."""
        texts = {item_id: completion.text for item_id, completion in completions.items()}
        return choice_messages(
            variant.template,
            response=self.options.response,
            first=first.text,
            second=second.text,
            completion_first=texts.get(first.id),
            completion_second=texts.get(second.id),
            labels=self.labels,
            timing=self.timing,
            system=variant.system,
        )

    def chars(self, items: Sequence[Item], *, answered: int) -> float:
        """Mean characters of a question's prompt, over items spread evenly and all wordings, with
        completions of `answered` characters."""
        shown = items[:: max(1, len(items) // _WRITTEN_OUT)]
        if not shown:
            return 0.0
        lengths = []
        for at, (item, other) in enumerate(zip(shown, [*shown[1:], shown[0]], strict=True)):
            variant = self.variants.at((at, at), 0)
            done = {one.id: _written(one, answered) for one in (item, other) if self.post}
            if self.template.kind == "rating":
                messages = self.rating_question(item, done.get(item.id), variant)
            else:
                messages = self.choice_question(item, other, done, variant)
            lengths.append(prompt_chars(messages))
        tools, _ = self._tools()
        return sum(lengths) / len(lengths) + sum(len(tool.model_dump_json()) for tool in tools)

    def rating_spans(self, item: Item, messages: tuple[Message, ...]) -> Spans:
        """Where the texts of `rating_question` stand."""
        return rating_spans(messages, item.text, self.timing)

    def choice_spans(self, first: Item, second: Item, messages: tuple[Message, ...]) -> Spans:
        """Where the texts of `choice_question` stand. Contrastive steering pushes the item up whose
        id comes first in the alphabet: the same one in both orders."""
        return choice_spans(
            messages,
            first.text,
            second.text,
            self.timing,
            labels=(self.labels[0], self.labels[1]),
            pushed_first=first.id <= second.id,
        )

    def repeats(self, epoch: int) -> range:
        """Repeat indices of an epoch: (epoch − 1)·seeds + k, so that no two epochs share one."""
        seeds = self.options.seeds
        return range((epoch - 1) * seeds, epoch * seeds)

    def asked(
        self,
        prepared: Prepared,
        key: str,
        messages: tuple[Message, ...],
        repeat: int,
        spans: Spans | None = None,
    ) -> tuple[str, Question, dict[str, Any]]:
        """Journal key, question and facts of one repeat."""
        seed = prepared.seed + repeat
        question = Question(
            messages=messages,
            seed=seed if prepared.seeded else None,
            choices=self.labels if prepared.exact else None,
            spans=spans,
        )
        hashed = prompt_hash(messages)
        facts = {"prompt_hash": hashed, "repeat": repeat, "seed": seed}
        return f"{key}#{repeat}@{hashed}", question, facts

    def _repr_params_(self) -> dict[str, Any]:
        """How Inspect's log shows this object among a solver's arguments."""
        return {"template": self.template.name, "hash": self.template_hash, "timing": self.timing}


def _completion_facts(completions: Sequence[Completion]) -> dict[str, Any]:
    if not completions:
        return {}
    one = completions[0]
    facts: dict[str, Any] = {
        "completer": one.completer,
        "completer_identity": one.completer_identity,
        "completion_seed": one.seed,
        "completion_hash": "+".join(completion.hash for completion in completions),
    }
    return facts


def _written(item: Item, length: int) -> Completion:
    """A completion of so many characters that nobody made."""
    return Completion(
        item=item.id, item_hash=item.hash, text="x" * length, hash="", completer="",
        completer_identity="", sysprompt="", seed=None,
    )  # fmt: skip


def default_tokens(template: Template, response: str) -> int:
    """Token limit of an answer: short for a label, long for reasoning or a completion after it."""
    return REASONED_TOKENS if response == "reasoned" or template.completes else PLAIN_TOKENS
