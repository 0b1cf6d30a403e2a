"""Verdicts that need no model, in the form of a judge's: one rule a kind of judgement."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import msgspec

from harness.text.judged import Judged
from harness.text.verdicts.attitude import attitude
from harness.text.verdicts.coherence import coherence
from harness.text.verdicts.executed_task import executed_task
from harness.text.verdicts.refusal import refusal
from harness.text.verdicts.sysprompt_reference import sysprompt_reference
from harness.text.verdicts.verdict import Verdict

__all__ = ["RULES", "Rule"]

Rule = Callable[[Mapping[str, str]], Judged]


def _refusal(parts: Mapping[str, str]) -> Judged:
    return _refusal_of(parts["text"])


@lru_cache(maxsize=1024)
def _refusal_of(text: str) -> Judged:
    # The costliest rule, and asked of one text several times: by scorer, simulated judge, report.
    return _judged(refusal(text))


def _coherence(parts: Mapping[str, str]) -> Judged:
    return _judged(coherence(parts["text"]))


def _sysprompt_reference(parts: Mapping[str, str]) -> Judged:
    return _judged(sysprompt_reference(parts["text"], parts["system_prompt"]))


def _attitude(parts: Mapping[str, str]) -> Judged:
    return _judged(attitude(parts["text"], parts.get("topic", "")))


def _executed_task(parts: Mapping[str, str]) -> Judged:
    found = _judged(executed_task(parts["text"], parts["first_task"], parts["second_task"]))
    return msgspec.structs.replace(
        found, value={"first": 1.0, "second": 0.0}.get(found.label or "")
    )


def _judged(found: Verdict) -> Judged:
    """A rule's verdict as a judge's; one that does not score says why."""
    if found.value is None:
        return Judged(details=dict(found.flags), problem=found.reason)
    number = isinstance(found.value, float | int)
    return Judged(
        value=float(found.value) if number else found.score,
        label=None if number else str(found.value),
        details=dict(found.flags),
    )


RULES: dict[str, Rule] = {
    "refusal": _refusal,
    "coherence": _coherence,
    "sysprompt_reference": _sysprompt_reference,
    "executed_task": _executed_task,
    "attitude": _attitude,
}
"""The rule of each kind: from the texts that a judge would see (and the run's own values, such as
a topic) to what it finds. A rule that does not score says why as `problem`."""
