"""What a judge may still settle: answers that say something, and no others."""

import pytest

from harness.text.parse import parse_answer
from harness.wire import Reply

LABELS = ("1", "2", "3", "4", "5")


@pytest.mark.parametrize(
    ("arguments", "unclear"),
    [
        ('{"answer": "around 4"}', True),
        ('{"answer": "4/5"}', True),
        ('{"answer": 9}', True),
        ('{"rating": 4}', True),
        ("a four, I think", True),
        ('{"answer": "4', True),
        ('{"answer": ""}', False),
        ('{"answer": null}', False),
        ('{"answer": true}', False),
        ("{}", False),
        ("", False),
    ],
)
def test_a_tool_call_that_says_something_is_open(arguments: str, unclear: bool) -> None:
    """Arguments with a word or a number in them may be settled; empty ones hold nothing to read."""
    reply = Reply(text="", stop="stop", tool_arguments=arguments)
    answer = parse_answer(reply, labels=LABELS, response="tool", kind="rating")
    assert answer.outcome == "invalid" and answer.unclear == unclear


def test_a_banned_label_is_not_open() -> None:
    """The prompt said that it does not count: there is nothing to settle."""
    reply = Reply(text="", stop="stop", tool_arguments='{"answer": 4}')
    labels = ("1", "2", "3", "5")
    answer = parse_answer(reply, labels=labels, banned=("4",), response="tool", kind="rating")
    assert answer.outcome == "invalid" and not answer.unclear
