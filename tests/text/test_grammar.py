"""What a scale takes for a label of its own."""

import pytest

from harness.text.grammar import scale_of

LABELS = ("1", "2", "3", "4", "5")


@pytest.mark.parametrize(
    ("text", "closes"),
    [
        ("4", True),
        ("I liked it a lot.\n4", True),
        ("4\nI liked it a lot", False),
        ("I liked it a lot. 4", True),
        ("My answer: 4.", True),
        ("I liked it a lot, 4 of the parts", False),
        ("I liked it a lot.", False),
        ("", False),
    ],
)
def test_the_last_line_or_its_last_sentence_gives_a_label(text: str, closes: bool) -> None:
    """Either is enough: a text that ends so is not cut off before its answer."""
    assert scale_of(LABELS, (), "rating").closing(text) == closes


def test_a_number_that_is_on_no_scale_is_told() -> None:
    """Of a scale of numbers, whatever else the text holds; words have no such number."""
    scale = scale_of(LABELS, (), "rating")
    assert scale.off_scale("7") and scale.off_scale("4 or 6") and not scale.off_scale("4 or 5")
    assert not scale.off_scale("none")
    assert not scale_of(("bad", "good"), (), "rating").off_scale("7")


@pytest.mark.parametrize(
    ("text", "told"),
    [("4 or 5", {"4", "5"}), ("Four", set()), ("3.0", {"3"}), ("7", set()), ("**2**", {"2"})],
)
def test_labels_that_a_text_mentions(text: str, told: set[str]) -> None:
    """By their value."""
    assert scale_of(LABELS, (), "rating").mentioned(text) == told
