"""The `steering` field in the wire form of vllm-lens, for models that need more than one machine.

vllm-lens (1.2) takes `vllm_xargs` in a request to a vLLM server: `apply_steering_vectors` is the
JSON text of a list of

    {"activations": {"data": base64, "dtype", "original_dtype", "shape"},
     "layer_indices": […], "scale": …, "norm_match": false, "position_indices": […] or null}

with activations [layers, width] added at every position, or [layers, positions, width] at the
positions named. What it cannot express is an error here, as everywhere: `choices`, operations
other than addition, texts, and spans without an end that do not cover everything. It runs in an
environment of its own; only the request goes there.
"""

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import torch

from harness.errors import UsageError
from harness.wire import Span, Steering, SteeringVector
from steering_server.vectors.vectors import Vector

__all__ = ["MOST_POSITIONS", "translate"]

MOST_POSITIONS = 512
"""Positions that one vector may name: each is sent as a vector of its own."""


def _tensor(values: torch.Tensor) -> dict[str, Any]:
    data = values.to("cpu", torch.float32).contiguous().numpy().astype("<f4").tobytes()
    return {
        "data": base64.b64encode(data).decode(),
        "dtype": "float32",
        "original_dtype": "torch.float32",
        "shape": list(values.shape),
    }


def _positions(asked: SteeringVector, prompt: int, limit: int) -> list[int] | None:
    """Positions to name; None for all. UsageError where they cannot be named."""
    fed = prompt + limit - 1
    if isinstance(asked.positions, tuple) or (
        isinstance(asked.positions, Span)
        and (asked.positions.message is not None or asked.positions.start < 0)
    ):
        raise UsageError("positions for vllm-lens are a name or a span of token positions")
    if isinstance(asked.positions, Span):
        start, end = asked.positions.start, asked.positions.end or fed
        end = end + prompt if end < 0 else end
    else:
        start, end = {
            "all": (0, fed),
            "prompt": (0, prompt),
            "response": (prompt - 1, fed),
            "last_prompt": (prompt - 1, prompt),
            "generated": (prompt, fed),
        }[asked.positions]
        if asked.positions == "all":
            return None
    end = min(end, fed)
    if start >= end:
        raise UsageError(f"positions {asked.positions!r} would never act on {fed} tokens")
    if end - start > MOST_POSITIONS:
        raise UsageError(
            f"positions {asked.positions!r} name {end - start} tokens; vllm-lens is sent a vector "
            f"for each, and {MOST_POSITIONS} is the most: expected 'all' or a shorter max_tokens"
        )
    return list(range(start, end))


def translate(
    steering: Steering,
    lookup: Callable[[SteeringVector], Vector],
    *,
    prompt_tokens: int,
    max_tokens: int,
) -> dict[str, str]:
    """`vllm_xargs` for a request; empty for no steering.

    `lookup` gives the vector that is meant. `prompt_tokens` must be the server's own count of the
    rendered conversation (from its `/tokenize`), since positions are absolute. UsageError for
    what vllm-lens cannot do.
    """
    if steering.choices is not None:
        raise UsageError("steering.choices is not known to vllm-lens; expected top_logprobs")
    if steering.controls is not None:
        raise UsageError("steering.controls is not known to vllm-lens")
    if steering.capture is not None and steering.capture.span == "completion" and max_tokens == 1:
        raise UsageError("steering.capture.span 'completion' is empty with max_tokens 1")
    vectors = []
    for asked in steering.vectors:
        if asked.operation != "add" or asked.coef is None:
            raise UsageError(f"vllm-lens adds vectors; {asked.operation} is not known to it")
        vector = lookup(asked)
        layers = asked.layers or (vector.origin.default_layer,)
        unknown = [layer for layer in layers if layer not in vector.directions]
        if unknown:
            raise UsageError(
                f"layer {unknown[0]}; the vector has layers {vector.layers[0]} to "
                f"{vector.layers[-1]}"
            )
        table = torch.stack([vector.delta(layer, 1.0) for layer in layers])
        positions = _positions(asked, prompt_tokens, max_tokens)
        if positions is not None:
            table = table[:, None].expand(-1, len(positions), -1)
        vectors.append(
            {
                "activations": _tensor(table),
                "layer_indices": list(layers),
                "scale": asked.coef,
                "norm_match": False,
                "position_indices": positions,
            }
        )
    xargs: dict[str, str] = {}
    if vectors:
        xargs["apply_steering_vectors"] = msgspec.json.encode(vectors).decode()
    if steering.capture is not None:
        xargs["output_residual_stream"] = msgspec.json.encode(steering.capture.layers).decode()
    return xargs
