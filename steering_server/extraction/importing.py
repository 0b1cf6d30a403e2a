"""Vectors made elsewhere, brought into this project's format.

What a foreign file's length means has to be said: `unit` (norm 1: only a direction), `activation`
(its norm is that of a typical activation, and becomes the reference norm) or `raw` (a difference
of means or the like: only its direction is used).
"""

import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from harness.errors import UsageError
from harness.items.item import Item
from steering_server.extraction.activations import activations, sequence
from steering_server.model.layers import default_layer
from steering_server.model.models import Loaded
from steering_server.vectors.reference import reference_norms
from steering_server.vectors.vectors import NORMS, Norms, Origin, serialize

__all__ = ["SCALES", "FirstRow", "Scale", "import_vector", "measure_norms", "read_foreign"]

Scale = Literal["unit", "activation", "raw"]
FirstRow = Literal["layer", "embedding"]
SCALES: tuple[Scale, ...] = ("unit", "activation", "raw")
_BATCH = 8


def read_foreign(
    path: Path, layer: int | None, *, first_row: FirstRow = "layer"
) -> dict[int, torch.Tensor]:
    """Layer → vector [width] from `.safetensors`, `.npz`, `.npy`, `.pt` or a `.gguf` of repeng's.

    Tensors are either one a layer, whose name ends in the layer's number, or a single one:
    [layers, width], or [width] or [1, width] for `layer`. A table's rows are those of layers 0, 1,
    …; with `first_row` "embedding" the first is left out. `layer` takes that one of several.
    UsageError for anything else.
    """
    found = _by_layer(path, layer, first_row)
    if layer is None or set(found) == {layer}:
        return found
    if layer not in found:
        raise UsageError(f"{path} has no layer {layer}; it has {', '.join(map(str, found))}")
    return {layer: found[layer]}


def _by_layer(path: Path, layer: int | None, first_row: FirstRow) -> dict[int, torch.Tensor]:
    tensors = _tensors(path)
    if not tensors:
        raise UsageError(f"{path} holds no tensor")
    only = next(iter(tensors.values())) if len(tensors) == 1 else None
    table = only is not None and only.ndim == 2
    if first_row == "embedding" and not (only is not None and table and len(only) > 1):
        raise UsageError(f"{path} is no table of layers; --first-row embedding means nothing")
    if only is not None and layer is not None and only.numel() == only.shape[-1]:
        return {layer: only.reshape(-1).to(torch.float32)}
    if only is not None and table:
        rows = only[1:] if first_row == "embedding" else only
        return {index: row.to(torch.float32) for index, row in enumerate(rows)}
    found: dict[int, torch.Tensor] = {}
    for name, tensor in tensors.items():
        number = re.search(r"(\d+)$", name)
        if number is None or tensor.ndim != 1 or int(number[1]) in found:
            raise UsageError(
                f"{path}: cannot tell the layer of {name!r} {tuple(tensor.shape)}; expected one "
                "vector a layer, named by a number at its end, one [layers, width] table, or one "
                "vector and --layer"
            )
        found[int(number[1])] = tensor.to(torch.float32)
    return found


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix == ".npy":
            return {"table": torch.from_numpy(np.load(path, allow_pickle=False))}
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return {name: torch.from_numpy(archive[name]) for name in archive.files}
        if path.suffix in (".pt", ".pth"):
            return _torch_file(path)
        if path.suffix == ".gguf":
            return _gguf_file(path)
    except (
        OSError,
        ValueError,
        SafetensorError,
        RuntimeError,
        KeyError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UsageError(f"cannot read {path}: {reason}") from error
    raise UsageError(f"{path}: expected .safetensors, .npz, .npy, .pt or .gguf")


def _torch_file(path: Path) -> dict[str, torch.Tensor]:
    content = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(content, torch.Tensor):
        return {"table": content}
    if not isinstance(content, dict):
        raise UsageError(f"{path}: expected a tensor or a dict of them, got {type(content)}")
    return _flat(path, content)


def _flat(path: Path, content: Mapping[Any, Any], before: str = "") -> dict[str, torch.Tensor]:
    """The tensors of a dict and of dicts in it, by their names joined with dots."""
    found: dict[str, torch.Tensor] = {}
    for name, value in content.items():
        whole = f"{before}{name}"
        if isinstance(value, dict):
            found |= _flat(path, value, f"{whole}.")
        elif isinstance(value, torch.Tensor) and value.ndim > 0:
            found[whole] = value
        else:
            raise UsageError(
                f"{path}: {whole!r} is {type(value).__name__}; expected tensors, or dicts of them"
            )
    return found


def _gguf_file(path: Path) -> dict[str, torch.Tensor]:
    """A control vector as repeng and llama.cpp write it: `direction.N` is added to the output of
    decoder layer N, counted from 0."""
    from gguf import GGUFReader

    tensors = {tensor.name: np.array(tensor.data) for tensor in GGUFReader(path).tensors}
    other = next((name for name in tensors if not name.startswith("direction.")), None)
    if other is not None or not tensors:
        raise UsageError(f"{path} holds {other or 'nothing'}; expected a control vector")
    return {name: torch.from_numpy(values) for name, values in tensors.items()}


def measure_norms(loaded: Loaded, items: Sequence[Item]) -> Norms:
    """Reference norms of every layer over `items` as prompts, without a system prompt."""
    layers = tuple(range(loaded.depth))
    sequences = [sequence(loaded, None, item.text, None, "prompt") for item in items]
    parts = []
    with torch.inference_mode():
        for at in range(0, len(sequences), _BATCH):
            batch = sequences[at : at + _BATCH]
            parts.append(activations(loaded, batch, selectors=("last",), layers=layers))
    norms = torch.cat([part.norms for part in parts], dim=1)
    first = torch.cat([part.first for part in parts])
    last = torch.cat([part.last for part in parts])
    return reference_norms(norms, first, last, layers)


def _checked(vectors: Mapping[int, torch.Tensor], loaded: Loaded, scale: Scale) -> dict[int, float]:
    """Norms by layer. UsageError for another width, a bad layer, or a length that denies
    `scale`."""
    norms = {}
    for layer, vector in vectors.items():
        if not 0 <= layer < loaded.depth:
            hint = ""
            if sorted(vectors) == list(range(loaded.depth + 1)):
                hint = "; if the first row is the embedding's, give --first-row embedding"
            raise UsageError(f"layer {layer}; {loaded.id} has layers 0 to {loaded.depth - 1}{hint}")
        if len(vector) != loaded.width:
            raise UsageError(f"layer {layer} has width {len(vector)}; expected {loaded.width}")
        size = float(vector.norm())
        if not np.isfinite(size) or size < 1e-8:
            raise UsageError(f"layer {layer} has norm {size:g}; expected a finite one above 1e-8")
        if scale == "unit" and abs(size - 1) > 1e-2:
            raise UsageError(f"layer {layer} has norm {size:g}, not 1; expected --scale raw?")
        norms[layer] = size
    return norms


def import_vector(
    loaded: Loaded,
    vectors: Mapping[int, torch.Tensor],
    *,
    scale: Scale,
    norms: Norms | None,
    note: str,
    created: str,
) -> bytes:
    """The bytes of a vector file. `norms` are needed unless `scale` is `activation`. UsageError."""
    sizes = _checked(vectors, loaded, scale)
    if scale == "activation":
        norms = dict.fromkeys(NORMS, sizes)
    elif norms is None:
        raise UsageError(f"--scale {scale} needs reference norms: --norms-from FILE or --items")
    missing = [layer for layer in vectors if any(layer not in kind for kind in norms.values())]
    if missing:
        raise UsageError(f"no reference norm for layer {missing[0]} in the given norms")
    middle = default_layer(loaded.depth)
    origin = Origin(
        model=loaded.id,
        weights=loaded.weights,
        template=loaded.template,
        method="imported",
        selector="unknown",
        span="unknown",
        default_layer=min(vectors, key=lambda layer: (abs(layer - middle), layer)),
        dtype=loaded.dtype_name,
        created=created,
        note=f"{note}; scale {scale}",
    )
    kept = {kind: {layer: values[layer] for layer in vectors} for kind, values in norms.items()}
    return serialize(vectors, kept, origin)
