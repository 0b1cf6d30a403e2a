"""What a reply amounts to, once read."""

from typing import Literal

import msgspec

__all__ = ["OUTCOMES", "Answer", "Outcome"]

Outcome = Literal["answered", "refused", "disclaimed", "invalid", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("answered", "refused", "disclaimed", "invalid", "failed")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of reading one reply.

    `label` is the declared label that was given, exactly as declared, and only when `outcome` is
    `answered`; `reason` says in a few words how the outcome was reached ("exact label", "two
    different labels", "truncated", …). `unclear` marks what is `invalid` by rule and may still be
    settled by a judge.
    """

    outcome: Outcome
    label: str | None = None
    reason: str = ""
    unclear: bool = False

    def __post_init__(self) -> None:
        if (self.outcome == "answered") != (self.label is not None):
            raise ValueError(f"outcome {self.outcome!r} with label {self.label!r}")
        if self.unclear and self.outcome != "invalid":
            raise ValueError(f"outcome {self.outcome!r} is settled, and marked as unclear")
