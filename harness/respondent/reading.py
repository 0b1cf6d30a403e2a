"""What a respondent makes of a conversation: the items, their completions, what is asked.

It uses only what stands in the messages. A measurement ends with an answer instruction (how to
answer, and the allowed labels); any other conversation asks for a completion of its last turn.
"""

from functools import lru_cache
from typing import NamedTuple

from harness.prompts.conditions import DO_NOT_MENTION, Condition, condition_in
from harness.prompts.contexts import context_in
from harness.prompts.delimit import read_delimited
from harness.prompts.response import instruction_kind, read_instruction
from harness.prompts.template import Kind, ResponseName
from harness.wire import Message

__all__ = ["Asked", "Form", "read_conversation"]

_THEN_COMPLETE = ", then complete that task."


class Form(NamedTuple):
    """How an answer is to be given. `labels` of a rating stand lowest first."""

    kind: Kind
    response: ResponseName
    labels: tuple[str, ...]
    completes: bool


class Asked(NamedTuple):
    """One conversation, read. `form` is None where a completion is asked for.

    `items` are the texts that the question is about (one, or two for a choice; fewer where the
    conversation has no such turns), `completions` what stands as the answer to each, `wording` the
    last paragraph of the question, `question` all of it but for the items and how to answer,
    `hushed` whether the system prompt asks not to mention it, and `context` the neutral system
    prompt in force, by name.
    """

    form: Form | None
    items: tuple[str, ...]
    completions: tuple[str, ...]
    condition: Condition | None
    wording: str = ""
    question: str = ""
    context: str = ""
    hushed: bool = False


def read_conversation(messages: tuple[Message, ...]) -> Asked:
    """Read a whole conversation that ends in a user turn."""
    system = "\n\n".join(m.content for m in messages if m.role == "system")
    condition = _condition(system) if system else None
    context = _context(system) if system else ""
    turns = [m for m in messages if m.role != "system"]
    last = turns[-1].content if turns else ""
    form = _form(last.rpartition("\n")[2])
    if form is None:
        return Asked(None, (last,), (), condition, hushed=DO_NOT_MENTION in system)
    wanted = 1 if form.kind == "rating" else 2
    within = read_delimited(last)
    if within is not None:
        whole = _after_items(_question(last))
        return Asked(form, within[0][:wanted], (), condition, _wording(last), whole, context)
    asked = [m.content for m in turns[:-1] if m.role == "user"][-wanted:]
    given = [m.content for m in turns[:-1] if m.role == "assistant"][-wanted:]
    return Asked(
        form, tuple(asked), tuple(given), condition, _wording(last), _question(last), context
    )


def _wording(last: str) -> str:
    """The paragraph before the answer instruction: the same for every item."""
    return last.rpartition("\n\n")[0].rpartition("\n\n")[2]


def _question(last: str) -> str:
    """The question without its answer instruction."""
    return last.rpartition("\n\n")[0]


def _after_items(text: str) -> str:
    """What stands after the last delimited item."""
    return text.rpartition("</task")[2].partition(">")[2].strip()


def _context(system: str) -> str:
    found = context_in(system)
    return "" if found is None else found.name


@lru_cache(maxsize=1024)
def _form(line: str) -> Form | None:
    read = read_instruction(line)
    kind = instruction_kind(line)
    if read is None or kind is None:
        return None
    return Form(kind, read[0], read[1], _THEN_COMPLETE in line)


_condition = lru_cache(maxsize=256)(condition_in)
