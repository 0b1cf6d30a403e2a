"""Where a text stands among the tokens of the conversation that holds it."""

from collections.abc import Sequence
from typing import Any

from harness.wire import Message
from steering_server.model.conversation import Prompt, Style, render
from steering_server.model.requests import fail

__all__ = ["characters_at", "content_at", "shared_beginning", "system_end", "tokens_between"]

_MARK = "\ue000text\ue001"
"""Stands in for a text while the template's own is looked for; private-use characters, so that no
template and no tokenizer treats it specially."""
_STAND_INS = ("\x00", "a")
"""Two user turns after the same system prompt: an item may begin as one of them does, not as
both."""


def content_at(
    tokenizer: Any, turns: Sequence[Message], style: Style, index: int, text: str, where: str
) -> tuple[int, int]:
    """Characters [start, end) of turn `index`'s content in `text`, which renders `turns`.

    What the template has around a mark is what it has around the content; it may strip space at
    the content's ends, nothing else. ApiError 400, naming `where`, otherwise.
    """
    content = turns[index].content
    marked = list(turns)
    marked[index] = Message(turns[index].role, _MARK)
    shown = render(tokenizer, marked, style).text
    head, mark, tail = shown.partition(_MARK)
    whole = render(tokenizer, turns, style).text
    end = len(whole) - len(tail)
    around = whole.startswith(head) and whole.endswith(tail) and len(head) <= end
    once = bool(mark) and _MARK not in tail and text.startswith(whole)
    if not once or not around or whole[len(head) : end].strip() != content.strip():
        raise fail(
            where,
            f"message {index} cannot be found in the conversation that the model's chat template "
            "makes of it: the template changes its text",
        )
    return len(head), end


def characters_at(
    tokenizer: Any,
    turns: Sequence[Message],
    style: Style,
    index: int,
    part: tuple[int, int],
    text: str,
    where: str,
) -> tuple[int, int]:
    """Characters of `text`, which renders `turns`, where the characters `part` of turn `index`'s
    content stand. ApiError 400."""
    start, end = content_at(tokenizer, turns, style, index, text, where)
    stripped = turns[index].content.find(text[start:end])
    first, last = start + part[0] - stripped, start + part[1] - stripped
    first, last = max(first, start), min(last, end)
    if stripped < 0 or first >= last:
        raise fail(where, "nothing of it is left in the conversation as it is rendered")
    return first, last


def tokens_between(
    tokenizer: Any, prompt: Prompt, start: int, end: int, where: str
) -> tuple[int, int]:
    """Tokens [first, last) that hold any of the characters [start, end) of the rendered text.
    ApiError 400, naming `where`, where there are none or the tokenizer cannot tell."""
    if not tokenizer.is_fast:
        raise fail(where, "the model's tokenizer does not say where its tokens stand")
    coded = tokenizer(prompt.text, add_special_tokens=False, return_offsets_mapping=True)
    held = [
        index
        for index, (left, right) in enumerate(coded["offset_mapping"])
        if left < end and right > start
    ]
    if not held or tuple(coded["input_ids"]) != prompt.tokens:
        raise fail(where, "no token holds its text")
    return held[0], held[-1] + 1


def system_end(
    tokenizer: Any, before: tuple[Message, ...], tokens: tuple[int, ...], style: Style
) -> int:
    """How many of the prompt's `tokens` come from the turns `before` the item's alone."""
    if not before:
        return 0
    others = (render(tokenizer, (*before, Message("user", one)), style) for one in _STAND_INS)
    return min(shared_beginning(other.tokens, tokens) for other in others)


def shared_beginning(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """How many tokens both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))
