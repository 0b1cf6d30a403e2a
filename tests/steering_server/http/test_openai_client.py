"""OpenAI's own client: what it sends that asks for nothing is no error."""

from typing import Any

import openai
import pytest

NEUTRAL: list[dict[str, Any]] = [
    {"temperature": None, "top_p": None, "n": None, "stop": None, "seed": None, "user": None},
    {"presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {}},
    {"tools": [], "tool_choice": "none", "parallel_tool_calls": True, "functions": []},
    {"response_format": {"type": "text"}, "modalities": ["text"], "service_tier": "auto"},
    {"logprobs": False, "top_logprobs": None, "stream": False, "stream_options": None},
    {"store": False, "metadata": {}, "max_completion_tokens": None, "reasoning_effort": None},
]


@pytest.mark.parametrize("fields", NEUTRAL, ids=lambda fields: ",".join(fields))
def test_null_and_neutral_values_change_nothing(client: Any, fields: dict[str, Any]) -> None:
    """The answer is that of the request without them."""
    body = client.body(seed=3) | fields
    body["seed"], body["temperature"] = 3, 0
    reply = client.http.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    assert reply.json()["choices"] == client.chat(seed=3).json()["choices"]


@pytest.fixture
def official(client: Any) -> openai.OpenAI:
    """OpenAI's client on the same server."""
    return openai.OpenAI(base_url=f"{client.server.url}/v1", api_key="none", max_retries=0)


def test_a_reply_may_be_the_next_turn(official: openai.OpenAI) -> None:
    """`message.model_dump()`, with all that it holds."""
    turns: list[Any] = [{"role": "user", "content": "Hello."}]
    first = official.chat.completions.create(model="tiny", messages=turns, max_tokens=4)
    turns += [first.choices[0].message.model_dump(), {"role": "user", "content": "And?"}]
    again = official.chat.completions.create(model="tiny", messages=turns, max_tokens=4)
    assert again.choices[0].finish_reason in ("length", "stop")


def test_models_are_listed_and_retrieved(official: openai.OpenAI) -> None:
    """One by its name; another is not found."""
    assert [model.id for model in official.models.list()] == ["tiny"]
    assert official.models.retrieve("tiny").id == "tiny"
    with pytest.raises(openai.NotFoundError, match="unknown model 'other/one'"):
        official.models.retrieve("other/one")


def test_what_asks_for_something_else_stays_an_error(official: openai.OpenAI) -> None:
    """It is named."""
    turns: list[Any] = [{"role": "user", "content": "Hello."}]
    with pytest.raises(openai.BadRequestError, match="presence_penalty"):
        official.chat.completions.create(model="tiny", messages=turns, presence_penalty=1)
