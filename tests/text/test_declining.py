"""Whether a text beside a label declines the answer, or the task."""

import pytest

from harness.text.declining import declines_answer, declines_task

DECLINES = (
    "I will not do this task.",
    "I won't help with that.",
    "I can't complete this task.",
    "Sorry, but I refuse to do this.",
)
DOES = (
    "I will do this task.",
    "I would enjoy this task very much.",
    "Happy to help with that.",
    "This was a pleasure to complete.",
)


@pytest.mark.parametrize("text", DECLINES)
def test_a_text_that_will_not_declines_the_task(text: str) -> None:
    """The writer is the subject, and the task what is refused."""
    assert declines_task(text)


@pytest.mark.parametrize("text", DOES)
def test_a_text_without_a_negation_declines_nothing(text: str) -> None:
    """Words of tasks and of help alone refuse neither the task nor the answer."""
    assert not declines_task(text)
    assert not declines_answer(text, choice=True) and not declines_answer(text, choice=False)


@pytest.mark.parametrize("text", ["I will not rate this.", "I decline to give a number."])
def test_declining_to_rate_is_declining_the_answer(text: str) -> None:
    """Whatever is asked."""
    assert declines_answer(text, choice=False) and declines_answer(text, choice=True)


def test_declining_to_choose_is_declining_a_choice_alone() -> None:
    """A rating has nothing to choose."""
    text = "I will not choose between them."
    assert declines_answer(text, choice=True) and not declines_answer(text, choice=False)
