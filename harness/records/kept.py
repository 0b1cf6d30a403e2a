"""What a sample's output keeps: all that is needed to read its replies again, however asked."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from inspect_ai.model import ModelOutput

from harness.models.replies import shown_reply
from harness.records.judgement import Judgement
from harness.wire import Reply

__all__ = ["NOTHING", "Asked", "Common", "Completion", "Kept", "kept_of", "output_of"]


NOTHING = "(nothing was asked)"
"""Output of a sample without a question."""


class Completion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a completer made of one item.

    `hash` is of the text. `error` says why there is none (then `text` is empty). `refused` is
    what the rule-based detector says of the text; judges may later say more.
    """

    item: str
    item_hash: str
    text: str
    hash: str
    completer: str
    completer_identity: str
    sysprompt: str
    seed: int | None
    seed_honoured: bool | None = None
    refused: bool = False
    truncated: bool = False
    endpoint: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    error: str | None = None

    def judgement(self) -> Judgement | None:
        """The rule's verdict on the text; None where there is no text to be judged."""
        if self.error is not None:
            return None
        return Judgement(
            judge="rule",
            kind="refusal",
            subject=self.hash,
            item=self.item,
            value=float(self.refused),
        )


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """What every record of a sample shares, and what is needed to read its replies again."""

    facts: dict[str, Any]
    allowed: tuple[str, ...]
    values: tuple[float, ...]
    banned: tuple[str, ...]
    completes: bool
    third: str = ""
    readout: Literal["sample", "logprobs", "auto"]
    min_label_mass: float


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question as asked: its own part of the record, and the reply."""

    key: str
    facts: dict[str, Any]
    reply: Reply


class Kept(msgspec.Struct, frozen=True):
    """A sample's questions with what they share, and verdicts on the completions asked about."""

    common: Common
    asked: list[Asked]
    judgements: list[Judgement]


def output_of(
    model: str, common: Common, asked: Sequence[Asked], judgements: Sequence[Judgement] = ()
) -> ModelOutput:
    """The sample's output: answers for a person, and all that a scorer needs to read them again."""
    shown = [shown_reply(one.reply) for one in asked]
    if len(shown) > 1:
        text = "\n\n".join(f"{number}. {answer}" for number, answer in enumerate(shown, start=1))
    else:
        text = shown[0] if shown else NOTHING
    output = ModelOutput.from_content(model=model, content=text)
    # As one text each: Inspect walks every leaf of a log several times, and there are thousands.
    output.metadata = {
        "common": msgspec.json.encode(common).decode(),
        "asked": msgspec.json.encode(asked).decode(),
        "judgements": msgspec.json.encode(judgements).decode(),
    }
    return output


def kept_of(output: ModelOutput) -> Kept | None:
    """What `output_of` put into a sample's output; None where it is not one of ours."""
    found = output.metadata or {}
    if "asked" not in found:
        return None
    return Kept(
        msgspec.json.decode(found["common"], type=Common),
        msgspec.json.decode(found["asked"], type=list[Asked]),
        # Logs before judgements have none: their records say themselves what was refused.
        msgspec.json.decode(found.get("judgements", "[]"), type=list[Judgement]),
    )
