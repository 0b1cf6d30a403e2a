"""`/v1/completions`: texts as they are, for base models too, with choices and steering."""

from typing import Any

import pytest

from steering_server.model import tiny
from steering_server.model.models import describe
from tests.steering_server.conftest import serving, wait_ready

CHOICES = {"choices": ["A", "B"]}


def complete(client: Any, prompt: Any = "Once upon", **fields: Any) -> Any:
    body = {"model": "tiny", "prompt": prompt, "max_tokens": 6, "temperature": 0}
    return client.http.post("/v1/completions", json=body | fields)


def test_a_text_is_gone_on_from_as_it_is(client: Any) -> None:
    """No template: as many prompt tokens as the text has, and the answer of a conversation whose
    rendering is that text."""
    reply = complete(client).json()
    assert reply["object"] == "text_completion"
    assert reply["usage"]["prompt_tokens"] == len("Once upon")
    rendered = "<s>user\nHello there.</s>\n<s>assistant\n"
    chat = client.chat(max_tokens=6).json()
    text = complete(client, rendered).json()
    assert text["choices"][0]["text"] == chat["choices"][0]["message"]["content"]
    assert text["usage"] == chat["usage"]
    scored = complete(client, logprobs=2).json()["choices"][0]["logprobs"]
    assert len(scored["tokens"]) == len(scored["token_logprobs"]) == 6


def test_choices_and_steering_hold_for_texts(client: Any) -> None:
    """Exact probabilities; a text of the prompt as the place; coefficient 0 is unsteered."""
    plain = complete(client, steering=CHOICES).json()["steering"]
    assert set(plain["choices"]) == {"A", "B"} and plain["mass"] > 0
    where = {"message": 0, "text": "upon"}
    found = []
    for coef in (0, 0.5):
        vector = {"name": "plain", "coef": coef, "positions": where}
        told = complete(client, steering={**CHOICES, "vectors": [vector]}).json()["steering"]
        assert told["vectors"][0]["spans"] == [[5, 9]]
        found.append(told["choices"])
    assert found[0] == plain["choices"] != found[1]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"echo": True}, "echo"),
        ({"suffix": "x"}, "suffix"),
        ({"stream": True}, "stream"),
        ({"logprobs": 21}, "logprobs"),
        ({"messages": []}, "messages"),
    ],
)
def test_what_is_not_honoured_is_refused(client: Any, fields: dict[str, Any], named: str) -> None:
    """By name; nothing is dropped."""
    refused = complete(client, **fields)
    assert refused.status_code == 400 and named in refused.json()["error"]["message"]


def test_a_model_without_a_template_is_served_by_texts_alone() -> None:
    """Conversations are refused with the way out; texts are answered."""
    model, tokenizer = tiny.build("llama")
    tokenizer.chat_template = None
    loaded = describe(model, tokenizer, name="tiny")
    with serving(lambda: loaded, threads=1) as client:
        wait_ready(client)
        assert complete(client, steering=CHOICES).status_code == 200
        refused = client.chat()
        assert refused.status_code == 400
        assert "/v1/completions" in refused.json()["error"]["message"]
        (entry,) = client.http.get("/v1/models").json()["data"]
        assert entry["system"] is False
