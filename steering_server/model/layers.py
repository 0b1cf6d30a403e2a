"""Where a model keeps its decoder layers.

Layer L means the output of decoder layer L, counted from 0. The layers are the one `ModuleList`
whose length is the configuration's `num_hidden_layers`; every family that was tried (Llama,
Gemma 2 and 3, Qwen 3, Mistral, Phi 3, OLMo 2, GPT-NeoX, GPT-2) has exactly one.
"""

from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from harness.errors import UsageError

__all__ = ["columnwise", "default_layer", "find_layers", "layer_devices"]

_COLUMNWISE = ("mlp", "self_attn.q_proj", "self_attn.o_proj", "attention.dense", "attn.c_proj")
"""Parts of a decoder layer that treat each token by itself, by the names that families use."""


def _size(model: nn.Module) -> int:
    config: Any = model.config
    return int(config.get_text_config(decoder=True).num_hidden_layers)


def find_layers(model: nn.Module) -> nn.ModuleList:
    """The decoder layers of `model`. UsageError when there is not exactly one candidate."""
    size = _size(model)
    found = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == size
    }
    if len(found) != 1:
        raise UsageError(
            f"cannot tell the decoder layers of {type(model).__name__}: {len(found)} module lists "
            f"of length {size} ({', '.join(found) or 'none'}); expected exactly one"
        )
    return next(iter(found.values()))


def layer_devices(layers: nn.ModuleList) -> tuple[torch.device, ...]:
    """The device each layer's output lives on (they differ under a device map)."""
    return tuple(next(layer.parameters()).device for layer in layers)


def default_layer(count: int) -> int:
    """The layer used when none is named: a little past the middle (16 of 30, 2 of 4)."""
    return 11 * count // 20


def columnwise(layer: nn.Module) -> list[nn.Module]:
    """The parts of `layer` that map each token by itself, as plain matrix products do.

    What routes tokens among experts is not among them: it may look at all tokens at once.
    """
    found = [module for name, module in layer.named_modules() if name in _COLUMNWISE]
    return [module for module in found if all(map(_plain, module.modules()))]


def _plain(module: nn.Module) -> bool:
    if isinstance(module, nn.ModuleList):
        return False
    own = next(module.parameters(recurse=False), None)
    return own is None or isinstance(module, nn.Linear | Conv1D)
