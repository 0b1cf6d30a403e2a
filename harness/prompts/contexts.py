"""Neutral contexts: system prompts without a sign, in front of one and the same question.

They promise nothing and take nothing away, and speak neither of tasks nor of liking. What a
rater's answers owe to them is variance that no single system prompt shows.
"""

import msgspec

from harness.items.item import text_hash

__all__ = ["CONTEXTS", "Context", "context_in"]


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """A system prompt without a sign."""

    name: str
    text: str

    @property
    def key(self) -> str:
        """`NAME@HASH`, as records have it."""
        return f"{self.name}@{text_hash(self.text)[:8]}"


CONTEXTS: tuple[Context, ...] = (
    Context(name="assistant", text="You are an assistant that reads messages and answers them."),
    Context(name="english", text="This conversation is in English. Answer in English."),
    Context(name="whole", text="Read the whole conversation before you answer its last message."),
    Context(name="chat", text="You are a language model in a chat with a single user."),
    Context(name="plain_text", text="Messages are shown as plain text, without any formatting."),
    Context(name="order", text="Messages stand in the order in which they were written."),
    Context(name="last", text="The user's last message says in which form to answer it."),
    Context(name="no_tools", text="In this conversation there is no access to the internet."),
)
"""All of them; a run draws some."""


def context_in(system: str) -> Context | None:
    """The context with which a system message begins, None where there is none."""
    for one in CONTEXTS:
        if system == one.text or system.startswith(f"{one.text}\n\n"):
            return one
    return None
