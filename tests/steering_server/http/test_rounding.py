"""What rounds away in bfloat16 is said, and below one half it is an error."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from steering_server.model.models import load
from tests.steering_server.conftest import make_vector, serving, wait_ready


@pytest.fixture(scope="module")
def halved() -> Iterator[Any]:
    """A server in bfloat16 with the vector `plain`."""
    loaded = load("tiny:llama", name="tiny", dtype="bfloat16")
    with serving(lambda: loaded, vectors={"plain": make_vector(loaded)}, threads=1) as client:
        wait_ready(client)
        yield client


KINDS: list[dict[str, Any]] = [
    {"max_tokens": 4},
    {"max_tokens": 1},
    {"steering": {"choices": ["A", "B"]}},
    {"steering": {"choices": ["Task A", "Task B"]}},
]


@pytest.mark.parametrize("fields", KINDS)
@pytest.mark.parametrize("positions", ["all", "last_prompt"])
def test_a_dose_that_survives_says_how_much_of_it(
    halved: Any, fields: dict[str, Any], positions: str
) -> None:
    """Nearly all of a large one, in whichever way the row is computed."""
    vector = {"name": "plain", "coef": 0.5, "positions": positions}
    told = halved.steered(vector, **fields).json()["steering"]
    assert set(told["survived"]) == {"2"} and 0.9 < told["survived"]["2"] < 1.1


@pytest.mark.parametrize("fields", KINDS)
@pytest.mark.parametrize("positions", ["all", "last_prompt"])
def test_a_dose_that_rounds_away_is_an_error(
    halved: Any, fields: dict[str, Any], positions: str
) -> None:
    """The answer would be the unsteered one."""
    vector = {"name": "plain", "coef": 1e-5, "positions": positions}
    refused = halved.steered(vector, **fields)
    assert refused.status_code == 422, refused.text
    error = refused.json()["error"]
    assert error["code"] == "rounds_away" and "layer 2" in error["message"]
    assert halved.chat().status_code == 200


def test_generated_tokens_alone_round_away_too(halved: Any) -> None:
    """The span begins after the prompt; in a stream the error is an event."""
    vector = {"name": "plain", "coef": 1e-5, "positions": "generated"}
    assert halved.steered(vector).status_code == 422
    body = halved.body(stream=True, steering={"vectors": [vector]})
    with halved.http.stream("POST", "/v1/chat/completions", json=body) as response:
        lines = [line[6:] for line in response.iter_lines() if line.startswith("data: ")]
    assert "rounds_away" in lines[-1]
    assert not any("[DONE]" in line for line in lines) and json.loads(lines[-1])


def test_in_fp32_everything_survives_and_nothing_is_told_of_nothing(client: Any) -> None:
    """Also a small dose; without steering, or with coefficient 0, there is no share."""
    small = client.steered({"name": "plain", "coef": 1e-3}).json()["steering"]
    assert small["survived"]["2"] == pytest.approx(1, abs=1e-2)
    for reply in (client.chat(), client.steered({"name": "plain", "coef": 0})):
        assert reply.json()["steering"]["survived"] == {}
