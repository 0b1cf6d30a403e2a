"""What a model's layers give, seen in one pass over one token: never guessed from its weights.

The weights say nothing certain: a quantised checkpoint stores bytes and computes in bfloat16, an
offloaded layer lies elsewhere than it runs.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from harness.errors import UsageError

__all__ = ["Probed", "probe"]


@dataclass(frozen=True)
class Probed:
    """The dtype of the layers' outputs, and the device each layer's output is on."""

    dtype: torch.dtype
    devices: tuple[torch.device, ...]


def probe(model: Any, layers: nn.ModuleList, *, name: str, width: int) -> Probed:
    """Pass one token through `model` and look at what each of `layers` gives.

    UsageError unless each runs once, in order, and gives [rows, tokens, width] of one dtype.
    """
    outputs: list[tuple[int, Any]] = []

    def note(index: int) -> Any:
        def after(module: nn.Module, args: Any, output: Any) -> None:
            outputs.append((index, output[0] if isinstance(output, tuple) else output))

        return after

    handles = [layer.register_forward_hook(note(index)) for index, layer in enumerate(layers)]
    try:
        _pass(model, name)
    finally:
        for handle in handles:
            handle.remove()
    kind = f"{name} ({type(model).__name__}) cannot be steered"
    order = [index for index, _ in outputs]
    if order != list(range(len(layers))):
        told = ", ".join(map(str, order[:12])) or "none"
        raise UsageError(
            f"{kind}: a pass runs its layers in the order {told}; expected 0 to {len(layers) - 1}, "
            "each once"
        )
    for index, hidden in outputs:
        if not isinstance(hidden, torch.Tensor) or hidden.shape != (1, 1, width):
            shape = list(hidden.shape) if isinstance(hidden, torch.Tensor) else type(hidden)
            raise UsageError(
                f"{kind}: layer {index} gives {shape} for one token; expected [1, 1, {width}]"
            )
    dtypes = {hidden.dtype for _, hidden in outputs}
    if len(dtypes) != 1 or not next(iter(dtypes)).is_floating_point:
        raise UsageError(f"{kind}: its layers give {sorted(map(str, dtypes))}; expected one dtype")
    return Probed(next(iter(dtypes)), tuple(hidden.device for _, hidden in outputs))


def _pass(model: Any, name: str) -> None:
    device = model.get_input_embeddings().weight.device
    try:
        with torch.inference_mode():
            model(input_ids=torch.tensor([[1]], device=device), use_cache=False)
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "")
        raise UsageError(
            f"{name} ({type(model).__name__}) cannot be served: a first pass failed with "
            f"{type(error).__name__}: {first}"
        ) from error
