"""A conversation as the model reads it: rendered by its chat template, then tokens."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from harness.wire import Message
from steering_server.model.requests import ApiError, fail
from steering_server.model.thoughts import Dialect, closing

__all__ = [
    "UNTEMPLATED",
    "Prompt",
    "Style",
    "SystemAs",
    "names_in",
    "render",
    "switches",
    "takes_system",
    "unrendered",
]

Tokens = tuple[int, ...]
SystemAs = Literal["system", "user"]

_OWN = frozenset(
    {
        "messages",
        "tools",
        "documents",
        "chat_template",
        "add_generation_prompt",
        "continue_final_message",
        "tokenize",
    }
)
"""Names that mean something else to a template, or to transformers."""


@dataclass(frozen=True)
class Style:
    """How conversations are rendered: `options` go to the chat template; `system_as` says whether a
    system prompt is a turn of its own or the head of the first user turn."""

    options: Mapping[str, Any] = field(default_factory=dict)
    system_as: SystemAs = "system"

    def with_options(self, template: str, given: Mapping[str, Any] | None, where: str) -> "Style":
        """This style with `given` over its options. ApiError 400 for one that the template does
        not read: it would be told as applied while it does nothing."""
        for name in given or {}:
            if name in _OWN or name not in names_in(template):
                raise fail(f"{where}.{name}", "the model's chat template does not read it")
        return replace(self, options={**self.options, **(given or {})})

    def placed(self, turns: Sequence[Message]) -> Sequence[Message]:
        """`turns` with the system prompt where it goes. ApiError 400 where there is no place."""
        if self.system_as == "system" or turns[0].role != "system":
            return turns
        if len(turns) < 2 or turns[1].role != "user":
            raise fail("messages[0]", "a system prompt as user needs a user turn after it")
        head = Message("user", f"{turns[0].content}\n\n{turns[1].content}")
        return (head, *turns[2:])


@dataclass(frozen=True)
class Prompt:
    """A rendered conversation. `completion` is the position where the model's own words begin:
    its last turn if the conversation ends in one, else the end; `begun` is their text."""

    tokenizer: Any
    text: str
    tokens: Tokens
    completion: int
    begun: str = ""

    def answered(self, dialect: Dialect) -> "tuple[Prompt, str]":
        """This prompt up to the first token of the answer, and the thought that was added: empty,
        so that a choice is not held against the beginning of one."""
        added = closing(self.text, dialect, self.begun)
        text = self.text + added
        tokens = _encode(self.tokenizer, text)
        begun = self.begun and self.begun + added
        completion = min(self.completion, len(tokens))
        return Prompt(self.tokenizer, text, tokens, completion, begun), added

    def choices(
        self, allowed: Sequence[str] | None, alive: Callable[[], None] = lambda: None
    ) -> tuple[Tokens, ...] | None:
        """Allowed answers as the tokens that continue this very prompt; `alive` is called before
        each and may raise. ApiError 400."""
        if allowed is None:
            return None
        if not allowed or len(set(allowed)) != len(allowed):
            raise fail("steering.choices", "expected at least one answer, all different")
        kept = len(self.tokens)
        found = []
        for index, choice in enumerate(allowed):
            alive()
            tokens = _encode(self.tokenizer, self.text + choice)
            if tokens[:kept] != self.tokens or len(tokens) == kept:
                raise fail(
                    f"steering.choices[{index}]",
                    f"{choice!r} does not continue the prompt by tokens of its own",
                )
            found.append(tokens[kept:])
        return tuple(found)


def render(tokenizer: Any, turns: Sequence[Message], style: Style | None = None) -> Prompt:
    """The conversation with the opening of the model's turn; a last assistant turn is left open,
    to be continued. ApiError 400 where the chat template refuses it."""
    style = style or Style()
    turns = style.placed(turns)
    if turns[-1].role == "assistant":
        return _resumed(tokenizer, turns, style.options)
    text = _template(tokenizer, turns, style.options, resumed=False)
    tokens = _encode(tokenizer, text)
    if not tokens:
        raise fail("messages", "the conversation has no tokens")
    return Prompt(tokenizer, text, tokens, len(tokens))


def unrendered(tokenizer: Any, text: str) -> Prompt:
    """`text` as it is, after the token that begins every text where the tokenizer has one.
    ApiError 400 where it has no tokens."""
    begun = list(tokenizer(text).input_ids)[:1]
    opening = tokenizer.bos_token or ""
    if not opening or begun != [tokenizer.bos_token_id] or text.startswith(opening):
        opening = ""
    tokens = _encode(tokenizer, opening + text)
    if not tokens:
        raise fail("prompt", "the text has no tokens")
    return Prompt(tokenizer, opening + text, tokens, len(tokens))


UNTEMPLATED = (
    "{{ raise_exception('the model has no chat template: use /v1/completions, or serve it with "
    "--chat-template FILE') }}"
)
"""Stands for the chat template that a base model does not have."""


_SWITCHES = ("enable_thinking", "thinking", "reasoning_effort")
"""Options by which templates are told whether, or how hard, to think."""


def names_in(template: str) -> set[str]:
    """Names in the expressions of a Jinja template, outside of its texts and quoted strings."""
    code = " ".join(re.findall(r"\{[{%].*?[%}]\}", template, re.DOTALL))
    bare = re.sub(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", " ", code)
    return set(re.findall(r"[A-Za-z_]\w*", bare))


def switches(template: str) -> list[str]:
    """Those that `template` reads."""
    return [name for name in _SWITCHES if name in names_in(template)]


def takes_system(tokenizer: Any, style: Style) -> bool:
    """Whether a system prompt before a user turn can be rendered, and shows."""
    turns = (Message("system", "Σ-mark"), Message("user", "Hello"))
    try:
        return "Σ-mark" in render(tokenizer, turns, style).text
    except ApiError:
        return False


def _resumed(tokenizer: Any, turns: Sequence[Message], options: Mapping[str, Any]) -> Prompt:
    """A conversation whose last turn the model goes on with.

    Templates render such a conversation anew: some drop the system prompt, which they put into a
    last user turn. So the whole has to begin with what the model would have been given before that
    turn, in text and in tokens; else ApiError 400.
    """
    where = f"messages[{len(turns) - 1}]"
    text = _template(tokenizer, turns, options, resumed=True)
    tokens = _encode(tokenizer, text)
    if len(turns) == 1:
        return Prompt(tokenizer, text, tokens, 0, turns[0].content)
    begun = _template(tokenizer, turns[:-1], options, resumed=False)
    before = _encode(tokenizer, begun)
    if not text.startswith(begun) or tokens[: len(before)] != before:
        raise fail(
            where,
            "the model's chat template renders the turns before an assistant's last turn otherwise "
            "than without it, so the model cannot go on from it exactly; end with a user turn",
        )
    if len(tokens) == len(before):
        raise fail(where, "an assistant's last turn without a token of its own")
    return Prompt(tokenizer, text, tokens, len(before), text[len(begun) :])


def _template(
    tokenizer: Any, turns: Sequence[Message], options: Mapping[str, Any], *, resumed: bool
) -> str:
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    end = {"continue_final_message": True} if resumed else {"add_generation_prompt": True}
    try:
        text: str = tokenizer.apply_chat_template(messages, tokenize=False, **options, **end)
    except Exception as error:
        # A template is the model's own program, run on what a client sent: it may end in anything.
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        hint = f"; {_AS_USER}" if turns[0].role == "system" or "ystem" in reason else ""
        raise fail("messages", f"the model's chat template refuses them: {reason}{hint}") from error
    if not resumed:
        _check_shown(turns, text)
    return text


_AS_USER = "--system-as user serves a model without a place for system prompts"


def _check_shown(turns: Sequence[Message], text: str) -> None:
    """ApiError 400 for a turn that the template drops: it would be told as asked. What it does to
    the model's own earlier turns (it leaves out their thoughts) is its own affair."""
    for index, turn in enumerate(turns):
        if turn.role != "assistant" and turn.content.strip() not in text:
            hint = f"; {_AS_USER}" if turn.role == "system" else ""
            raise fail(
                f"messages[{index}]",
                f"the model's chat template leaves the {turn.role} turn out, or changes its text"
                f"{hint}",
            )


def _encode(tokenizer: Any, text: str) -> Tokens:
    return tuple(tokenizer(text, add_special_tokens=False).input_ids)
