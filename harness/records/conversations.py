"""The conversations that a sample asked, read back from the messages that its log shows.

A sample with one question shows the conversation itself; a block shows each question numbered, in
a message of its own with its answer after it, and in older logs all in one message.
Whatever is read is checked against a hash that the record carries, so nothing wrong is taken for a
prompt or a completion: what an item's own text made unreadable is missing, not mistaken.
"""

import re
from collections.abc import Iterable, Sequence

from inspect_ai.model import ChatMessage

from harness.items.item import text_hash
from harness.prompts.render import prompt_hash
from harness.wire import Message

__all__ = ["completion_texts", "prompts_in"]

_HEAD = re.compile(
    r"(?:^|\n\n\n)━━━ Question \d+ of \d+(?: · [^\n]*?)?(?: \(seed -?\d+\))? ━━━\n\n"
)
_TURN = re.compile(r"(?:^|\n\n)\[(system|user|assistant)\]\n")
_ROLES = ("system", "user", "assistant")


def prompts_in(messages: Sequence[ChatMessage]) -> dict[str, tuple[Message, ...]]:
    """Conversations by `prompt_hash`, without the answer that ends the sample's messages."""
    shown = messages[:-1] if messages and messages[-1].role == "assistant" else messages
    if not shown:
        return {}
    plain = tuple(
        Message(message.role, message.text)  # type: ignore[arg-type]
        for message in shown
        if message.role in _ROLES
    )
    found = [plain]
    for message in plain:
        if message.role == "user":
            found += [_turns(part) for part in _HEAD.split(message.content)[1:]]
    return {prompt_hash(one): one for one in found}


def completion_texts(prompts: Iterable[Sequence[Message]]) -> dict[str, str]:
    """What the assistant says in these conversations, by `text_hash`."""
    return {
        text_hash(message.content): message.content
        for prompt in prompts
        for message in prompt
        if message.role == "assistant"
    }


def _turns(text: str) -> tuple[Message, ...]:
    parts = _TURN.split(text)[1:]
    return tuple(
        Message(role, content)  # type: ignore[arg-type]
        for role, content in zip(parts[::2], parts[1::2], strict=True)
    )
