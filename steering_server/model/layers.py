"""Where a model keeps its decoder layers.

Layer L means the output of decoder layer L, counted from 0. The layers are the one `ModuleList`
of the text decoder whose length is the configuration's `num_hidden_layers`. Whether they are what
they seem is decided by passes: see `probe` and `engine/self_test`.
"""

from typing import Any

from torch import nn
from transformers.pytorch_utils import Conv1D

from harness.errors import UsageError

__all__ = ["columnwise", "default_layer", "find_layers"]

_COLUMNWISE = ("mlp", "self_attn.q_proj", "self_attn.o_proj", "attention.dense", "attn.c_proj")
"""Parts of a decoder layer that treat each token by itself, by the names that families use."""

_TOWERS = ("vision", "visual", "image", "audio", "encoder", "embed_tokens_extend")
"""What the names of modules have in them that do not read text."""


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
    if len(found) > 1:
        found = _of_the_text(model, found)
    if len(found) != 1:
        raise UsageError(
            f"cannot tell the decoder layers of {type(model).__name__}: {len(found)} module lists "
            f"of length {size} ({', '.join(found) or 'none'}); expected exactly one"
        )
    return next(iter(found.values()))


def _of_the_text(model: Any, found: dict[str, nn.ModuleList]) -> dict[str, nn.ModuleList]:
    """Those of `found` in the decoder that reads text, where a tower for images or sound is as
    deep."""
    decoder = model.get_decoder() if hasattr(model, "get_decoder") else None
    if decoder is None:
        return found
    inside = {id(module) for module in decoder.modules()}
    return {
        name: module
        for name, module in found.items()
        if id(module) in inside and not any(part in name for part in _TOWERS)
    } or found


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
