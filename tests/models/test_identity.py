"""Who answers, in full: what may be left out of an identity."""

import pytest
from inspect_ai.model import GenerateConfig, get_model

from harness.models.identity import model_identity


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
