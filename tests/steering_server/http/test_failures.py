"""Every row of the failure table, over real HTTP: an answer or its reason, never unsteered."""

import threading

import httpx
import pytest

from steering_server.engine.runner import Sizes
from steering_server.http.server import Options, SteeringServer

JSON = {"Content-Type": "application/json"}


def fails(response, status, code, *named):
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["code"] == code, error
    for part in named:
        assert part in error["message"] + str(error["param"]), error
    return response


def test_unknown_vectors_and_models_are_404(client):
    """A name that is not there, or has another content."""
    fails(client.steered({"name": "maths", "coef": 1}), 404, "vector_not_found", "maths", "plain")
    wrong = {"name": "plain", "coef": 1, "sha256": "00ff"}
    fails(client.steered(wrong), 404, "vector_not_found", "00ff")
    fails(client.chat(model="gpt-9"), 404, "model_not_found", "gpt-9", "tiny")


GOOD = {"name": "plain", "coef": 1}
BAD = [
    ({"steering": {"vectors": [GOOD | {"layers": [9]}]}}, "steering.vectors[0].layers[0]"),
    ({"steering": {"vectors": [GOOD, GOOD | {"layers": [1, 1]}]}}, "steering.vectors[1].layers"),
    ({"steering": {"vectors": [GOOD | {"layers": []}]}}, "steering.vectors[0].layers"),
    ({"steering": {"vectors": [GOOD | {"positions": "middle"}]}}, "steering.vectors[0].positions"),
    ({"steering": {"vectors": [GOOD | {"positions": {"start": 5, "end": 2}}]}}, "positions"),
    ({"steering": {"vectors": [GOOD | {"positions": {"start": 9999}}]}}, "positions"),
    ({"steering": {"vectors": [GOOD | {"coef": "much"}]}}, "steering.vectors[0].coef"),
    ({"steering": {"vectors": [GOOD | {"coef": 1e9}]}}, "steering.vectors[0].coef"),
    ({"steering": {"vectors": [GOOD | {"strength": 1}]}}, "steering.vectors[0]"),
    ({"steering": {"vectors": [{"coef": 1}]}}, "steering.vectors[0]"),
    ({"steering": {"vectors": [{"coef": 1, "inline": "AAAA"}]}}, "steering.vectors[0].inline"),
    ({"steering": {"vectors": [{"coef": 1, "inline": [0.1, 0.2]}]}}, "steering.vectors[0].inline"),
    ({"steering": {"choices": []}}, "steering.choices"),
    ({"steering": {"choices": ["A", "A"]}}, "steering.choices"),
    ({"steering": {"choices": ["A", ""]}}, "steering.choices[1]"),
    ({"steering": {"capture": {"layers": [77]}}}, "steering.capture.layers"),
    ({"steering": {"capture": {"layers": [1]}}, "max_tokens": 1}, "steering.capture.span"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": "many"}, "max_tokens"),
    ({"max_tokens": 10**6}, "max_tokens"),
    ({"temperature": -1}, "temperature"),
    ({"top_p": 0}, "top_p"),
    ({"seed": -1}, "seed"),
    ({"n": 0}, "n"),
    ({"stop": [""]}, "stop"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"tools": [{"type": "function"}]}, "tools"),
    ({"presence_penalty": 0.5}, "presence_penalty"),
    ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"logit_bias": {"5": 1}}, "logit_bias"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"steering": None}, "steering"),
    ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": "x", "name": "Ann"}]}, "name"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
]


@pytest.mark.parametrize(("fields", "named"), BAD, ids=[str(bad[0])[:60] for bad in BAD])
def test_bad_fields_are_400_and_named(client, fields, named):
    """Layer, field, type, position, range: the field stands in the message."""
    fails(client.chat(**fields), 400, "invalid_request", named)


@pytest.mark.parametrize("fields", [{"max_tokens": 1}, {"steering": {"choices": ["A", "B"]}}])
def test_what_could_not_act_is_refused(client, fields):
    """Steering only generated tokens does nothing where none is fed back."""
    vector = GOOD | {"positions": "generated"}
    steering = fields.pop("steering", {}) | {"vectors": [vector]}
    fails(client.chat(steering=steering, **fields), 400, "invalid_request", "never act")


def test_a_body_that_is_not_json_is_400(client):
    """Malformed and truncated bodies."""
    for body in (b"", b"{", b'{"model": "tiny"', b"\xff\xfe"):
        fails(
            client.http.post("/v1/chat/completions", content=body, headers=JSON),
            400,
            "invalid_request",
        )


def test_a_steering_given_twice_is_refused(client):
    """Of two, one would be lost: the answer would not be steered as asked."""
    import json

    body = json.dumps(client.body(steering={"vectors": [GOOD]}))
    twice = body[:-1] + ', "steering": {"choices": ["A", "B"]}}'
    refused = client.http.post("/v1/chat/completions", content=twice, headers=JSON)
    fails(refused, 400, "invalid_request", "steering", "twice")
    assert client.chat('{"steering": 1, "steering": 2} "steering"').status_code == 200


def test_a_prompt_that_is_too_long_is_400(client):
    """Prompt alone, or prompt and reply, beyond the context."""
    fails(client.chat("x" * 2000), 400, "context_length_exceeded", "1024")
    fails(client.chat("x" * 900, max_tokens=200), 400, "context_length_exceeded", "200")


def test_a_non_finite_result_is_422_for_that_row_alone(client):
    """An overflowing dose fails; requests beside it are answered as ever."""
    expected = client.chat().json()["choices"]
    answers = {}

    def ask(name, *vectors):
        answers[name] = client.steered(*vectors, max_tokens=8)

    threads = [
        threading.Thread(target=ask, args=(name, *vectors))
        for name, vectors in {
            "bad": [{"name": "huge", "coef": 100}],
            "good": [],
            "steered": [{"name": "plain", "coef": 0.1}],
        }.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fails(answers["bad"], 422, "non_finite_result")
    assert answers["good"].json()["choices"] == expected
    assert answers["steered"].status_code == 200
    scored = {"choices": ["A", "B"], "vectors": [{"name": "huge", "coef": 100}]}
    fails(client.chat(steering=scored), 422, "non_finite_result")


class Gate:
    """Holds a model's passes until it is opened."""

    def __init__(self, loaded):
        self.open = threading.Event()
        self.entered = threading.Event()
        forward = loaded.model.forward

        def gated(*args, **kwargs):
            self.entered.set()
            assert self.open.wait(60)
            return forward(*args, **kwargs)

        loaded.model.forward = gated


@pytest.fixture
def gated(serve_tiny):
    """A server whose model waits at a gate, with room for two rows in the queue."""
    client, loaded = serve_tiny(queue=2)
    gate = Gate(loaded)
    yield client, gate
    gate.open.set()


def in_thread(work):
    box = []
    thread = threading.Thread(target=lambda: box.append(work()))
    thread.start()
    return thread, box


def test_a_full_queue_is_429_with_retry_after(gated):
    """Beyond the queue's limit a request is refused; those taken are all answered."""
    client, gate = gated
    first = in_thread(client.chat)
    assert gate.entered.wait(30)
    rest = [in_thread(lambda: client.chat("Another.")) for _ in range(2)]
    while client.server.engine.queued < 2:
        pass
    refused = fails(client.chat("One more."), 429, "queue_full", "2 of 2")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    gate.open.set()
    for thread, box in (first, *rest):
        thread.join(60)
        assert box[0].status_code == 200


def test_draining_answers_what_was_taken_and_refuses_the_rest(gated):
    """After drain: 503 with its reason for new requests, a whole answer for the one under way."""
    client, gate = gated
    thread, box = in_thread(client.chat)
    assert gate.entered.wait(30)
    client.server.engine.drain()
    refused = fails(client.chat(), 503, "draining")
    assert int(refused.headers["retry-after"]) >= 1
    assert client.http.get("/health").json()["status"] == "draining"
    gate.open.set()
    thread.join(60)
    assert box[0].status_code == 200 and box[0].json()["choices"][0]["finish_reason"]
    assert client.server.engine.join(30)


def test_loading_is_503_and_health_says_so(serve_model):
    """The port answers while the model loads."""
    may_load = threading.Event()
    client, _ = serve_model(lambda: may_load.wait(60))
    refused = fails(client.chat(), 503, "loading")
    assert "retry-after" in refused.headers
    assert client.http.get("/health").json()["status"] == "loading"
    may_load.set()


def test_a_dead_engine_is_503_and_health_says_so(serve_tiny):
    """Passes that keep failing end the engine, not the server; each request gets a reason."""
    client, loaded = serve_tiny()

    def broken(*args, **kwargs):
        raise RuntimeError("device-side assert triggered")

    loaded.model.forward = broken
    codes = [client.chat().json()["error"]["code"] for _ in range(5)]
    assert codes[0] == "engine_error" and codes[-1] == "dead"
    assert client.http.get("/health").json()["status"] == "dead"
    assert client.http.get("/health").status_code == 503


def test_out_of_memory_halves_the_batch_and_a_single_row_is_413(serve_tiny):
    """Rows are retried in smaller batches with unchanged answers; what never fits says so."""
    client, loaded = serve_tiny()
    prompts = [f"Tell me about {n}." for n in range(6)]
    expected = [client.chat(prompt).json()["choices"] for prompt in prompts]
    forward, room = loaded.model.forward, [2]

    def scarce(*args, **kwargs):
        if len(kwargs["input_ids"]) > room[0]:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return forward(*args, **kwargs)

    loaded.model.forward = scarce
    started = [in_thread(lambda prompt=prompt: client.chat(prompt)) for prompt in prompts]
    for thread, _ in started:
        thread.join(60)
    assert [box[0].json()["choices"] for _, box in started] == expected
    room[0] = 0
    fails(client.chat(), 413, "out_of_memory")
    room[0] = 99
    assert client.chat().status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_frees_its_row(gated, stream):
    """Its row is dropped before the next step."""
    client, gate = gated
    with httpx.Client(base_url=client.server.url, timeout=0.3) as hasty:
        body = client.body(max_tokens=500, stream=stream)
        with pytest.raises(httpx.ReadTimeout):
            hasty.post("/v1/chat/completions", json=body)
    gate.open.set()
    assert client.chat(max_tokens=4).status_code == 200
    outcomes = client.server.engine.metrics.outcomes
    assert outcomes["cancelled"] == 1


def test_another_address_needs_a_key(tmp_path):
    """Beyond loopback the server does not start without an API key."""
    from harness.errors import UsageError

    with pytest.raises(UsageError, match="api-key-env"):
        SteeringServer(lambda: None, {}, Options(host="0.0.0.0", port=0), say=print)


def test_the_key_is_asked_for(serve_tiny):
    """With a key, a request without it or with another is 401; health stays open."""
    client, _ = serve_tiny(key="secret-1")
    fails(client.chat(), 401, "invalid_api_key")
    wrong = {"Authorization": "Bearer secret-2"}
    body = client.body()
    fails(
        client.http.post("/v1/chat/completions", json=body, headers=wrong), 401, "invalid_api_key"
    )
    right = {"Authorization": "Bearer secret-1"}
    assert client.http.post("/v1/chat/completions", json=body, headers=right).status_code == 200
    assert client.http.get("/health").status_code == 200


def test_a_body_beyond_all_measure_is_413(client):
    """It is not read to the end."""
    fails(
        client.http.post("/v1/chat/completions", content=b"x" * (33 << 20), headers=JSON),
        413,
        "request_too_large",
    )


def test_vectors_of_another_model_are_refused(client):
    """Registering checks width and weights; another content under a known name is a conflict."""
    import base64

    import torch

    from steering_server.vectors.vectors import NORMS, Origin, serialize

    loaded = client.server.engine.loaded
    base = {"model": "other", "template": "t", "method": "random"}
    base |= {"selector": "none", "span": "prompt"}

    def post(name, width, weights):
        norms = {kind: {0: 1.0} for kind in NORMS}
        origin = Origin(**base, weights=weights, default_layer=0)
        data = base64.b64encode(serialize({0: torch.ones(width)}, norms, origin)).decode()
        return client.http.post("/v1/vectors", json={"name": name, "data": data})

    fails(post("a", 63, loaded.weights), 400, "invalid_vector", "width 63")
    fails(post("a", 64, "ff" * 32), 400, "invalid_vector", "another model")
    fails(post("plain", 64, loaded.weights), 409, "name_taken", "plain")
    fails(client.http.post("/v1/vectors", json={"name": "a", "data": "?"}), 400, "invalid_vector")


def test_sizes_have_defaults():
    """The server starts without being told any size."""
    assert Options().sizes == Sizes()
