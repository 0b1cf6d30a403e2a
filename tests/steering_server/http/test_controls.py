"""A question beside random directions: the same rows with another direction, in one request."""

import base64
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from harness.wire import Controls
from steering_server.http.beside import Drawn
from steering_server.http.mean_activation import MeanActivation
from steering_server.model.openings import OPENINGS
from steering_server.vectors.vectors import NORMS, Vector, serialize
from tests.steering_server.conftest import make_vector

CHOICES = ["A", "B"]


def near(expected: list[float]) -> Any:
    """Probabilities of a tiny model may be 1e-9: equal in their logarithms, within 1e-3."""
    return pytest.approx(expected, rel=1e-3, abs=0)


def asked(client: Any, *vectors: dict[str, Any], **controls: Any) -> Any:
    reply = client.steered(*vectors, steering={"choices": CHOICES, "controls": controls})
    assert reply.status_code == 200, reply.text
    return reply.json()


def chosen(client: Any, *vectors: dict[str, Any], choices: Any = CHOICES) -> list[float]:
    reply = client.steered(*vectors, steering={"choices": list(choices)})
    assert reply.status_code == 200, reply.text
    return list(reply.json()["steering"]["choices"].values())


@pytest.mark.parametrize(
    "vectors",
    [
        [{"coef": 0.7}],
        [{"coef": 0.7, "positions": "last_prompt"}],
        [{"operation": "ablate", "positions": [2, 3, -1]}],
        [{"coef": 0.7, "positions": [3, 4]}, {"coef": -0.7, "positions": [6]}],
    ],
)
def test_the_vector_and_unsteered_are_what_they_are_asked_alone(
    client: Any, vectors: list[dict[str, Any]]
) -> None:
    """Beside any number of controls, for every operation and span; the answer is not touched."""
    named = [{"name": "plain", **one} for one in vectors]
    told = asked(client, *named, number=5)["steering"]
    alone, plain = chosen(client, *named), chosen(client)
    found = told["controls"]
    assert [len(found[kind]) for kind in ("random", "angled")] == [5, 5]
    assert list(told["choices"].values()) == near(alone)
    assert found["vector"][0]["choices"] == near(alone)
    assert found["unsteered"][0]["choices"] == near(plain)
    others = [tuple(one["choices"]) for kind in ("random", "angled") for one in found[kind]]
    assert len({*others, tuple(alone), tuple(plain)}) == 12


def test_controls_are_of_equal_norm_and_of_the_angle_to_the_mean(client: Any) -> None:
    """Each is the answer under an inline vector of that direction, norm and place; the angled have
    the vector's cosine with the mean activation; a seed means the same directions again."""
    engine = client.server.engine
    mean = MeanActivation(engine.loaded, engine)
    own = make_vector(engine.loaded)
    found = asked(client, {"name": "plain", "coef": 0.7}, number=3, seed=5)["steering"]["controls"]
    axis = torch.from_numpy(mean()[2]).float()
    axis /= axis.norm()
    for kind in ("random", "angled"):
        for number in range(3):
            drawn = Drawn(mean).vector(own, kind, number, (2,), Controls(seed=5))
            direction = drawn.directions[2]
            assert float(direction.norm()) == pytest.approx(1, abs=1e-5)
            if kind == "angled":
                cosine = float(own.directions[2] @ axis)
                assert float(direction @ axis) == pytest.approx(cosine, abs=1e-5)
            norms = {name: {2: own.reference(2)} for name in NORMS}
            data = serialize({2: direction}, norms, own.origin)
            inline = {"inline": base64.b64encode(data).decode(), "coef": 0.7, "layers": [2]}
            expected = chosen(client, inline)
            assert found[kind][number]["choices"] == near(expected)
    again = asked(client, {"name": "plain", "coef": 0.7}, number=3, seed=5)["steering"]["controls"]
    other = asked(client, {"name": "plain", "coef": 0.7}, number=3, seed=6)["steering"]["controls"]
    for one, same in zip(again["random"], found["random"], strict=True):
        assert one["choices"] == near(same["choices"])
    assert other["random"][0]["choices"] != near(found["random"][0]["choices"])


def test_controls_depend_on_the_seed_and_not_on_a_vectors_last_bits(client: Any) -> None:
    """What is set beside a vector is the same on a machine that rounds otherwise; another vector of
    the same request has directions of its own."""
    own = make_vector(client.server.engine.loaded)
    bits = {layer: one * (1 + 2**-20) for layer, one in own.directions.items()}
    other = replace(own, sha256="f" * 64, directions=bits)
    drawn = Drawn(lambda: {})

    def direction(vector: Vector, **fields: Any) -> torch.Tensor:
        return drawn.vector(vector, "random", 1, (2,), Controls(seed=5), **fields).directions[2]

    assert torch.equal(direction(own), direction(other))
    assert abs(float(direction(own) @ direction(own, place=1))) < 0.9


def test_side_effects_are_of_the_reply_to_this_question(client: Any) -> None:
    """Refusal: the probability of its openings. Coherence: the unsteered model's mean
    log-probability of each token that was written; unsteered, that of its own greedy tokens."""
    vector = {"name": "plain", "coef": 0.7}
    found = asked(client, vector, number=2, tokens=5)["steering"]["controls"]
    for kind, asked_so in (("unsteered", ()), ("vector", (vector,))):
        openings = sum(chosen(client, *asked_so, choices=OPENINGS))
        assert [found[kind][0]["refusal"]] == near([openings])
    greedy = client.chat(max_tokens=5, logprobs=True, top_logprobs=0).json()["choices"][0]
    scores = [one["logprob"] for one in greedy["logprobs"]["content"]]
    assert found["unsteered"][0]["coherence"] == pytest.approx(sum(scores) / len(scores), abs=1e-4)
    written = client.steered(vector, max_tokens=5).json()["choices"][0]["message"]["content"]
    said = client.chat(steering={"choices": [written]}).json()["steering"]["choices"][written]
    assert 5 * found["vector"][0]["coherence"] == pytest.approx(math.log(said), abs=0.05)
    assert found["vector"][0]["coherence"] < found["unsteered"][0]["coherence"]
    bare = asked(client, vector, number=2)["steering"]["controls"]["vector"][0]
    assert set(bare) == {"choices"}


@pytest.mark.parametrize(
    ("fields", "steering", "param"),
    [
        ({}, {"controls": {}}, "steering.controls"),
        ({}, {"controls": {}, "choices": CHOICES, "vectors": []}, "steering.controls"),
        ({"stream": True}, {"controls": {}, "choices": CHOICES}, "steering.controls"),
        ({}, {"controls": {"number": 0}, "choices": CHOICES}, "steering.controls.number"),
        ({}, {"controls": {"number": 200}, "choices": CHOICES}, "steering.controls.number"),
        ({}, {"controls": {"tokens": 9999}, "choices": CHOICES}, "steering.controls.tokens"),
        ({}, {"controls": {"seed": -1}, "choices": CHOICES}, "steering.controls.seed"),
    ],
)
def test_controls_that_cannot_be_are_refused(
    client: Any, fields: dict[str, Any], steering: dict[str, Any], param: str
) -> None:
    """400 naming the field: nothing is answered without what was to stand beside it."""
    steering = {"vectors": [{"name": "plain", "coef": 1}]} | steering
    reply = client.chat(steering=steering, **fields)
    assert reply.status_code == 400 and reply.json()["error"]["param"] == param


def test_a_control_that_overflows_fails_the_question(client: Any) -> None:
    """A missing control would make the others look better."""
    steering = {"choices": CHOICES, "controls": {"number": 2}}
    assert client.steered({"name": "huge", "coef": 10}, steering=steering).status_code == 422
