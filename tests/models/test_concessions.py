"""What is conceded to a server that refuses a member of every request, and what is not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.model import GenerateConfig

from harness.models.concessions import Concessions
from harness.models.error_body import read_error

SENT = {"seed": 7, "max_tokens": 64, "logprobs": True, "top_logprobs": 20, "temperature": 1.0}
FASTAPI = {"type": "extra_forbidden", "msg": "Extra inputs are not permitted", "input": 7}
AZURE = "Unrecognized request argument supplied: "
VLLM = "Requested sample logprobs of 20, which is greater than max allowed: 5"


def learnt(body: Any, sent: dict[str, Any] | None = None) -> tuple[str | None, dict[str, Any]]:
    """The line for a person, and the request as it goes from now on."""
    concessions = Concessions()
    asked = SENT if sent is None else sent
    line = concessions.learn(read_error(json.dumps(body).encode()), asked)
    return line, concessions.applied(asked)


def openai(message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return {"error": error}


SEED = [
    openai("Unsupported parameter: 'seed' is not supported", "seed", "unsupported_parameter"),
    openai(AZURE + "seed"),
    openai("property 'seed' is unsupported"),
    {"detail": [FASTAPI | {"loc": ["body", "seed"]}]},
    {"object": "error", "message": {"detail": [FASTAPI | {"loc": ["body", "seed"]}]}},
    {"error": {"code": 400, "message": 'Invalid JSON. Unknown name "seed": Cannot find field.'}},
    openai("litellm.UnsupportedParamsError: x does not support parameters: {'seed': 1}"),
    {"message": "extraneous key [seed] is not permitted"},
    {"error": "seed: Extra inputs are not permitted"},
    {
        "error": {
            "message": "Provider returned error",
            "code": 400,
            "metadata": {"raw": json.dumps(openai(AZURE + "seed")), "provider_name": "Azure"},
        }
    },
]


@pytest.mark.parametrize("body", SEED, ids=str)
def test_a_seed_that_is_not_taken_is_left_out(body: Any) -> None:
    """Whatever form the complaint has, the seed goes and all else stays."""
    line, request = learnt(body)
    assert line is not None
    assert "no seed" in line
    assert request == {name: value for name, value in SENT.items() if name != "seed"}


NAMES = [
    openai(
        "Unsupported parameter: 'max_tokens' is not supported with this model. "
        "Use 'max_completion_tokens' instead.",
        "max_tokens",
        "unsupported_parameter",
    ),
    openai(AZURE + "max_tokens"),
    {"detail": [FASTAPI | {"loc": ["body", "max_tokens"]}]},
]


@pytest.mark.parametrize("body", NAMES, ids=str)
def test_the_limit_on_tokens_goes_by_its_other_name(body: Any) -> None:
    """The number stays, under the name that the server takes, in either direction."""
    _, request = learnt(body)
    assert request["max_completion_tokens"] == 64
    assert "max_tokens" not in request
    other = json.loads(json.dumps(body).replace("max_tokens", "max_completion_tokens"))
    _, request = learnt(other, {"max_completion_tokens": 64})
    assert request == {"max_tokens": 64}


MOST = [
    (openai("Invalid 'top_logprobs': expected a value <= 5, but got 20.", "top_logprobs"), 5),
    (openai("must be less than or equal to 8", "top_logprobs", "integer_above_max_value"), 8),
    ({"object": "error", "message": VLLM, "code": 400}, 5),
    ({"error": "`top_n_tokens` must be >= 0 and <= 5. Given: 20"}, 5),
    ({"error": {"code": 400, "message": "logprobs must be in the range [0, 20)"}}, 19),
    (openai("top_logprobs must be between 0 and 11"), 11),
    (openai("top_logprobs must be less than 6"), 5),
    ({"detail": [{"loc": ["body", "top_logprobs"], "msg": "Input should be at most 3"}]}, 3),
    (openai("top_logprobs: number too large", "top_logprobs"), 10),
]


@pytest.mark.parametrize(("body", "most"), MOST, ids=str)
def test_as_many_alternatives_are_asked_for_as_are_allowed(body: Any, most: int) -> None:
    """The server's own number, else the next of a ladder; everything else stays."""
    line, request = learnt(body)
    assert line is not None
    assert str(most) in line
    assert request == SENT | {"top_logprobs": most}


NONE = [
    openai("You are not allowed to request logprobs from this model"),
    openai("'logprobs' is not supported with this model", "logprobs", "unsupported_parameter"),
    openai(AZURE + "top_logprobs"),
]


@pytest.mark.parametrize("body", NONE, ids=str)
def test_log_probabilities_that_are_not_given_are_not_asked_for(body: Any) -> None:
    """Neither of the two members goes again."""
    _, request = learnt(body)
    assert {"logprobs", "top_logprobs"}.isdisjoint(request)
    assert request["seed"] == 7


OTHER = [
    openai("Unsupported value: 'temperature' does not support 0.7", "temperature"),
    openai("This model's maximum context length is 4096 tokens; you asked for max_tokens 64"),
    openai("max_tokens is too large: 64"),
    openai("the prompt 'plant a seed' is too long"),
    openai("Unsupported parameter: 'seedling'", "seedling", "unsupported_parameter"),
    openai("seed must be at most 5", "seed"),
    {"error": "no"},
    {},
]


@pytest.mark.parametrize("body", OTHER, ids=str)
def test_nothing_else_is_conceded(body: Any) -> None:
    """Another complaint, or one that only quotes a member, leaves the request as it is."""
    assert learnt(body) == (None, SENT)


def test_a_request_from_before_is_sent_again_and_said_once() -> None:
    """What was under way when a concession was made goes again without a second line."""
    concessions = Concessions()
    told = read_error(json.dumps(SEED[0]).encode())
    assert concessions.learn(told, SENT)
    assert concessions.learn(told, SENT) == ""
    assert concessions.learn(told, concessions.applied(SENT)) is None


def test_settings_of_inspect_are_conceded_alike() -> None:
    """A configuration loses the seed, and the renamed limit goes beside it."""
    concessions = Concessions()
    config = GenerateConfig(seed=7, max_tokens=64, temperature=0.5, extra_body={"a": 1})
    for body in (SEED[0], NAMES[0]):
        assert concessions.heard(read_error(json.dumps(body).encode()), config) is not None
        config = concessions.configured(config)
    assert (config.seed, config.max_tokens, config.temperature) == (None, None, 0.5)
    assert config.extra_body == {"a": 1, "max_completion_tokens": 64}


@given(
    complaints=st.lists(
        st.sampled_from([*SEED, *NAMES, *NONE, *OTHER, *(body for body, _ in MOST)]), max_size=40
    )
)
def test_concessions_come_to_an_end(complaints: list[Any]) -> None:
    """Whatever a server complains of, and however often, it is soon asked nothing new."""
    concessions, changes = Concessions(), 0
    for body in complaints * 3:
        request = concessions.applied(SENT)
        changes += concessions.learn(read_error(json.dumps(body).encode()), request) is not None
    assert changes <= 15


def test_a_server_that_does_not_say_its_most_is_asked_for_fewer_and_fewer() -> None:
    """20 alternatives, then each step below; what a server says itself comes first."""
    concessions = Concessions()
    found = []
    for _ in range(7):
        request = concessions.applied(SENT)
        error = openai("top_logprobs: the number is too large", "top_logprobs")
        assert concessions.learn(read_error(json.dumps(error).encode()), request) is not None
        found.append(concessions.applied(SENT)["top_logprobs"])
    assert found == [10, 8, 5, 4, 3, 2, 1]
    assert (
        learnt(openai("top_logprobs must be less than 7", "top_logprobs"))[1]["top_logprobs"] == 6
    )
    assert (
        learnt(openai("top_logprobs must be at most 20", "top_logprobs"))[1]["top_logprobs"] == 10
    )
