"""What is too long is refused before it is tokenised, and what is given up is left."""

import json
import threading

import httpx
import pytest

from steering_server.http.answering import Abandoned
from steering_server.model.lengths import Lengths
from steering_server.model.requests import ApiError
from steering_server.model.tiny import tokenizer

JSON = {"Content-Type": "application/json"}


class Counting:
    """A tokenizer that counts the characters it is given; a token a character, words up to 8."""

    def __init__(self):
        self.characters = 0

    def get_vocab(self):
        return {"x": 0, "x" * 8: 1}

    def __call__(self, text, add_special_tokens):
        self.characters += len(text)
        return type("Encoding", (), {"input_ids": [0] * len(text)})()


@pytest.mark.parametrize(
    "texts", [["x" * 10**7], [" " * 10**7], ["é" * 10**7], ["x"] * 10**6, ["x" * 99_999] * 9]
)
def test_what_no_context_holds_is_refused_by_its_length(texts):
    """More characters than the longest token allows, or more messages than tokens, is a 400."""
    counting = Counting()
    with pytest.raises(ApiError, match="context of 10000 tokens") as refused:
        Lengths(counting, 10_000).check(texts, lambda: None)
    assert refused.value.code == "context_length_exceeded" and counting.characters == 0


def test_counting_stops_when_it_is_plainly_too_long():
    """No more is tokenised than twice the context and a piece."""
    counting = Counting()
    with pytest.raises(ApiError, match="far more tokens"):
        Lengths(counting, 100_000).check(["x" * 790_000], lambda: None)
    assert counting.characters <= 2 * 100_000 + (1 << 15)


def test_what_fits_is_let_through():
    """A prompt of exactly the context is never refused by its length."""
    for text in ("x" * 1024, "日本" * 170, " " * 1024):
        Lengths(tokenizer(), 1024).check([text], lambda: None)
    Lengths(Counting(), 100_000).check(["x" * 100_000], lambda: None)


def test_counting_ends_when_the_client_goes():
    """It is asked before every piece."""
    counting, asked = Counting(), []

    def alive():
        asked.append(1)
        if len(asked) == 3:
            raise Abandoned

    with pytest.raises(Abandoned):
        Lengths(counting, 10**6).check(["x" * 10**6], alive)
    assert counting.characters == 2 << 15


BODIES = {
    "words": lambda: json.dumps({"messages": [{"role": "user", "content": "hello " * 5_400_000}]}),
    "one letter": lambda: json.dumps({"messages": [{"role": "user", "content": "a" * (31 << 20)}]}),
    "messages": lambda: json.dumps({"messages": [{"role": "user", "content": "a"}] * 800_000}),
    "spaces around": lambda: " " * (31 << 20) + "{}",
    "choices": lambda: json.dumps({"steering": {"choices": ["a"] * 6_000_000}}),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("told", [True, False])
def test_a_body_of_31_mb_is_413(client, body, told):
    """Whether its length is told or not: nothing of it is read for tokens."""
    data = body().encode()
    pieces = (data[start : start + (1 << 20)] for start in range(0, len(data), 1 << 20))
    content = data if told else pieces
    refused = client.http.post("/v1/chat/completions", content=content, headers=JSON)
    assert refused.status_code == 413
    assert refused.json()["error"]["code"] == "request_too_large"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"steering": {"choices": [f"a{n}" for n in range(257)]}}, "steering.choices"),
        ({"steering": {"choices": ["a" * 1001]}}, "steering.choices"),
        ({"steering": {"vectors": [{"name": "plain", "coef": 0.1}] * 65}}, "steering.vectors"),
        ({"stop": ["a" * 1001]}, "stop"),
        ({"n": 1025}, "n"),
        ({"chat_template_kwargs": {"a": "a" * 5000}}, "chat_template_kwargs"),
        ({"chat_template_kwargs": {"a": [[]] * 100}}, "chat_template_kwargs"),
    ],
)
def test_what_would_take_for_ever_is_400(client, fields, named):
    """Choices, vectors and stops are labels and few; the field is named."""
    refused = client.chat(**fields)
    assert refused.status_code == 400 and refused.json()["error"]["param"] == named


def test_more_answers_than_the_queue_holds_are_400(serve_tiny):
    """Waiting would not help: it is no 429."""
    client, _ = serve_tiny(queue=4)
    refused = client.chat(n=5)
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "n"
    assert client.chat(n=4, max_tokens=1).status_code == 200


def test_a_long_request_holds_up_no_other(serve_tiny):
    """While one is tokenised others are answered; when its client goes, its reading ends."""
    client, _ = serve_tiny()
    resolver = client.server._service.resolver
    entered, left = threading.Event(), threading.Event()

    def endless(request, alive):
        if not request.turns[0].content.startswith("long"):
            return
        entered.set()
        try:
            while True:
                alive()
        finally:
            left.set()

    resolver.check_length = endless
    with httpx.Client(base_url=client.server.url, timeout=60) as other:

        def hasty():
            body = client.body("long " * 1000)
            with pytest.raises(httpx.ReadTimeout):
                other.post("/v1/chat/completions", json=body, timeout=0.5)

        thread = threading.Thread(target=hasty)
        thread.start()
        assert entered.wait(30)
        assert client.chat().status_code == 200
        thread.join()
    assert left.wait(30)
