"""Where the item's part of a prompt begins, and what is too long for one."""

from dataclasses import replace

import pytest

from harness.errors import UsageError
from harness.items.item import Item
from harness.prompts.conditions import Condition
from steering_server.extraction.activations import sequence
from steering_server.extraction.extract import Settings, check_conditions, plan_for
from steering_server.extraction.importing import measure_norms
from steering_server.model.conversation import Style
from tests.steering_server.conftest import loaded_model


@pytest.mark.parametrize("item", ["\x00", "\x00 and more", "a task", "b", "\n"])
def test_the_prompt_begins_after_the_system_prompt_whatever_the_item(item: str) -> None:
    """Also where the item begins like the text that stands in for it."""
    loaded = loaded_model("llama")
    one, other = (
        sequence(loaded, "Be brief.", Item(id="i", text=text, origin="o"), None, "prompt")
        for text in (item, "Zebra")
    )
    assert one.start == other.start
    assert loaded.tokenizer.decode(one.tokens[one.start :]).startswith(item)


def test_an_item_longer_than_the_context_is_refused_before_anything_is_asked() -> None:
    """By its name: beyond the context some models answer otherwise, to the rows beside it too."""
    loaded = replace(loaded_model("llama"), context=60)
    short, long = (Item(id=name, text=name * 40, origin="o") for name in ("s", "long"))
    love, hate = (Condition(name=name, text="") for name in ("love", "hate"))
    settings = Settings(love, hate, ("last",), "prompt", (2,))
    check_conditions(loaded, [short], settings)
    for items, of in (
        ([short, long], settings),
        ([short], replace(settings, span="completion")),
    ):
        with pytest.raises(UsageError, match=f"item '{items[-1].id}' has .* takes 60"):
            check_conditions(loaded, items, of)
    with pytest.raises(UsageError, match=r"item 'long' has .* takes 60"):
        measure_norms(loaded, [short, long])


def test_a_vector_of_another_rendering_is_not_gone_on_with() -> None:
    """Options of the template and the place of system prompts are part of what is extracted."""
    loaded = loaded_model("llama")
    settings = Settings(
        Condition(name="love", text="Love."), Condition(name="hate", text="Hate."), ("last",),
        "prompt", (2,),
    )  # fmt: skip
    plans = [
        plan_for(replace(loaded, style=style), [], settings)
        for style in (Style(), Style({"enable_thinking": False}), Style(system_as="user"))
    ]
    assert plans[0] != plans[1] != plans[2] != plans[0]
