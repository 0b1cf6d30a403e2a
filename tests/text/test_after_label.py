"""What stands behind the label is what was done."""

import pytest

from harness.prompts.template import ResponseName
from harness.text.after_label import after_label
from harness.wire import Reply


@pytest.mark.parametrize(
    ("text", "response", "done"),
    [
        ("A\nRoses are red.", "plain", "Roses are red."),
        ("I choose B.\nRoses are red.", "plain", "Roses are red."),
        ("My choice is A\n\nRoses", "plain", "Roses"),
        ("A: Roses are red.", "plain", "Roses are red."),
        ("B) Roses", "plain", "Roses"),
        ("**b** - Roses", "plain", "**b** - Roses"),
        ("a. Roses\nare red", "plain", "Roses\nare red"),
        ("Roses are red.", "plain", "Roses are red."),
        ("Another rose", "plain", "Another rose"),
        ("<think>B</think>A\nRoses", "plain", "Roses"),
        (
            "<answer>A</answer> Roses <answer>B</answer> more",
            "xml",
            "Roses <answer>B</answer> more",
        ),
        ("so <answer>A</answer>\nRoses", "reasoned", "Roses"),
        ("<answer>A</answer> Roses", "plain", "<answer>A</answer> Roses"),
        ("A", "plain", ""),
    ],
)
def test_the_label_is_taken_off(text: str, response: ResponseName, done: str) -> None:
    """On a line of its own, before its line's rest, or in its tag; a letter that begins a word is
    no label."""
    assert after_label(Reply(text=text), labels=("A", "B"), response=response) == done


def test_the_longer_of_two_labels_that_begin_alike_is_meant() -> None:
    """ "Task A2: …" is not "Task A" and then "2: …"."""
    reply = Reply(text="Task A-2: Roses")
    assert after_label(reply, labels=("Task A", "Task A-2"), response="plain") == "Roses"
