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
    {"safety_identifier": "me", "prompt_cache_key": "k", "verbosity": "medium", "top_logprobs": 0},
    {"repetition_penalty": 1.0, "top_k": -1, "min_p": 0, "logit_bias": {"5": 0}, "audio": None},
]
TEXTS: list[dict[str, Any]] = [
    {"top_p": None, "n": None, "stream": None, "logit_bias": None, "user": None, "suffix": None},
    {"echo": False, "best_of": 1, "suffix": "", "stream": False, "presence_penalty": 0.0},
]
TURNS: list[dict[str, Any]] = [
    {"refusal": "", "images": [], "reasoning_details": [], "audio": None, "parsed": None},
    {"content": [{"type": "text", "text": "Hi.", "annotations": None, "cache_control": None}]},
]


@pytest.mark.parametrize("fields", NEUTRAL, ids=lambda fields: ",".join(fields))
def test_null_and_neutral_values_change_nothing(client: Any, fields: dict[str, Any]) -> None:
    """The answer is that of the request without them."""
    body = client.body(seed=3) | fields
    body["seed"], body["temperature"] = 3, 0
    reply = client.http.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    assert reply.json()["choices"] == client.chat(seed=3).json()["choices"]


@pytest.mark.parametrize("fields", TEXTS, ids=lambda fields: ",".join(fields))
def test_they_change_nothing_for_texts_either(client: Any, fields: dict[str, Any]) -> None:
    """Null is the default of `/v1/completions`, too."""
    body = {"model": "tiny", "prompt": "Hello", "temperature": 0, "seed": 3}
    plain = client.http.post("/v1/completions", json=body).json()["choices"]
    reply = client.http.post("/v1/completions", json={"max_tokens": None} | body | fields)
    assert reply.status_code == 200, reply.text
    assert reply.json()["choices"] == plain


@pytest.mark.parametrize("fields", TURNS, ids=lambda fields: ",".join(fields))
def test_they_change_nothing_in_a_turn(client: Any, fields: dict[str, Any]) -> None:
    """Nor in a part of a turn."""
    turns = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hi."}]
    last = {"role": "user", "content": "And?"}
    plain = client.chat(messages=[*turns, last]).json()["choices"]
    reply = client.chat(messages=[turns[0], turns[1] | fields, last])
    assert reply.status_code == 200, reply.text
    assert reply.json()["choices"] == plain


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("max_completion_tokens", {"max_tokens": 4, "max_completion_tokens": 5}),
    ("logit_bias", {"logit_bias": {"5": 0, "6": 1}}),
    ("top_k", {"top_k": 5}),
    ("safety_identifier", {"safety_identifier": {"a": 1}}),
    ("repetition_penalty", {"repetition_penalty": True}),
    ("metadata", {"metadata": {"kept": "yes"}}),
    ("top_logprobs", {"top_logprobs": 1}),
    ("name", {"messages": [{"role": "user", "content": "Hello.", "name": "me"}]}),
]


@pytest.mark.parametrize(("named", "fields"), REFUSED, ids=[named for named, _ in REFUSED])
def test_what_asks_for_something_is_named(client: Any, named: str, fields: dict[str, Any]) -> None:
    """Beside what asks for nothing."""
    reply = client.chat(**fields, presence_penalty=0, seed=None)
    assert reply.status_code == 400 and named in reply.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/models/tiny/", "/v1/chat/completions/", "/nope", "/v1"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_is_not_there_is_an_error_in_openais_form(client: Any, method: str, path: str) -> None:
    """404 or 405, with the four fields; never a redirection."""
    reply = client.http.request(method, path, json=client.body() if method == "POST" else None)
    assert reply.status_code in (404, 405)
    assert set(reply.json()["error"]) == {"message", "type", "code", "param"}


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
