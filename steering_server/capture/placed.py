"""Where an item and its completion stand among the tokens of the conversation that holds them."""

from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import UsageError
from harness.items.item import Item
from harness.wire import Message
from steering_server.model.conversation import Prompt, render
from steering_server.model.models import Loaded
from steering_server.model.requests import ApiError

__all__ = [
    "SPANS",
    "Placed",
    "Span",
    "continued",
    "place",
    "rendered",
    "shared_beginning",
    "tokens_between",
]

Span = Literal["item", "turn_end", "prompt", "completion", "differing"]
SPANS: tuple[Span, ...] = ("item", "turn_end", "prompt", "completion")
"""`item`: the item's own text. `turn_end`: what the chat template puts after it, so that `first` is
the end-of-turn token and `last` the last token before the reply. `prompt`: from the end of the
system prompt to the last token before the reply. `completion`: the reply."""

_MARK = "\ue000item\ue001"
"""Stands in for an item while the template's own text is looked for; private-use characters, so
that no template and no tokenizer treats it specially."""


@dataclass(frozen=True)
class Placed:
    """`tokens` of a whole conversation and the spans [start, end) among them."""

    tokens: tuple[int, ...]
    spans: dict[Span, tuple[int, int]]


def rendered(loaded: Loaded, turns: tuple[Message, ...], *, where: str) -> Prompt:
    """The conversation as the model reads it. UsageError, naming `where`, when the chat template
    refuses it."""
    try:
        return render(loaded.tokenizer, turns, loaded.style)
    except ApiError as error:
        raise UsageError(f"{where}: {error.message}") from error


def continued(loaded: Loaded, prompt: Prompt, text: str, *, where: str) -> tuple[int, ...]:
    """Tokens of `prompt` and then of `text` as the model's own words.

    The template is not asked again: many render a conversation that ends in the model's turn
    anew, and then it no longer begins with the prompt that was answered. UsageError for a text
    without tokens.
    """
    whole = _encode(loaded.tokenizer, prompt.text + text)
    if whole[: len(prompt.tokens)] != prompt.tokens:
        # A tokenizer that merges across the seam; the model itself would have begun anew here.
        whole = prompt.tokens + _encode(loaded.tokenizer, text)
    if len(whole) == len(prompt.tokens):
        raise UsageError(f"{where}: the completion has no tokens")
    return whole


def place(loaded: Loaded, item: Item, *, system: str | None, completion: str | None) -> Placed:
    """The conversation system, item, completion and its spans; `completion` is one of them only
    where there is one. UsageError where the item cannot be found exactly."""
    where = f"item {item.id!r}"
    before = () if system is None else (Message("system", system),)
    prompt = rendered(loaded, (*before, Message("user", item.text)), where=where)
    start, end = _characters(loaded, before, item, prompt)
    first, last = tokens_between(loaded.tokenizer, prompt, start, end, where)
    spans: dict[Span, tuple[int, int]] = {
        "item": (first, last),
        "prompt": (_system_end(loaded, before, prompt, where), len(prompt.tokens)),
    }
    if last < len(prompt.tokens):
        spans["turn_end"] = (last, len(prompt.tokens))
    tokens = prompt.tokens
    if completion is not None:
        tokens = continued(loaded, prompt, completion, where=where)
        spans["completion"] = (len(prompt.tokens), len(tokens))
    if len(tokens) > loaded.context:
        raise UsageError(f"{where} has {len(tokens)} tokens; {loaded.id} takes {loaded.context}")
    return Placed(tokens, spans)


def _characters(
    loaded: Loaded, before: tuple[Message, ...], item: Item, prompt: Prompt
) -> tuple[int, int]:
    """Where the item's text stands in the rendered one: what the template has around a mark is
    what it has around the item."""
    marked = rendered(loaded, (*before, Message("user", _MARK)), where=f"item {item.id!r}").text
    head, mark, tail = marked.partition(_MARK)
    end = len(prompt.text) - len(tail)
    around = prompt.text.startswith(head) and prompt.text.endswith(tail) and len(head) < end
    # Templates may strip what surrounds a message, nothing else.
    if not mark or not around or prompt.text[len(head) : end].strip() != item.text.strip():
        raise UsageError(
            f"item {item.id!r} cannot be found in the conversation that the chat template of "
            f"{loaded.id} makes of it: the template changes its text"
        )
    return len(head), end


def tokens_between(
    tokenizer: Any, prompt: Prompt, start: int, end: int, where: str
) -> tuple[int, int]:
    """Tokens [first, last) that hold any of the characters [start, end) of the rendered text.
    UsageError, naming `where`, where there are none or the tokenizer cannot tell."""
    if not tokenizer.is_fast:
        raise UsageError(f"{where}: the model's tokenizer does not say where its tokens stand")
    coded = tokenizer(prompt.text, add_special_tokens=False, return_offsets_mapping=True)
    held = [
        index
        for index, (left, right) in enumerate(coded["offset_mapping"])
        if left < end and right > start
    ]
    if not held or tuple(coded["input_ids"]) != prompt.tokens:
        raise UsageError(f"{where}: no token holds its text")
    return held[0], held[-1] + 1


def _system_end(loaded: Loaded, before: tuple[Message, ...], prompt: Prompt, where: str) -> int:
    """How many tokens of the prompt come from the system prompt alone."""
    if not before:
        return 0
    # Two stand-ins: an item may begin as one of them does, not as both.
    others = [rendered(loaded, (*before, Message("user", one)), where=where) for one in "\x00a"]
    return min(shared_beginning(other.tokens, prompt.tokens) for other in others)


def shared_beginning(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """How many tokens both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))


def _encode(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False).input_ids)
