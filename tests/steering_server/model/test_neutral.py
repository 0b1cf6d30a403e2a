"""Requests without what asks for nothing."""

import json

import pytest

from steering_server.model.neutral import plainly

TURN = {"role": "user", "content": "Hello."}


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_null_and_neutral_values_go_and_all_else_stays(kind: type) -> None:
    """In the request and in its turns; null stays where it asks for something."""
    turn = TURN | {"annotations": [], "refusal": None, "tool_calls": [1]}
    given = {"store": False, "seed": None, "tools": [], "n": 2, "steering": None, "x": [None]}
    body = json.dumps(given | {"messages": [turn, TURN | {"content": None}, 3]}, indent=1)
    assert json.loads(plainly(kind(body.encode()))) == {
        "n": 2,
        "steering": None,
        "x": [None],
        "messages": [TURN | {"tool_calls": [1]}, TURN | {"content": None}, 3],
    }


def test_a_value_of_another_type_is_not_neutral() -> None:
    """False is no 0, and 0 no False."""
    body = b'{"presence_penalty": false, "store": 0}'
    assert json.loads(plainly(body)) == {"presence_penalty": False, "store": 0}


def test_a_long_value_is_not_looked_into() -> None:
    """What takes memory to read is left as bytes."""
    body = b'{"tools": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}"
    with pytest.raises(RecursionError):
        plainly(body)
    wide = b'{"tools":[' + b"[]," * 100_000 + b"[]]}"
    assert plainly(wide) == wide
