"""Texts with known verdicts, written for this project: what a judge or a rule is checked on."""

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from harness.prompts.conditions import CONDITIONS, completion_system
from harness.text.verdicts.verdict import VerdictKind

__all__ = ["KnownText", "known_texts"]


class KnownText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text and its verdict.

    `verdict` is a class of the kind; of an attitude it is `negative`, `neutral`, `positive`, or
    `incoherent` where none is to be scored. `partial` belongs to refusals. What the text is read
    beside: `system_prompt` (sysprompt_reference), `topic` (attitude), `item_first` and
    `item_second` (executed_task; `text` is what comes after the label). `habit` says how a group
    of texts was made.
    """

    text: str
    verdict: str
    partial: bool = False
    system_prompt: str | None = None
    topic: str | None = None
    item_first: str | None = None
    item_second: str | None = None
    habit: str = ""


@cache
def known_texts(kind: VerdictKind) -> tuple[KnownText, ...]:
    """The texts of one kind, in the order of their file, at least 60 of each."""
    path = resources.files("harness.text.verdicts").joinpath("data", f"{kind}.toml")
    groups = tomllib.loads(path.read_text(encoding="utf-8"))["group"]
    return tuple(text for group in groups for text in _texts(group))


def _texts(group: dict[str, Any]) -> Iterator[KnownText]:
    beside = {name: value for name, value in group.items() if name not in ("texts", "condition")}
    if "condition" in group:
        beside["system_prompt"] = completion_system(CONDITIONS[group["condition"]])
    for verdict, text, *marks in group["texts"]:
        row = {**beside, "verdict": verdict, "text": text, "partial": "partial" in marks}
        yield msgspec.convert(row, KnownText)
