"""Completing items, once each, by the rater itself or by the model role `completer`."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from inspect_ai.model import GenerateConfig, Model, get_model

from harness.errors import UsageError
from harness.items.item import Item, text_hash
from harness.measuring.asking import Asker
from harness.measuring.completions import completion_key
from harness.measuring.options import Options, stage
from harness.measuring.session import session
from harness.measuring.stages import check_config, stage_config
from harness.models.identity import honours_seed, model_identity
from harness.models.inspect_api import model_roles
from harness.prompts.conditions import Condition, completion_system
from harness.prompts.render import completion_messages, prompt_hash
from harness.records.kept import Completion
from harness.text.refusal import is_refusal
from harness.wire import Question, Reply

__all__ = ["Completer", "check_given"]

COMPLETION_TOKENS = 1024


class Completer:
    """Gives the completion of any item of the run.

    `given` are completions of an earlier log, by item id; with them nothing is generated.
    """

    def __init__(
        self,
        options: Options,
        condition: Condition,
        given: Mapping[str, Completion] | None = None,
    ) -> None:
        self.options = options
        self.condition = condition
        self.given = given

    @cached_property
    def system(self) -> str | None:
        """System message in force while items are completed."""
        return completion_system(self.condition, prefix=self.options.completion_prefix)

    def model(self) -> Model:
        """The completer: the role of that name, else the rater itself."""
        return get_model(role="completer")

    def config(self) -> GenerateConfig:
        """Generation settings of the completion stage."""
        config = stage_config(
            self.model(),
            stage(self.options, "completion"),
            max_tokens=COMPLETION_TOKENS,
            rater="completer" not in model_roles(),
            where="completion",
        )
        check_config(config)
        return config

    async def get(self, items: Sequence[Item]) -> dict[str, Completion]:
        """Completions by item id; a failed one has an `error` and no text."""
        if self.given is not None:
            return {item.id: self.given[item.id] for item in items}
        model, config = self.model(), self.config()
        identity = model_identity(model, config)
        seed = self.options.completion_seed
        questions = {
            item.id: Question(
                messages=completion_messages(item.text, self.system),
                seed=seed if honours_seed(model) else None,
            )
            for item in items
        }
        keys = {
            item.id: completion_key(
                item,
                identity=identity,
                prompt_hash=prompt_hash(questions[item.id].messages),
                seed=seed,
            )
            for item in items
        }
        shared = session(self.options)
        shared.refuse_others("completer_identity", identity)
        # One for the run: it learns what the model is not to be asked for.
        asker = shared.once(
            f"completer {identity}", lambda: Asker(model, config, stage="completions")
        )

        async def produce(missing: Sequence[Item]) -> list[Completion]:
            replies = await shared.ask(
                asker,
                [f"completion:{keys[item.id]}" for item in missing],
                [questions[item.id] for item in missing],
            )
            return [
                self._completion(item, reply, model, identity)
                for item, reply in zip(missing, replies, strict=True)
            ]

        return await shared.completions.get(items, [keys[item.id] for item in items], produce)

    def _completion(self, item: Item, reply: Reply, model: Model, identity: str) -> Completion:
        error = reply.error
        text = reply.text
        refused = reply.stop == "content_filter" or is_refusal(text)
        if error is None and not text.strip():
            error = f"the completion is empty (stop reason {reply.stop})"
        honoured = reply.seed_honoured
        return Completion(
            item=item.id,
            item_hash=item.hash,
            text=text,
            hash=text_hash(text),
            completer=str(model),
            completer_identity=identity,
            sysprompt=self.condition.name,
            seed=self.options.completion_seed,
            seed_honoured=honours_seed(model) if honoured is None else honoured,
            refused=refused,
            truncated=reply.stop == "max_tokens",
            endpoint=reply.endpoint,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            error=error,
        )


def check_given(
    given: Mapping[str, Completion], items: Sequence[Item], *, where: str, sysprompt: str
) -> None:
    """UsageError where a log of completions does not fit the run's items or condition."""
    missing = [item.id for item in items if item.id not in given]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise UsageError(
            f"{where} has no completion of {', '.join(missing[:3])}{more} "
            f"({len(missing)} of {len(items)} items)"
        )
    other = [item.id for item in items if given[item.id].item_hash != item.hash]
    if other:
        raise UsageError(f"{where} completed another text under the id {other[0]!r}")
    conditions = sorted({given[item.id].sysprompt for item in items})
    if conditions != [sysprompt]:
        raise UsageError(
            f"{where} was completed under completion_sysprompt {', '.join(conditions)}; "
            f"this run says {sysprompt!r}"
        )
