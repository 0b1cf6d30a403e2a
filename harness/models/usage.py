"""Token counts and costs as servers report them, where they are possible."""

import math
from typing import Any

import msgspec

__all__ = ["Usage", "dollars", "read_usage", "tokens"]

_MOST_TOKENS = 10**9
"""No context window holds a hundredth of this; larger counts break logs, tables and limits."""
_MOST_DOLLARS = 10_000.0
"""For one call: the dearest model with a full window of ten million tokens costs less."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What one call used. `known` is False where a count was given that is not possible."""

    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int | None = None
    cost: float | None = None
    known: bool = True


def read_usage(usage: object) -> Usage:
    """The `usage` member of a chat reply; what cannot be read falls to unknown, by itself."""
    if not isinstance(usage, dict):
        return Usage(known=usage is None)
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    read, written = tokens(prompt), tokens(completion)
    known = (read is not None or prompt is None) and (written is not None or completion is None)
    details = usage.get("completion_tokens_details")
    thought: Any = details.get("reasoning_tokens") if isinstance(details, dict) else None
    cost = usage.get("cost")
    return Usage(
        input_tokens=(read or 0) if known else 0,
        output_tokens=(written or 0) if known else 0,
        reasoning_tokens=None if thought is None else tokens(thought),
        cost=None if cost is None else dollars(cost),
        known=known,
    )


def tokens(value: object) -> int | None:
    """A count of tokens, from a whole number in any spelling (9, 9.0, "9"); else None."""
    if type(value) is int:
        # As nearly every server spells it: no need to look further.
        return value if 0 <= value <= _MOST_TOKENS else None
    number = _number(value)
    if number is None or not 0 <= number <= _MOST_TOKENS or number != int(number):
        return None
    return int(number)


def dollars(value: object) -> float | None:
    """An amount of US dollars that one call can cost; else None."""
    number = _number(value)
    return None if number is None or not 0 <= number <= _MOST_DOLLARS else number


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
