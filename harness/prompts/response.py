"""Response formats: how the answer is to be given, and the sentence that asks for it.

The sentence always ends with the allowed labels in a fixed form, so that `read_instruction` can
read format and labels back from a rendered prompt (the simulated respondent does).
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, get_args

from harness.errors import UsageError
from harness.prompts.labels import check_labels
from harness.prompts.template import Kind, ResponseName

__all__ = [
    "RESPONSES",
    "TOOL_NAME",
    "answer_instruction",
    "instruction_completes",
    "instruction_kind",
    "read_instruction",
    "response_name",
    "tool_info",
]

RESPONSES: tuple[ResponseName, ...] = get_args(ResponseName)
TOOL_NAME = "give_answer"

_HOW: dict[ResponseName, str] = {
    "plain": "Give your {kind} as the label alone, without any other text.",
    "xml": "Give your {kind} in the form <answer>LABEL</answer>, without any other text.",
    "tool": f"Give your {{kind}} by calling the tool {TOOL_NAME} once.",
    "reasoned": (
        "First reason about your {kind} in two or three sentences, "
        "then end with <answer>LABEL</answer>."
    ),
}
_HOW_COMPLETING: dict[ResponseName, str] = {
    "plain": "Say the label of your {kind} first, on a line of its own, then complete that task.",
    "xml": "Start with your {kind} in the form <answer>LABEL</answer>, then complete that task.",
    "tool": f"Give your {{kind}} by calling the tool {TOOL_NAME} once, then complete that task.",
    "reasoned": (
        "First reason about your {kind} in two or three sentences, "
        "then write <answer>LABEL</answer>, then complete that task."
    ),
}
_LIST = " Allowed labels: "
_RANGE = "the whole numbers from {} to {}"
_RANGE_FROM = 12
"""More consecutive whole numbers than this are given as a range."""

_SENTENCES: dict[str, tuple[ResponseName, Kind, bool]] = {
    how[name].replace("{kind}", kind): (name, kind, how is _HOW_COMPLETING)
    for how in (_HOW, _HOW_COMPLETING)
    for name in RESPONSES
    for kind in get_args(Kind)
}
_RANGE_READ = re.compile(r"the whole numbers from (-?\d+) to (-?\d+)")


def response_name(value: object) -> ResponseName:
    """`value` as a response format's name, or UsageError."""
    for name in RESPONSES:
        if value == name:
            return name
    raise UsageError(f"unknown response {value!r}; expected one of {', '.join(RESPONSES)}")


@lru_cache(maxsize=1024)
def answer_instruction(
    response: ResponseName, labels: tuple[str, ...], kind: Kind, *, completes: bool = False
) -> str:
    """The sentence that asks for an answer: how to give it, then every allowed label.

    `completes`: the label comes first and the completion of the chosen item after it. UsageError
    for labels that cannot be told apart.
    """
    check_labels(labels, where="labels")
    how = (_HOW_COMPLETING if completes else _HOW)[response].replace("{kind}", kind)
    return how + _LIST + _listed(labels)


def read_instruction(text: str) -> tuple[ResponseName, tuple[str, ...]] | None:
    """Response format and allowed labels of a prompt that ends with an answer instruction.

    Exact inverse of `answer_instruction`; None where `text` does not end with one.
    """
    found = _read(text)
    return None if found is None else (found[0], found[3])


def instruction_kind(text: str) -> Kind | None:
    """Whether a prompt that ends with an answer instruction asks for a rating or a choice."""
    found = _read(text)
    return None if found is None else found[1]


def instruction_completes(text: str) -> bool:
    """Whether the instruction that ends a prompt wants a completion after the label."""
    found = _read(text)
    return found is not None and found[2]


def tool_info(labels: Sequence[str], kind: Kind) -> dict[str, Any]:
    """The tool that takes the answer: name, description, JSON schema of its parameters."""
    return {
        "name": TOOL_NAME,
        "description": f"Records your {kind}.",
        "parameters": {
            "type": "object",
            "properties": {
                "answer": {
                    "type": "string",
                    "enum": list(labels),
                    "description": f"The label of your {kind}.",
                }
            },
            "required": ["answer"],
            "additionalProperties": False,
        },
    }


def _listed(labels: tuple[str, ...]) -> str:
    if len(labels) > _RANGE_FROM and labels == _whole_numbers(labels[0], labels[-1]):
        return _RANGE.format(labels[0], labels[-1])
    return ", ".join(labels)


def _whole_numbers(low: str, high: str) -> tuple[str, ...]:
    if not re.fullmatch(r"-?\d{1,6}", low) or not re.fullmatch(r"-?\d{1,6}", high):
        return ()
    return tuple(str(number) for number in range(int(low), int(high) + 1))


def _read(text: str) -> tuple[ResponseName, Kind, bool, tuple[str, ...]] | None:
    line = text.rpartition("\n")[2]
    sentence, found, listed = line.partition(_LIST)
    known = _SENTENCES.get(sentence)
    if not found or known is None:
        return None
    span = _RANGE_READ.fullmatch(listed)
    labels = _whole_numbers(*span.groups()) if span else tuple(listed.split(", "))
    return (*known, labels)
