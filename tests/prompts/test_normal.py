"""Spelling: what makes two labels the same answer."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.prompts.normal import plain_digits, spelling


@pytest.mark.parametrize(
    ("text", "spelt"),
    [("**A**", "a"), ('"4".', "4"), ("+3", "3"), ("−3", "-3"), ("４", "4"), ("Task  B!", "task b")],
)
def test_spelling(text: str, spelt: str) -> None:
    """Case, quotes, Markdown, punctuation, a plus and other digits make no difference."""
    assert spelling(text) == spelt


@pytest.mark.parametrize("text", [".5", "-4", "~4~", "4%"])
def test_signs_that_change_a_number_stay(text: str) -> None:
    """A decimal point, a minus, a strike-through or a per cent sign is not trimmed away."""
    assert spelling(text) != text.strip(".-~%")


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=20))
def test_spelling_is_idempotent(text: str) -> None:
    """Spelling what is already spelt changes nothing but a sign that trimming laid bare."""
    assert plain_digits(plain_digits(text)) == plain_digits(text)
    assert spelling(text) == spelling(f"  {text}\n")


RAISED = [
    char for char in map(chr, range(0x80, 0x20000)) if unicodedata.category(char) in ("No", "So")
]


@settings(deadline=None, max_examples=300)
@given(number=st.integers(0, 100).map(str), sign=st.sampled_from(RAISED), before=st.booleans())
def test_folding_joins_no_digits(number: str, sign: str, before: bool) -> None:
    """A raised, lowered, circled or fractional digit beside a number makes no other number."""
    text = f"{sign}{number}" if before else f"{number}{sign}"
    assert not spelling(text).isdecimal() or spelling(text) == number
