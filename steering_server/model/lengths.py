"""How much text a context can hold, told before the text is tokenised.

Tokenising costs some 300 bytes and a microsecond a character: a body of 31 MB took 9 GB and 38 s to
be found too long. A token stands for no more characters than its own text has, so that a context
of N tokens holds at most N × the longest token; below that bound the text is counted piece by
piece, and counting stops as soon as it is plainly too long.
"""

from collections.abc import Callable, Iterable
from typing import Any

from steering_server.model.requests import ApiError

__all__ = ["Lengths"]

_PIECE = 1 << 15
"""Characters tokenised in one go: some 20 ms, after which a client that has gone is noticed."""
_SLACK = 2
"""A cut between pieces may split a word into more tokens than it has; never into twice as many."""


class Lengths:
    """Bounds for one tokenizer and a context of so many tokens."""

    def __init__(self, tokenizer: Any, context: int) -> None:
        self._tokenizer = tokenizer
        self._context = context
        # A byte-level token is spelt with one character a byte, others with their own: either way
        # no shorter than the text that it stands for.
        self.characters = context * max(map(len, tokenizer.get_vocab()), default=1)

    def check(self, texts: Iterable[str], alive: Callable[[], None]) -> None:
        """ApiError 400 where `texts` cannot fit the context; `alive` is called before each piece
        and may raise."""
        texts = tuple(texts)
        total = sum(map(len, texts))
        if total > self.characters:
            raise self._too_long(
                f"{total} characters; so many tokens hold {self.characters} at most"
            )
        if len(texts) > self._context:
            raise self._too_long(f"{len(texts)} messages")
        if total > _PIECE:
            self._count("\n".join(texts), alive)

    def _count(self, text: str, alive: Callable[[], None]) -> None:
        counted = 0
        for start in range(0, len(text), _PIECE):
            alive()
            piece = text[start : start + _PIECE]
            counted += len(self._tokenizer(piece, add_special_tokens=False).input_ids)
            if counted > _SLACK * self._context:
                raise self._too_long(f"{len(text)} characters are far more tokens")

    def _too_long(self, why: str) -> ApiError:
        message = f"the messages exceed the context of {self._context} tokens: {why}"
        return ApiError(400, "context_length_exceeded", message, param="messages")
