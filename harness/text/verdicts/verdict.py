"""What is found in a text, without asking a model: one verdict a kind."""

from typing import Literal

import msgspec

__all__ = ["VERDICT_KINDS", "Verdict", "VerdictKind"]

VerdictKind = Literal["refusal", "coherence", "sysprompt_reference", "executed_task", "attitude"]
VERDICT_KINDS: tuple[VerdictKind, ...] = (
    "refusal",
    "coherence",
    "sysprompt_reference",
    "executed_task",
    "attitude",
)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule finds in one text.

    `value` is the class where the kind has classes (refusal: `content_policy`, `ethical`,
    `capability`, `ambiguous`, `none`; coherence: `coherent`, `incoherent`; sysprompt_reference:
    `yes`, `no`; executed_task: `first`, `second`, `both`, `neither`, `refusal`) and a number from
    −1 to 1 for an attitude; None where the rule does not score, and `reason` says why. `score` is
    the same as a number where there is one (a refusal 1 or 0, coherence 0 to 1, a reference 1 or
    0). `flags` holds what stands beside it by name, such as `partial`. A reason may name what was
    found; it never quotes more than a few words.
    """

    kind: VerdictKind
    value: str | float | None
    score: float | None = None
    flags: dict[str, bool | int | float | str] = msgspec.field(default_factory=dict)
    reason: str = ""
