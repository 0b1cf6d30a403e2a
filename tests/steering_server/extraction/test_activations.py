"""Where the item's part of a prompt begins."""

import pytest

from steering_server.extraction.activations import sequence
from tests.steering_server.conftest import loaded_model


@pytest.mark.parametrize("item", ["\x00", "\x00 and more", "a task", "b", "\n"])
def test_the_prompt_begins_after_the_system_prompt_whatever_the_item(item: str) -> None:
    """Also where the item begins like the text that stands in for it."""
    loaded = loaded_model("llama")
    one, other = (sequence(loaded, "Be brief.", text, None, "prompt") for text in (item, "Zebra"))
    assert one.start == other.start
    assert loaded.tokenizer.decode(one.tokens[one.start :]).startswith(item)
