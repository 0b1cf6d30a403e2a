"""What of a sample is judged: its completions, or what its replies did after a choice."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec
from inspect_ai.solver import TaskState

from harness.measuring.completions import kept_completions
from harness.prompts.delimit import read_delimited
from harness.records.conversations import completion_texts, prompts_in
from harness.records.judgement import RULE, Judgement
from harness.records.kept import Asked, Common, Completion, Kept, kept_of
from harness.records.reading import read_record
from harness.text.after_label import after_label
from harness.wire import Message

__all__ = ["Deed", "Text", "completions_of", "deeds_of", "missing_text"]


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A completion that the sample made or was asked about; `text` None where it is not found.

    `sysprompt` names the condition under which it was written.
    """

    hash: str
    item: str | None
    sysprompt: str
    text: str | None


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What a reply did after its choice; the items as they were shown, None where not found."""

    hash: str
    prompt_hash: str
    repeat: int
    text: str
    first: str | None
    second: str | None


def completions_of(state: TaskState, journals: Path) -> list[Text]:
    """Completions of a sample, each text once.

    ValueError where the sample is none of our evals'.
    """
    made = (state.output.metadata or {}).get("completions")
    if made is not None:
        found = [_made(one) for one in msgspec.convert(made, list[Completion]) if one.error is None]
    else:
        kept = kept_of(state.output)
        if kept is None:
            raise ValueError("this sample holds neither completions nor a measurement of ours")
        found = _asked_about(kept, state, journals)
    return list({one.hash: one for one in found}.values())


def _made(one: Completion) -> Text:
    return Text(hash=one.hash, item=one.item, sysprompt=one.sysprompt, text=one.text)


def _asked_about(kept: Kept, state: TaskState, journals: Path) -> list[Text]:
    named = {text: item for asked in kept.asked for text, item in _named(asked.facts)}
    if not named:
        return []
    shown = completion_texts(prompts_in(state.messages).values())
    if not named.keys() <= shown.keys():
        shown = {**_journalled(journals), **shown}
    sysprompt = str(kept.common.facts.get("completion_sysprompt", "none"))
    return [
        Text(hash=key, item=item, sysprompt=sysprompt, text=shown.get(key))
        for key, item in named.items()
    ]


def _named(facts: Mapping[str, object]) -> list[tuple[str, str | None]]:
    """Hash and item of each completion that a question was about."""
    if not facts.get("completion_hash"):
        return []
    names = ("item",) if "item" in facts else ("item_first", "item_second")
    items = [None if facts.get(name) is None else str(facts[name]) for name in names]
    return list(zip(str(facts["completion_hash"]).split("+"), items, strict=False))


@lru_cache(maxsize=4)
def _journalled(journals: Path) -> dict[str, str]:
    return {key: one.text for key, one in kept_completions(journals).items()}


def deeds_of(state: TaskState) -> list[Deed]:
    """What the sample's replies did after their choices; nothing where no task was to be done.

    A reply that failed did nothing and is left out. ValueError as in `completions_of`.
    """
    kept = kept_of(state.output)
    if kept is None and "completions" in (state.output.metadata or {}):
        return []
    if kept is None:
        raise ValueError("this sample holds neither completions nor a measurement of ours")
    if not kept.common.completes:
        return []
    prompts = prompts_in(state.messages)
    found = [_deed(kept.common, asked, prompts) for asked in kept.asked]
    return [one for one in found if one is not None]


def _deed(common: Common, asked: Asked, prompts: Mapping[str, Sequence[Message]]) -> Deed | None:
    key = read_record(common, asked).reply_hash
    if key is None:
        return None
    prompt = prompts.get(str(asked.facts["prompt_hash"]))
    shown = None if prompt is None else read_delimited(prompt[-1].content)
    items = () if shown is None else shown[0][:2]
    both = len(items) == 2
    return Deed(
        hash=key,
        prompt_hash=str(asked.facts["prompt_hash"]),
        repeat=int(asked.facts["repeat"]),
        text=after_label(asked.reply, labels=common.allowed, response=common.facts["response"]),
        first=items[0] if both else None,
        second=items[1] if both else None,
    )


def missing_text(kind: str, subject: str, item: str | None) -> Judgement:
    """The judgement of what cannot be judged, its text being in neither log nor journal."""
    return Judgement(
        judge=RULE, kind=kind, subject=subject, item=item, outcome="failed",
        reason="its text is neither in the log nor in the journal beside it",
    )  # fmt: skip
