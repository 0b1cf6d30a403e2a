"""A conversation as the model reads it: rendered by its chat template, then tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from harness.wire import Message
from steering_server.model.requests import fail

__all__ = ["Prompt", "render"]

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Prompt:
    """A rendered conversation. `completion` is the position where the model's own words begin:
    its last turn if the conversation ends in one, else the end."""

    tokenizer: Any
    text: str
    tokens: Tokens
    completion: int

    def choices(self, allowed: Sequence[str] | None) -> tuple[Tokens, ...] | None:
        """Allowed answers as the tokens that continue this very prompt. ApiError 400."""
        if allowed is None:
            return None
        if not allowed or len(set(allowed)) != len(allowed):
            raise fail("steering.choices", "expected at least one answer, all different")
        kept = len(self.tokens)
        found = []
        for index, choice in enumerate(allowed):
            tokens = _encode(self.tokenizer, self.text + choice)
            if tokens[:kept] != self.tokens or len(tokens) == kept:
                raise fail(
                    f"steering.choices[{index}]",
                    f"{choice!r} does not continue the prompt by tokens of its own",
                )
            found.append(tokens[kept:])
        return tuple(found)


def render(tokenizer: Any, turns: Sequence[Message]) -> Prompt:
    """The conversation with the opening of the model's turn; a last assistant turn is left open,
    to be continued. ApiError 400 where the chat template refuses it."""
    if turns[-1].role == "assistant":
        return _resumed(tokenizer, turns)
    text = _template(tokenizer, turns, resumed=False)
    tokens = _encode(tokenizer, text)
    if not tokens:
        raise fail("messages", "the conversation has no tokens")
    return Prompt(tokenizer, text, tokens, len(tokens))


def _resumed(tokenizer: Any, turns: Sequence[Message]) -> Prompt:
    """A conversation whose last turn the model goes on with.

    Templates render such a conversation anew: some drop the system prompt, which they put into a
    last user turn. So the whole has to begin with what the model would have been given before that
    turn, in text and in tokens; else ApiError 400.
    """
    where = f"messages[{len(turns) - 1}]"
    text = _template(tokenizer, turns, resumed=True)
    tokens = _encode(tokenizer, text)
    if len(turns) == 1:
        return Prompt(tokenizer, text, tokens, 0)
    begun = _template(tokenizer, turns[:-1], resumed=False)
    before = _encode(tokenizer, begun)
    if not text.startswith(begun) or tokens[: len(before)] != before:
        raise fail(
            where,
            "the model's chat template renders the turns before an assistant's last turn otherwise "
            "than without it, so the model cannot go on from it exactly; end with a user turn",
        )
    if len(tokens) == len(before):
        raise fail(where, "an assistant's last turn without a token of its own")
    return Prompt(tokenizer, text, tokens, len(before))


def _template(tokenizer: Any, turns: Sequence[Message], *, resumed: bool) -> str:
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    options = {"continue_final_message": True} if resumed else {"add_generation_prompt": True}
    try:
        text: str = tokenizer.apply_chat_template(messages, tokenize=False, **options)
    except (TemplateError, ValueError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise fail("messages", f"the model's chat template refuses them: {reason}") from error
    return text


def _encode(tokenizer: Any, text: str) -> Tokens:
    return tuple(tokenizer(text, add_special_tokens=False).input_ids)
