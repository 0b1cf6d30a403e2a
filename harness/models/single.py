"""The reply to a single question, noted the moment a provider of this project has it.

Inspect may end a sample after its provider has answered (a limit on tokens or dollars that this
answer crossed): the answer was given and paid for, and never comes out of `generate`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from harness.wire import Reply

__all__ = ["note", "noting"]

_noted: ContextVar[list[Reply] | None] = ContextVar("penchant_noted", default=None)


@contextmanager
def noting() -> Iterator[list[Reply]]:
    """Within this context, what providers of this project answer is put into the list."""
    replies: list[Reply] = []
    token = _noted.set(replies)
    try:
        yield replies
    finally:
        _noted.reset(token)


def note(reply: Reply) -> None:
    """A provider has answered a single question."""
    replies = _noted.get()
    if replies is not None:
        replies.append(reply)
