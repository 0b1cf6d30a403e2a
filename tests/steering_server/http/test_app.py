"""The API over real HTTP: what is answered, and that it says what was applied."""

import base64
import json

import numpy as np
import pytest


def content(response):
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["message"]["content"]


def streamed(client, **fields):
    """Text, finish reason, steering and whether it ended properly, from a stream."""
    text, finish, steering = "", None, None
    body = client.body(stream=True, **fields)
    with client.http.stream("POST", "/v1/chat/completions", json=body) as response:
        assert response.status_code == 200
        events = [line[6:] for line in response.iter_lines() if line.startswith("data: ")]
    for event in map(json.loads, events[:-1]):
        steering = event.get("steering", steering)
        for choice in event["choices"]:
            text += choice["delta"].get("content", "")
            finish = choice["finish_reason"] or finish
    return text, finish, steering, events[-1]


@pytest.mark.parametrize("temperature", [0, 1])
def test_streaming_says_what_not_streaming_says(client, temperature):
    """The same request streamed gives the same text, ending and steering."""
    steering = {"vectors": [{"name": "plain", "coef": 0.3}]}
    for prompt in ("Hello there.", "Erzähl mir von Ålesund: 日本", "x"):
        fields = {"temperature": temperature, "seed": 7, "max_tokens": 20, "steering": steering}
        whole = client.chat(prompt, **fields)
        text, finish, told, last = streamed(client, prompt=prompt, **fields)
        assert text == content(whole)
        assert finish == whole.json()["choices"][0]["finish_reason"]
        assert told == whole.json()["steering"]
        assert last == "[DONE]"


def test_the_reply_echoes_what_was_applied(client):
    """Hash, coefficient, layers, norms, positions and precision stand in the reply."""
    told = client.steered({"name": "plain", "coef": 0.25, "positions": "response"}).json()
    (vector,) = told["steering"]["vectors"]
    known = client.http.get("/v1/vectors").json()["data"]
    (plain,) = [one for one in known if one["name"] == "plain"]
    assert vector["sha256"] == plain["sha256"]
    assert (vector["coef"], vector["layers"], vector["norms"]) == (0.25, [2], [8.0])
    assert vector["positions"] == "response"
    assert told["steering"]["dtype"] == "float32"


def test_coefficient_zero_is_the_unsteered_answer_and_others_are_not(client):
    """Zero changes nothing; a coefficient does."""
    choices = {"choices": ["A", "B", "C"]}
    plain = client.chat(steering=choices).json()["steering"]["choices"]
    zero = client.steered({"name": "plain", "coef": 0}, steering=choices)
    some = client.steered({"name": "plain", "coef": 0.5}, steering=choices)
    assert zero.json()["steering"]["choices"] == plain
    assert some.json()["steering"]["choices"] != plain


def test_choices_are_probabilities_and_the_text_is_the_best(client):
    """Probabilities of the allowed answers sum to the mass; the text is the most probable."""
    reply = client.chat(steering={"choices": ["A", "B", "Task A"]}).json()
    table = reply["steering"]["choices"]
    assert (
        sum(table.values()) == pytest.approx(reply["steering"]["mass"])
        and 0 < sum(table.values()) <= 1
    )
    assert content(client.chat(steering={"choices": ["A", "B", "Task A"]})) == max(
        table, key=table.get
    )
    text, finish, told, _ = streamed(client, steering={"choices": ["A", "B", "Task A"]})
    assert told["choices"] == table and finish == "stop" and text == max(table, key=table.get)


def captured(response):
    table = response.json()["choices"][0]["capture"]
    return {
        int(layer): np.frombuffer(base64.b64decode(data), "<f4") for layer, data in table.items()
    }


@pytest.mark.parametrize("coef", [-0.25, 0.1, 1.0])
def test_the_dose_is_the_coefficient(client, coef):
    """The captured change at the layer has the norm coefficient × reference, within 1e-3."""
    capture = {"capture": {"layers": [1, 2], "span": "prompt"}}
    fields = {"max_tokens": 1, "steering": capture}
    plain = captured(client.chat(**fields))
    moved = captured(client.steered({"name": "plain", "coef": coef}, **fields))
    assert np.array_equal(plain[1], moved[1])
    assert np.linalg.norm(moved[2] - plain[2]) / 8.0 == pytest.approx(abs(coef), rel=1e-3)


def test_an_inline_vector_is_the_registered_one(client):
    """A vector sent along acts as the same one registered; registering again is no conflict."""
    from safetensors.torch import save

    from steering_server.vectors.vectors import NORMS

    engine = client.server.engine
    vector = client.server._registry.named()["plain"]
    import msgspec
    import torch

    tensors = {f"vector.{layer}": value for layer, value in vector.directions.items()}
    tensors |= {f"norms.{kind}": torch.tensor(list(vector.norms[kind].values())) for kind in NORMS}
    origin = msgspec.json.encode(vector.origin).decode()
    data = base64.b64encode(save(tensors, metadata={"penchant": origin})).decode()
    named = client.steered({"name": "plain", "coef": 0.4})
    inline = client.steered({"inline": data, "coef": 0.4})
    assert content(inline) == content(named)
    assert inline.json()["steering"]["vectors"][0]["sha256"] == vector.sha256
    for _ in range(2):
        assert (
            client.http.post("/v1/vectors", json={"name": "new", "data": data}).status_code == 201
        )
    assert engine.state == "ready"


def test_n_answers_have_seeds_of_their_own(client):
    """The first of several answers is that of one alone; the others differ from it."""
    fields = {"temperature": 1, "seed": 3, "max_tokens": 12}
    several = client.chat(n=3, **fields).json()["choices"]
    texts = [choice["message"]["content"] for choice in several]
    assert texts[0] == content(client.chat(**fields))
    assert len(set(texts)) == 3


def test_a_conversation_that_ends_in_an_assistant_turn_is_continued(client):
    """The model goes on from the given words."""
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "I think"}]
    reply = client.chat(messages=messages)
    assert reply.status_code == 200
    assert (
        reply.json()["usage"]["prompt_tokens"] > client.chat("Hi").json()["usage"]["prompt_tokens"]
    )


def test_logprobs_are_of_the_tokens_given(client):
    """Each token's log-probability is the best at temperature 0, with so many alternatives."""
    entries = client.chat(logprobs=True, top_logprobs=3).json()["choices"][0]["logprobs"]["content"]
    for entry in entries:
        assert len(entry["top_logprobs"]) == 3
        assert entry["logprob"] == entry["top_logprobs"][0]["logprob"]


def test_metrics_models_and_health(client):
    """What the server says of itself."""
    assert client.http.get("/v1/models").json()["data"][0]["id"] == "tiny"
    assert client.http.get("/health").json()["status"] == "ready"
    text = client.http.get("/metrics").text
    assert "steering_tokens_per_second" in text and "steering_evictions_total" in text
