"""Who answers, in full: what may be left out of an identity."""

from typing import Any, cast

import pytest
from inspect_ai.model import GenerateConfig, Model, ResponseSchema, get_model
from inspect_ai.util import JSONSchema

from harness.models.identity import model_identity, steering_facts


def identity(**arguments: object) -> str:
    """Identity of a model of Inspect's own with these arguments."""
    model = get_model("mockllm/model", memoize=False, **arguments)
    return model_identity(model, GenerateConfig())


@pytest.mark.parametrize(
    "name",
    ["tokenizer_path", "keyword", "key_layers", "max_token_window", "secretary", "api_keys_file"],
)
def test_an_argument_that_only_sounds_secret_tells_models_apart(name: str) -> None:
    """A name that contains key, token, secret or password is part of the identity."""
    assert identity(**{name: "A"}) != identity(**{name: "B"})


@pytest.mark.parametrize(
    "name", ["api_key", "openai_api_key", "OPENAI_API_KEY", "token", "secret", "password"]
)
def test_a_credential_is_no_part_of_an_identity(name: str) -> None:
    """Who pays does not change what is answered, and a key must not reach a hash."""
    assert identity(**{name: "A"}) == identity(**{name: "B"}) == identity()


HOW_A_CALL_IS_MADE: dict[str, Any] = {
    "max_connections": 7,
    "adaptive_connections": True,
    "max_retries": 3,
    "timeout": 60,
    "attempt_timeout": 30,
    "stream_idle_timeout": 10,
    "cache": True,
    "cache_prompt": True,
    "batch": True,
    "seed": 5,
    "num_choices": 2,
    "logprobs": True,
    "top_logprobs": 5,
    "extra_headers": {"X-Title": "a run"},
    "response_schema": ResponseSchema(name="answer", json_schema=JSONSchema(type="object")),
}
WHAT_THE_MODEL_DOES: dict[str, Any] = {
    "temperature": 0.3,
    "top_p": 0.5,
    "top_k": 7,
    "max_tokens": 100,
    "stop_seqs": ["\n"],
    "system_message": "Be brief.",
    "frequency_penalty": 0.2,
    "presence_penalty": 0.2,
    "logit_bias": {42: 10.0},
    "reasoning_effort": "low",
    "reasoning_tokens": 1000,
    "verbosity": "low",
    "best_of": 3,
    "extra_body": {"provider": {"only": ["deepinfra"]}},
}


def with_settings(**settings: Any) -> str:
    """Identity of one model under these generation settings."""
    return model_identity(get_model("mockllm/model"), GenerateConfig(**settings))


@pytest.mark.parametrize("name", HOW_A_CALL_IS_MADE)
def test_how_a_call_is_made_is_no_part_of_an_identity(name: str) -> None:
    """A run resumed with other time limits, connections, retries or seed finds its answers."""
    assert with_settings(**{name: HOW_A_CALL_IS_MADE[name]}) == with_settings()


@pytest.mark.parametrize("name", WHAT_THE_MODEL_DOES)
def test_what_a_model_does_is_part_of_its_identity(name: str) -> None:
    """Answers under other generation settings are another rater's."""
    assert with_settings(**{name: WHAT_THE_MODEL_DOES[name]}) != with_settings()


def test_name_and_address_are_part_of_an_identity() -> None:
    """Two models, and one model at two addresses, are told apart."""
    plain = GenerateConfig()
    one, other = get_model("mockllm/model"), get_model("mockllm/other")
    there = get_model("mockllm/model", base_url="http://127.0.0.1:9/v1", memoize=False)
    assert len({model_identity(model, plain) for model in (one, other, there)}) == 3


class Steered:
    """Stands in for a steered model whose provider says nothing of its own."""

    api = object()

    def __init__(self, **arguments: Any) -> None:
        self.model_args = arguments

    def __str__(self) -> str:
        return "steering/small"


def test_a_steered_models_record_says_what_its_arguments_say() -> None:
    """Each argument as given, nothing where none was; another provider's model has no facts."""
    given = {"vector": "math", "coef": "0.25", "positions": "response", "operation": "clamp"}
    told = steering_facts(cast("Model", Steered(**given, layers=7)))
    assert told == {**given, "coef": 0.25, "layer": "7"}
    bare = steering_facts(cast("Model", Steered()))
    assert set(bare) == set(told) and set(bare.values()) == {None}
    assert steering_facts(get_model("mockllm/model")) == {}
