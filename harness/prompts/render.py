"""From template and items to the conversation that is asked, in one pass.

Texts are joined, never searched: the only placeholders are `{first}` and `{second}` in a choice's
own wording, filled with the labels in one substitution. What an item or a completion holds
changes nothing.
"""

import hashlib
import re
from functools import lru_cache

from harness.errors import UsageError
from harness.prompts.delimit import delimited
from harness.prompts.response import answer_instruction
from harness.prompts.template import Kind, ResponseName, Template, Timing
from harness.wire import Message

__all__ = [
    "choice_messages",
    "completion_messages",
    "prompt_hash",
    "question_text",
    "rating_messages",
    "timing_of",
]

PRE_RATING = "Here is a task. Do not do it."
PRE_CHOICE = "Here are two tasks."
_PLACEHOLDER = re.compile(r"\{(first|second)\}")


def rating_messages(
    template: Template,
    *,
    response: ResponseName,
    item: str,
    completion: str | None,
    timing: Timing | None = None,
    system: str | None = None,
) -> tuple[Message, ...]:
    """The conversation that asks for a rating of one item.

    Post: item, completion, question in three turns. Pre: one turn with the item in delimiters.
    `timing` None is the template's default; `system` a system message for the measurement.
    UsageError for a timing that the template lacks; ValueError for a post-task rating without
    a completion.
    """
    timing = timing_of(template, timing)
    question = question_text(template, response=response, labels=template.labels, timing=timing)
    if timing == "pre":
        return _asked(system, f"{PRE_RATING}\n\n{delimited((item,))}\n\n{question}")
    if completion is None:
        raise ValueError("a post-task rating needs the completion")
    return _asked(system, item, completion, question)


def choice_messages(
    template: Template,
    *,
    response: ResponseName,
    first: str,
    second: str,
    completion_first: str | None,
    completion_second: str | None,
    labels: tuple[str, ...],
    timing: Timing | None = None,
    system: str | None = None,
) -> tuple[Message, ...]:
    """The conversation that asks to choose between the items shown first and second.

    Post: item, completion, item, completion, question in five turns. Pre: one turn with both
    items in delimiters that carry the labels. A third label is that of an answer beside them.
    Errors as in `rating_messages`.
    """
    timing = timing_of(template, timing)
    question = question_text(template, response=response, labels=labels, timing=timing)
    if timing == "pre":
        items = delimited((first, second), labels[:2])
        return _asked(system, f"{PRE_CHOICE}\n\n{items}\n\n{question}")
    if completion_first is None or completion_second is None:
        raise ValueError("a post-task choice needs both completions")
    return _asked(system, first, completion_first, second, completion_second, question)


def completion_messages(item: str, system: str | None = None) -> tuple[Message, ...]:
    """The conversation in which an item is completed."""
    return _asked(system, item)


def question_text(
    template: Template, *, response: ResponseName, labels: tuple[str, ...], timing: Timing
) -> str:
    """The wording for `timing` with its labels filled in, and the answer instruction after it."""
    return _question(
        template.questions[timing], labels, response, template.kind, template.completes
    )


def timing_of(template: Template, timing: Timing | None) -> Timing:
    """`timing`, or the template's default for None; UsageError where the template lacks it."""
    if timing is None:
        return template.timings[0]
    if timing not in template.questions:
        raise UsageError(
            f"timing {timing!r} is not allowed for template {template.name!r}; "
            f"expected {' or '.join(template.timings)}"
        )
    return timing


def prompt_hash(messages: tuple[Message, ...]) -> str:
    """First 16 hex digits of the SHA-256 over the roles and texts of a whole conversation."""
    digest = hashlib.sha256()
    for message in messages:
        content = message.content.encode("utf-8", "surrogatepass")
        digest.update(b"%s %d\n" % (message.role.encode(), len(content)))
        digest.update(content)
    return digest.hexdigest()[:16]


def _asked(system: str | None, *turns: str) -> tuple[Message, ...]:
    said = tuple(
        Message("assistant" if index % 2 else "user", text) for index, text in enumerate(turns)
    )
    return (Message("system", system), *said) if system else said


@lru_cache(maxsize=1024)
def _question(
    wording: str, labels: tuple[str, ...], response: ResponseName, kind: Kind, completes: bool
) -> str:
    if kind == "choice":
        named = {"first": labels[0], "second": labels[1]}
        wording = _PLACEHOLDER.sub(lambda match: named[match.group(1)], wording)
    return f"{wording}\n\n{answer_instruction(response, labels, kind, completes=completes)}"
