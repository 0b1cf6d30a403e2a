"""Tokens to text, as they come: whole characters only, cut at stop strings.

Streaming and not streaming use the same object, so the text of one is the text of the other.
"""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["ReplyText"]

_BROKEN = "�"
"""What a decoder shows for bytes that are not yet a whole character."""


class ReplyText:
    """The text of one reply. `stops` are strings that end it and are not part of it; `marks` are
    tokens that are shown as they are, special or not.

    `push` returns the text that a token makes certain: characters that may still turn out to be
    the beginning of a stop string, or whose bytes are incomplete, wait for the next token.
    """

    def __init__(
        self,
        tokenizer: Any,
        stops: Sequence[str] = (),
        marks: Mapping[int, str] | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._stops = tuple(stops)
        self._marks = dict(marks or {})
        self._tokens: list[int] = []
        self._done = 0
        self._from = 0
        self._held = ""
        self.stopped = False

    def _decode(self, tokens: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def _new(self, *, final: bool) -> str:
        """Text of the tokens not yet shown; earlier ones give the decoder its context."""
        before = self._decode(self._tokens[self._from : self._done])
        after = self._decode(self._tokens[self._from :])
        if after.endswith(_BROKEN) and not final:
            return ""
        self._from, self._done = self._done, len(self._tokens)
        return after[len(before) :]

    def _release(self, *, final: bool) -> str:
        """Text that no stop string can claim any more."""
        found = [at for at in (self._held.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.stopped = True
            out, self._held = self._held[: min(found)], ""
            return out
        keep = 0 if final else _overlap(self._held, self._stops)
        out = self._held[: len(self._held) - keep]
        self._held = self._held[len(self._held) - keep :]
        return out

    def push(self, token: int) -> str:
        """Take one generated token; return what it makes certain."""
        if token in self._marks:
            self._held += self._new(final=True) + self._marks[token]
            self._tokens, self._from, self._done = [], 0, 0
            return self._release(final=False)
        self._tokens.append(token)
        self._held += self._new(final=False)
        return self._release(final=False)

    def finish(self) -> str:
        """Return what was still waiting; nothing if a stop string ended the reply."""
        if self.stopped:
            return ""
        self._held += self._new(final=True)
        return self._release(final=True)


def _overlap(text: str, stops: Sequence[str]) -> int:
    """Length of the longest end of `text` that begins one of `stops`."""
    longest = max((len(stop) for stop in stops), default=0)
    for size in range(min(longest - 1, len(text)), 0, -1):
        tail = text[len(text) - size :]
        if any(stop.startswith(tail) for stop in stops):
            return size
    return 0
