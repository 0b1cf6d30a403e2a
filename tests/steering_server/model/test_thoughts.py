"""Thoughts are told apart from content, however the text comes in."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering_server.model import tiny
from steering_server.model.reply_text import ReplyText
from steering_server.model.thoughts import Splitter, closing, dialect_of, marks_of

CASES = [
    ("none", "", "<think>x</think>A", "", "<think>x</think>A"),
    ("think", "", "Plain <b> answer", "", "Plain <b> answer"),
    ("think", "", "<think>\nHm.\n</think>\n\nB", "\nHm.\n", "B"),
    ("think", "", "\n<think>cut off", "cut off", ""),
    ("think", "…<think>\n", "Hm.</think>B < C", "Hm.", "B < C"),
    ("think", "…<think>\n\n</think>\n\n", "B", "", "B"),
    ("think", "", "A </think> is a tag", "", "A </think> is a tag"),
    (
        "harmony",
        "<|start|>assistant",
        "<|channel|>analysis<|message|>Hm <b>.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>B",
        "Hm <b>.",
        "B",
    ),
    ("harmony", "<|start|>assistant", "<|channel|>analysis<|message|>cut", "cut", ""),
    ("harmony", "…<|channel|>final<|message|>", "B", "", "B"),
]


@given(st.sampled_from(CASES), st.data())
def test_the_split_does_not_depend_on_how_the_text_is_cut(case: Any, data: Any) -> None:
    """Whole or in pieces: the same thought, the same content, nothing lost."""
    dialect, prompt, text, thought, content = case
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))) | {0, len(text)})
    splitter = Splitter(dialect, prompt)
    parts = [splitter.push(text[one:two]) for one, two in pairwise(cuts)]
    parts.append(splitter.finish())
    assert "".join(part[0] for part in parts) == thought
    assert "".join(part[1] for part in parts) == content


@pytest.mark.parametrize("dialect", ["think", "harmony"])
@pytest.mark.parametrize("prompt", ["user: Hi\nassistant\n", "assistant\n<think>\n"])
def test_after_the_closing_the_next_token_is_the_answers(dialect: Any, prompt: str) -> None:
    """What is added to a prompt for choices leaves no thought open, and adding twice is adding
    once."""
    closed = prompt + closing(prompt, dialect)
    assert Splitter(dialect, closed).push("B") == ("", "B")
    assert closing(closed, dialect) == ""


_HEAD = "<|start|>assistant<|channel|>"
BEGUN = [
    ("think", "assistant\n", "The answer is", ""),
    ("think", "assistant\n", "<think>Hm.</think>\nThe answer is", ""),
    ("think", "assistant\n", "<think>Hm.</think>\n\n", ""),
    ("think", "assistant\n", "<think>Hm.", "\n</think>\n\n"),
    ("think", "assistant\n<think>\n", "Hm.", "\n</think>\n\n"),
    ("think", "assistant\n<think>\n", "Hm.</think>", ""),
    ("harmony", f"{_HEAD}final<|message|>", "The answer is", ""),
    ("harmony", f"{_HEAD}analysis<|message|>", "Hm.", f"<|end|>{_HEAD}final<|message|>"),
]


@pytest.mark.parametrize(("dialect", "prompt", "begun", "added"), BEGUN)
def test_an_answer_that_is_begun_gets_no_thought(
    dialect: Any, prompt: str, begun: str, added: str
) -> None:
    """A prefill is gone on from where it stands: only an open thought is closed before a choice,
    and what the model then writes is thought or content as its place says."""
    text = prompt + begun
    assert closing(text, dialect, begun) == added
    thought, content = Splitter(dialect, text, begun).push("B ")
    assert (thought, content) == (("B ", "") if added else ("", "B "))
    assert closing(text + added, dialect, begun + added) == ""


def test_marks_that_a_decoder_hides_are_shown() -> None:
    """Special tokens that mark a thought come out as text; others stay hidden."""
    tokenizer = tiny.tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<think>", "</think>", "<x>"]})
    text = ReplyText(tokenizer, marks=marks_of(tokenizer, "think"))
    ids = tokenizer("<think>é</think>B<x>", add_special_tokens=False).input_ids
    assert "".join(map(text.push, ids)) + text.finish() == "<think>é</think>B"


def test_the_template_says_the_dialect() -> None:
    """Templates of Qwen's, gpt-oss' and plain kinds."""
    assert dialect_of("{{ '<think>' }}") == "think"
    assert dialect_of("<|start|>x<|channel|>final<|message|>") == "harmony"
    assert dialect_of(tiny.tokenizer().chat_template) == "none"
