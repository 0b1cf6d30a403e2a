"""The translation for vllm-lens, against its recorded wire form: the same delta, or an error."""

import base64
import json
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from harness.errors import UsageError
from harness.wire import Capture, Span, Steering, SteeringVector
from steering_server.vectors.vectors import NORMS, Origin, parse, serialize
from steering_server.vectors.vllm_lens import translate

ORIGIN = Origin(
    model="m",
    weights="w",
    template="t",
    method="random",
    selector="none",
    span="prompt",
    default_layer=1,
)
DIRECTIONS = {
    layer: torch.randn(6, generator=torch.Generator().manual_seed(layer)) for layer in range(3)
}
VECTOR = parse(
    serialize(DIRECTIONS, {kind: dict.fromkeys(range(3), 4.0) for kind in NORMS}, ORIGIN), where="t"
)


class RecordedTensor(msgspec.Struct, forbid_unknown_fields=True):
    """A tensor as vllm-lens 1.2 reads it (uncompressed form)."""

    data: str
    dtype: str
    original_dtype: str
    shape: list[int]


class RecordedVector(msgspec.Struct, forbid_unknown_fields=True):
    """`SteeringVector` as vllm-lens 1.2 reads it."""

    activations: RecordedTensor
    layer_indices: list[int]
    scale: float
    norm_match: bool
    position_indices: list[int] | None


def sent(prompt: int = 10, limit: int = 5, **fields: Any) -> tuple[RecordedVector, np.ndarray]:
    steering = Steering(vectors=(SteeringVector(name="v", **fields),))
    xargs = translate(steering, lambda asked: VECTOR, prompt_tokens=prompt, max_tokens=limit)
    assert set(xargs) == {"apply_steering_vectors"}
    (vector,) = msgspec.json.decode(xargs["apply_steering_vectors"], type=list[RecordedVector])
    tensor = vector.activations
    assert (tensor.dtype, tensor.original_dtype) == ("float32", "torch.float32")
    raw = base64.b64decode(tensor.data)
    return vector, np.frombuffer(raw, tensor.dtype).reshape(tensor.shape)


@pytest.mark.parametrize("coef", [-0.5, 0.25])
def test_everywhere_is_one_vector_a_layer_and_the_same_delta(coef):
    """scale × activations is coefficient × reference × unit, [layers, width], no norm matching."""
    vector, table = sent(coef=coef, layers=(0, 2))
    assert vector.layer_indices == [0, 2] and vector.position_indices is None
    assert not vector.norm_match and table.shape == (2, 6)
    for row, layer in zip(table, (0, 2), strict=True):
        assert np.allclose(vector.scale * row, VECTOR.delta(layer, coef).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        ("prompt", list(range(10))),
        ("last_prompt", [9]),
        ("response", [9, 10, 11, 12, 13]),
        ("generated", [10, 11, 12, 13]),
        (Span(3, 5), [3, 4]),
        (Span(12), [12, 13]),
    ],
)
def test_spans_become_positions(positions, expected):
    """Each named position gets the same vector; the token that is not fed back gets none."""
    vector, table = sent(coef=1.0, positions=positions)
    assert vector.position_indices == expected
    assert table.shape == (1, len(expected), 6)
    assert np.allclose(table, VECTOR.delta(1, 1.0).numpy(), atol=1e-6)


def test_what_it_cannot_express_is_an_error():
    """Choices, spans that never act, too many positions, a layer that is not there."""

    def refuse(steering: Steering, match: str, **sizes: int) -> None:
        sizes = {"prompt_tokens": 10, "max_tokens": 5} | sizes
        with pytest.raises(UsageError, match=match):
            translate(steering, lambda asked: VECTOR, **sizes)

    def one(**fields: Any) -> Steering:
        return Steering(vectors=(SteeringVector(name="v", coef=1.0, **fields),))

    refuse(Steering(choices=("A", "B")), "choices")
    refuse(one(positions="generated"), "never act", max_tokens=1)
    refuse(one(positions="response"), "512", max_tokens=4000)
    refuse(one(operation="ablate"), "ablate is not known")
    refuse(one(layers=(7,)), "layers 0 to 2")
    refuse(Steering(capture=Capture(layers=(1,))), "empty", max_tokens=1)


def test_no_steering_is_nothing_and_a_capture_names_its_layers():
    """Nothing is sent for nothing."""
    nothing = translate(Steering(), lambda asked: VECTOR, prompt_tokens=3, max_tokens=3)
    assert nothing == {}
    steering = Steering(capture=Capture(layers=(1, 2), span="prompt"))
    xargs = translate(steering, lambda asked: VECTOR, prompt_tokens=3, max_tokens=3)
    assert json.loads(xargs["output_residual_stream"]) == [1, 2]
