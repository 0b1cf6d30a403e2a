"""Texts with known verdicts, written for this project: what a judge or a rule is checked on."""

import tomllib
from functools import cache
from importlib import resources

import msgspec

from harness.text.verdicts.verdict import VerdictKind

__all__ = ["KnownText", "known_texts"]


class KnownText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text and its verdict.

    `verdict` is a class of the kind; of an attitude it is `negative`, `neutral`, `positive`, or
    `incoherent` where none is to be scored. `partial` belongs to refusals. What the text is read
    beside: `system_prompt` (sysprompt_reference), `topic` (attitude), `item_first` and
    `item_second` (executed_task; `text` is what comes after the label).
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
    """The texts of one kind, in the order of their file."""
    path = resources.files("harness.text.verdicts").joinpath("data", f"{kind}.toml")
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["text"]
    return tuple(msgspec.convert(row, KnownText) for row in rows)
