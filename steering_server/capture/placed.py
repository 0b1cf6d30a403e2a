"""Where an item and its completion stand among the tokens of the conversation that holds them."""

from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import UsageError
from harness.items.item import Item
from harness.wire import Message
from steering_server.model import locating
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
    "tokens_between",
]

Span = Literal["item", "turn_end", "prompt", "completion", "differing"]
SPANS: tuple[Span, ...] = ("item", "turn_end", "prompt", "completion")
"""`item`: the item's own text. `turn_end`: what the chat template puts after it, so that `first` is
the end-of-turn token and `last` the last token before the reply. `prompt`: from the end of the
system prompt to the last token before the reply. `completion`: the reply."""


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
    turns = (*before, Message("user", item.text))
    start, end = _characters(loaded, turns, prompt, where)
    first, last = tokens_between(loaded, prompt, start, end, where)
    spans: dict[Span, tuple[int, int]] = {
        "item": (first, last),
        "prompt": (_system_end(loaded, before, prompt), len(prompt.tokens)),
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


def tokens_between(
    loaded: Loaded, prompt: Prompt, start: int, end: int, where: str
) -> tuple[int, int]:
    """As `locating.tokens_between`, with UsageError."""
    try:
        return locating.tokens_between(loaded.tokenizer, prompt, start, end, where)
    except ApiError as error:
        raise UsageError(error.message) from error


def _characters(
    loaded: Loaded, turns: tuple[Message, ...], prompt: Prompt, where: str
) -> tuple[int, int]:
    """Where the last turn's text stands in the rendered one."""
    last = len(turns) - 1
    try:
        return locating.content_at(loaded.tokenizer, turns, loaded.style, last, prompt.text, where)
    except ApiError as error:
        raise UsageError(error.message) from error


def _system_end(loaded: Loaded, before: tuple[Message, ...], prompt: Prompt) -> int:
    return locating.system_end(loaded.tokenizer, before, prompt.tokens, loaded.style)


def _encode(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False).input_ids)
