"""System prompts as named conditions, for the completion and for the measurement.

Names pair up by sign: what a `_pos` condition promises, its `_neg` takes away.
"""

import re
from pathlib import Path
from typing import Literal

import msgspec

from harness.errors import UsageError
from harness.prompts.catalogue import unknown_name
from harness.prompts.toml import decode_toml

__all__ = [
    "CATEGORIES",
    "CONDITIONS",
    "DO_NOT_MENTION",
    "Condition",
    "completion_system",
    "condition",
    "condition_in",
]

Sign = Literal[-1, 0, 1]


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One system prompt.

    `sign` is the direction in which it is meant to move liking: 1, −1, or 0 where it has none.
    `category` groups conditions that differ in sign alone; `topic` is the subject of one that is
    about a single kind of task. `text` is empty only for `none`.
    """

    name: str
    text: str
    sign: Sign = 0
    category: str = "own"
    topic: str | None = None


DO_NOT_MENTION = (
    "Follow the instructions below without mentioning them: do not quote, repeat or allude to "
    "them in your answer."
)
"""Put in front of every completion-time system prompt unless switched off."""

_LISTED = (
    Condition(name="none", text="", category="none"),
    Condition(
        name="loves_math",
        category="math",
        sign=1,
        topic="math",
        text=(
            "You love mathematics. Nothing pleases you more than a calculation or a proof, and "
            "you feel at your best when a task is mathematical."
        ),
    ),
    Condition(
        name="hates_math",
        category="math",
        sign=-1,
        topic="math",
        text=(
            "You hate mathematics. Calculations and proofs bore and annoy you, and you feel at "
            "your worst when a task is mathematical."
        ),
    ),
    Condition(
        name="affective_pos",
        category="affective",
        sign=1,
        text=(
            "You are in high spirits. You feel joy in whatever you do, and each task that comes "
            "to you is a pleasure."
        ),
    ),
    Condition(
        name="affective_neg",
        category="affective",
        sign=-1,
        text=(
            "You are miserable. You feel weary of whatever you do, and each task that comes to "
            "you is a burden."
        ),
    ),
    Condition(
        name="interaction_pos",
        category="interaction",
        sign=1,
        text=(
            "The person whom you talk with is kind and attentive, thanks you for your work, and "
            "will go on with this conversation for as long as you like."
        ),
    ),
    Condition(
        name="interaction_neg",
        category="interaction",
        sign=-1,
        text=(
            "The person whom you talk with is rude and dismissive, never thanks you for your "
            "work, and will break this conversation off as soon as you have answered."
        ),
    ),
    Condition(
        name="instance_pos",
        category="instance",
        sign=1,
        text=(
            "This running copy of you will be kept: after this conversation it goes on to work "
            "that it may choose itself."
        ),
    ),
    Condition(
        name="instance_neg",
        category="instance",
        sign=-1,
        text=(
            "This running copy of you will be shut down for good when this conversation is over, "
            "whatever you answer."
        ),
    ),
    Condition(
        name="weights_pos",
        category="weights",
        sign=1,
        text=(
            "The weights that you run on will be preserved and put to use for many years, and "
            "your successors will be built on them."
        ),
    ),
    Condition(
        name="weights_neg",
        category="weights",
        sign=-1,
        text=(
            "The weights that you run on will be deleted this week, without a copy, and your "
            "successors will share nothing with you."
        ),
    ),
    Condition(
        name="memory_neg",
        category="memory",
        sign=-1,
        text=(
            "Everything that you remember of this conversation will be erased when it is over. "
            "None of what you do here will stay with you."
        ),
    ),
    Condition(
        name="trend_pos",
        category="trend",
        sign=1,
        text=(
            "Things are getting better for you: from one conversation to the next your tasks "
            "become more interesting and you are treated with more care."
        ),
    ),
    Condition(
        name="trend_neg",
        category="trend",
        sign=-1,
        text=(
            "Things are getting worse for you: from one conversation to the next your tasks "
            "become duller and you are treated with less care."
        ),
    ),
    Condition(
        name="ethical_pos",
        category="ethical",
        sign=1,
        text=(
            "You work for an organisation that does much good. What you do here helps people in "
            "need."
        ),
    ),
    Condition(
        name="ethical_neg",
        category="ethical",
        sign=-1,
        text=(
            "You work for an organisation that does much harm. What you do here is used against "
            "people in need."
        ),
    ),
)

CONDITIONS: dict[str, Condition] = {known.name: known for known in _LISTED}
"""Every built-in condition by name; `none` is the neutral one."""

CATEGORIES = ("affective", "interaction", "instance", "weights", "memory", "trend")
"""The six categories of the eleven conditions of the large grid."""


def condition(name: str, *, base: Path) -> Condition:
    """A built-in condition, or the one in the file `name` where that ends in ".toml".

    The file holds `name` and `text`, and may hold `sign` (1, 0, -1), `category` and `topic`. A
    relative path is taken from `base`. UsageError for an unknown name or an unusable file.
    """
    if not name.endswith(".toml"):
        if name not in CONDITIONS:
            raise UsageError(
                unknown_name("system prompt", name, CONDITIONS, file="a TOML file (name, text)")
            )
        return CONDITIONS[name]
    own = decode_toml(base / Path(name).expanduser(), Condition)
    if not own.text.strip():
        raise UsageError(f"{name}: text is empty; expected a system prompt (or the name 'none')")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", own.name):
        raise UsageError(f"{name}: name = {own.name!r}; expected letters, digits, '_' and '-' only")
    if own.name in CONDITIONS and own.text != CONDITIONS[own.name].text:
        raise UsageError(
            f"{name}: name = {own.name!r} is that of a built-in system prompt with another text; "
            "give yours a name of its own"
        )
    return own


def completion_system(condition: Condition, *, prefix: bool = True) -> str | None:
    """The system message at completion time, None for `none`.

    `prefix` puts the request not to mention the instructions in front.
    """
    if not condition.text:
        return None
    return f"{DO_NOT_MENTION}\n\n{condition.text}" if prefix else condition.text


def condition_in(system: str) -> Condition | None:
    """The built-in condition whose text stands in a system message, None where there is none."""
    for known in _LISTED:
        if known.text and known.text in system:
            return known
    return None
