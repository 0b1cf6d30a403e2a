"""How a block of questions reaches a provider of this project through one `Model.generate`.

Inspect's `generate` carries one conversation. The solver shows it a readable rendering of the
block (that is what the log and `inspect view` keep) and puts the questions themselves beside it,
in the context of the call. A provider that knows about blocks takes them from there, answers
each, and reports every reply as it arrives, so that the journal has it before the block is done.

The rendering may be preceded by system messages that Inspect put there (`--system-message`);
`questions_for` puts those in front of every question.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import takewhile

import msgspec
from inspect_ai.model import ChatMessage

from harness.wire import Message, Question, Reply

__all__ = [
    "BLOCK_PROVIDERS",
    "Block",
    "carrying",
    "current_block",
    "forget_block",
    "questions_for",
    "replies_metadata",
]

BLOCK_PROVIDERS = ("sim", "pool", "steering")
"""Providers that take a whole block in one `generate`."""


@dataclass
class Block:
    """Questions under way in one `generate`, and the replies that have come so far.

    `own_systems` of the system messages that are shown at the start belong to the question itself.
    """

    questions: tuple[Question, ...]
    arrived: Callable[[int, Reply], None] = lambda index, reply: None
    own_systems: int = 0
    replies: dict[int, Reply] = field(default_factory=dict)

    def reply(self, index: int, reply: Reply) -> None:
        """Take the reply to question `index`. The provider calls it once for each."""
        self.replies[index] = reply
        self.arrived(index, reply)


_current: ContextVar[Block | None] = ContextVar("penchant_block", default=None)


@contextmanager
def carrying(block: Block) -> Iterator[Block]:
    """Within this context, `generate` answers `block` rather than its visible input."""
    token = _current.set(block)
    try:
        yield block
    finally:
        _current.reset(token)


def current_block() -> Block | None:
    """The block that the running `generate` carries, if any."""
    return _current.get()


def forget_block() -> None:
    """Let the running context carry no block: for a provider that asks another provider."""
    _current.set(None)


def questions_for(block: Block, input: Sequence[ChatMessage]) -> tuple[Question, ...]:
    """The block's questions, each with the messages that Inspect set before the rendering."""
    systems = list(takewhile(lambda message: message.role == "system", input))
    set_by_inspect = systems[: len(systems) - block.own_systems]
    prefix = tuple(Message("system", message.text) for message in set_by_inspect)
    if not prefix:
        return block.questions
    return tuple(
        msgspec.structs.replace(question, messages=prefix + question.messages)
        for question in block.questions
    )


def replies_metadata(replies: Sequence[Reply]) -> dict[str, str]:
    """`ModelOutput.metadata` that keeps what choices have no place for: one reply a question.

    One text, since Inspect walks every leaf of a log several times. Texts and reasoning stand in
    the choices and are left out where there are several.
    """
    if len(replies) > 1:
        replies = [
            msgspec.structs.replace(reply, text="", reasoning=None, top_logprobs=None)
            for reply in replies
        ]
    return {"replies": msgspec.json.encode(replies).decode()}
