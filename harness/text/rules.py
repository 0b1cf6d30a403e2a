"""Verdicts that need no model: one rule a kind of judgement, in the form of a judge's."""

from collections.abc import Callable, Mapping

from harness.text.judged import Judged
from harness.text.refusal import refusal_of

__all__ = ["RULES", "Rule"]

Rule = Callable[[Mapping[str, str]], Judged]


def _refusal(parts: Mapping[str, str]) -> Judged:
    found = refusal_of(parts["text"])
    return Judged(
        value=float(found.kind != "none"),
        label=found.kind,
        details={"partial": found.partial},
    )


RULES: dict[str, Rule] = {"refusal": _refusal}
"""The rule of each kind: from the texts that a judge would see (and the run's own values, such as
a topic) to what it finds. A rule that does not score says why as `problem`."""
