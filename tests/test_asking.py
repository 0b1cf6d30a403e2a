from typing import Any

import pytest

from harness.asking import cut_off
from harness.wire import Reply


class Words:
    """A tokenizer that takes each word for a token."""

    def encode(self, text: str, **options: Any) -> list[str]:
        return text.split()


@pytest.mark.parametrize(
    ("text", "tokens", "stop", "tokenizer", "expected"),
    [
        ("A", 1, "unknown", None, "unknown"),
        ("word " * 32, 32, "unknown", None, "max_tokens"),
        ("A", 32, "unknown", Words(), "unknown"),
        ("word " * 31, 32, "unknown", Words(), "max_tokens"),
        ("word " * 32, 32, "stop", None, "stop"),
    ],
)
def test_a_reply_of_full_length_is_cut_off_where_nobody_says_so(
    text: str, tokens: int, stop: Any, tokenizer: Any, expected: str
) -> None:
    """A batch's padding does not count; a provider's own stop reason stands."""
    reply = Reply(text=text, output_tokens=tokens, stop=stop)
    assert cut_off(reply, 32, tokenizer).stop == expected
