"""The log-probabilities of an answer's first token: one reader for every path."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from harness.models.json_text import whole_text
from harness.wire import TokenLogprob

__all__ = ["IMPOSSIBLE", "finite", "first_token", "tokens_of"]

IMPOSSIBLE = -9999.0
"""The logarithm of no probability at all, as OpenAI writes it: its exp is 0, and JSON holds it."""

_BLANK = " \t\r\n\f\v\u0120\u2581\u010a"
"""White space, and the signs that byte-pair and sentence-piece tokens have for it."""
_SURE = math.log(0.99)
"""A lone alternative of at least this tells nearly all; of a smaller one the rest is unknown."""

Position = tuple[str, list[TokenLogprob]]


def first_token(positions: Iterable[Position]) -> tuple[TokenLogprob, ...] | None:
    """Alternatives for the first token that is not blank, best first.

    None where there are none: a token's own log-probability without alternatives says nothing
    about the other answers, and would read as certainty.
    """
    for token, alternatives in positions:
        if not token.strip(_BLANK):
            continue
        found = sorted(alternatives, key=lambda entry: -entry.logprob)
        if not found or (len(found) == 1 and found[0].logprob < _SURE):
            return None
        return tuple(found)
    return None


def tokens_of(logprobs: object) -> list[Position]:
    """Positions in a reply's `logprobs` member; what cannot be read is left out."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    positions: list[Position] = []
    for entry in content if isinstance(content, Sequence) and not isinstance(content, str) else ():
        if isinstance(entry, dict) and isinstance(entry.get("token"), str):
            top = entry.get("top_logprobs")
            alternatives = [
                TokenLogprob(whole_text(one["token"]), finite(one.get("logprob")))
                for one in (top if isinstance(top, list) else ())
                if isinstance(one, dict) and isinstance(one.get("token"), str)
            ]
            positions.append((whole_text(entry["token"]), alternatives))
            if entry["token"].strip(_BLANK):
                break
    return positions


def finite(logprob: Any) -> float:
    """A log-probability; one that is no finite number is that of the impossible."""
    if isinstance(logprob, bool) or not isinstance(logprob, int | float):
        return IMPOSSIBLE
    return float(logprob) if IMPOSSIBLE < logprob < -IMPOSSIBLE else IMPOSSIBLE
