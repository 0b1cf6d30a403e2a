"""Conversations as the model reads them: nothing is dropped on the way."""

from typing import Any

import pytest

from harness.items.item import Item
from harness.wire import Message
from steering_server.model import tiny
from steering_server.model.conversation import Style, render
from steering_server.model.requests import ApiError

MISTRAL = (
    "<s>{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}"
    "{% set turns = messages[1:] %}{% else %}{% set turns = messages %}{% endif %}"
    "{% for m in turns %}{% if m['role'] == 'user' %}[INST] "
    "{% if loop.last and system is defined %}{{ system }}\n\n{% endif %}{{ m['content'] }}[/INST]"
    "{% else %} {{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
"""The system prompt stands in the last user turn, which a last assistant turn is not."""


def tokenizer(template: str | None = None) -> Any:
    made = tiny.tokenizer()
    if template is not None:
        made.chat_template = template
    return made


def said(*turns: str) -> tuple[Message, ...]:
    """Turns as `s:`, `u:` or `a:` and their text."""
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return tuple(Message(roles[turn[0]], turn[2:]) for turn in turns)  # type: ignore[arg-type]


def test_a_last_assistant_turn_that_changes_the_turns_before_is_refused() -> None:
    """Two system prompts never give the same tokens."""
    for system in ("Love it.", "Hate it."):
        with pytest.raises(ApiError, match=r"messages\[2\].*otherwise than without it"):
            render(tokenizer(MISTRAL), said(f"s:{system}", "u:Add 2 and 2.", "a:Four"))


def test_a_last_assistant_turn_goes_on_from_what_the_model_was_given() -> None:
    """Its tokens are those of the prompt without it, and then its own."""
    turns = said("s:Be brief.", "u:Add 2 and 2.", "a:Four")
    prompt, whole = render(tokenizer(), turns[:-1]), render(tokenizer(), turns)
    assert whole.tokens[: len(prompt.tokens)] == prompt.tokens
    assert whole.completion == len(prompt.tokens) < len(whole.tokens)
    with pytest.raises(ApiError, match=r"messages\[2\]"):
        render(tokenizer(), (*turns[:-1], Message("assistant", "")))


def test_extraction_measures_the_completion_after_its_own_prompt() -> None:
    """With a template that drops the system prompt before an assistant's turn, it stays."""
    from steering_server.extraction.activations import sequence
    from steering_server.model.models import load

    loaded = load("tiny:llama")
    loaded.tokenizer.chat_template = MISTRAL
    generated = tuple(loaded.tokenizer("Four", add_special_tokens=False).input_ids)
    item = Item(id="i", text="Add 2 and 2.", origin="o")
    spanned = [
        sequence(loaded, system, item, generated, "completion")
        for system in ("Love it.", "Hate it.")
    ]
    for one, system in zip(spanned, ("Love it.", "Hate it."), strict=True):
        assert system in loaded.tokenizer.decode(one.tokens)
        assert one.tokens[one.start : one.end] == generated


@pytest.mark.parametrize(
    ("kind", "context"),
    [("longrope", 64), ("su", 64), ("dynamic", 64), ("llama3", 256), ("yarn", 256)],
)
def test_beyond_the_length_at_which_positions_are_rescaled_nothing_is_served(
    kind: str, context: int
) -> None:
    """Some kinds scale by the longest row of a batch: the context ends where that begins."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from steering_server.engine.self_test import self_test
    from steering_server.model.models import describe

    of: dict[str, Any] = {
        "dynamic": {"factor": 4.0},
        "yarn": {"factor": 4.0},
        "llama3": {"factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
    }
    phi = kind in ("longrope", "su")
    own = of.get(kind, {"short_factor": [1.0] * 8, "long_factor": [4.0] * 8})
    config = AutoConfig.for_model(
        "phi3" if phi else "llama",
        **{**tiny.FAMILIES["phi3"][1], "sliding_window": None, "max_position_embeddings": 256},
        **({"original_max_position_embeddings": 64} if phi else {}),
        rope_scaling={"type": kind, "original_max_position_embeddings": 64, **own},
    )
    torch.manual_seed(0)
    loaded = describe(AutoModelForCausalLM.from_config(config), tiny.tokenizer(), name="long")
    self_test(loaded)
    assert loaded.context == context


@pytest.mark.parametrize(
    "program",
    ["{{ 1 / (x - 1) }}", "{{ range(10**9) }}", "{{ x.y.z }}", "{{ x + 'a' }}"],
)
def test_whatever_a_template_ends_in_is_400(program: str) -> None:
    """It is the model's own program, and runs on what a client sent."""
    with pytest.raises(ApiError, match="chat template refuses") as refused:
        render(tokenizer(program), said("u:Hello."), Style(options={"x": 1}))
    assert refused.value.status == 400
