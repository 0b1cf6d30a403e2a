"""JSON as servers really send it: NaN, lone surrogates, bad bytes, numbers beyond all bounds."""

import json
from typing import Any

import msgspec

__all__ = ["loose_json", "whole_text"]

_DIGITS = 18
"""A whole number of more digits does not fit 64 bits, and stands for nothing that is counted."""


def loose_json(body: bytes | str) -> Any:
    """The value in `body`; ValueError where it is no JSON at all.

    What strict JSON refuses is read as it was meant: NaN and infinities as floats, bytes that are
    no UTF-8 as U+FFFD, whole numbers of thousands of digits as None. Lone surrogates stay in the
    texts; see `whole_text`.
    """
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    else:
        return found
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        return json.loads(text.removeprefix("\ufeff"), strict=False, parse_int=_whole)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def whole_text(text: str) -> str:
    """`text` with each lone surrogate replaced by U+FFFD, and halves of a pair put together."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= _DIGITS else None
