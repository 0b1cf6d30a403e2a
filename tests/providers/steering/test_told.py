"""What a record says of the server's part, and what makes another rater."""

from typing import Any

from harness.providers.steering.applied import Applied
from harness.providers.steering.client import ServedModel, told
from harness.providers.steering.options import steering_options

PLAIN: dict[str, Any] = {
    "vectors": [],
    "dtype": "bfloat16",
    "weights": "w",
    "chat_template_kwargs": {},
    "system_as": "system",
    "thought": "",
    "survived": {},
}


def test_the_record_says_how_it_was_rendered_and_what_survived_rounding() -> None:
    """Of several layers the least that survived; nothing is said of what is as ever."""
    found = told(
        PLAIN
        | {
            "chat_template_kwargs": {"enable_thinking": False},
            "system_as": "user",
            "thought": "<think></think>",
            "survived": {"2": 0.97, "5": 0.61},
        }
    )
    assert found["chat_template_kwargs"] == {"enable_thinking": False}
    assert found["system_as"] == "user" and found["thought"] == "<think></think>"
    assert found["survived"] == 0.61
    assert not {"chat_template_kwargs", "system_as", "thought", "survived"} & set(told(PLAIN))


def test_another_rendering_is_another_rater() -> None:
    """The place of system prompts, the template's options at the server and in the request."""

    def identity(served: dict[str, Any], given: dict[str, Any]) -> str:
        own = ServedModel(id="m", layers=4, dtype="float32", weights="w", **served)
        return Applied(steering_options(given), own, ()).identity("steering/m")

    thinking = {"chat_template_kwargs": {"enable_thinking": False}}
    found = [
        identity({}, {}),
        identity({"system_as": "user"}, {}),
        identity(thinking, {}),
        identity({"chat_template_kwargs": {"enable_thinking": True}}, {}),
    ]
    assert len(set(found)) == 4
    assert identity({}, thinking) == found[2]
