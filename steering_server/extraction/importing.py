"""Vectors made elsewhere, brought into this project's format.

What a foreign file's length means has to be said: `unit` (norm 1: only a direction), `activation`
(its norm is that of a typical activation, and becomes the reference norm) or `raw` (a difference
of means or the like: only its direction is used).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
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
Array = np.ndarray[Any, Any]


def read_foreign(
    path: Path, layer: int | None, *, first_row: FirstRow = "layer", depth: int | None = None
) -> dict[int, torch.Tensor]:
    """Layer → vector [width] from `.safetensors`, `.npz`, `.npy`, `.pt` or a `.gguf` of repeng's.

    Tensors are either one a layer, whose name holds the layer's number (at its end, or no other
    number), or a table [layers, width] of the model's `depth` layers (None: not known), or a single
    vector for `layer`; axes of length 1 do not count. With `first_row` "embedding" a table's first
    row is left out. `layer` takes that one of several. UsageError for anything else.
    """
    found = _by_layer(path, layer, first_row, depth)
    if layer is None or set(found) == {layer}:
        return found
    if layer not in found:
        raise UsageError(f"{path} has no layer {layer}; it has {', '.join(map(str, found))}")
    return {layer: found[layer]}


def _by_layer(
    path: Path, layer: int | None, first_row: FirstRow, depth: int | None
) -> dict[int, torch.Tensor]:
    tensors = {name: _numbers(path, name, one) for name, one in _tensors(path).items()}
    if not tensors:
        raise UsageError(f"{path} holds no tensor")
    name, only = next(iter(tensors.items()))
    alone = len(tensors) == 1
    rows = _rows(only) if alone and path.suffix.lower() != ".gguf" else None
    several = rows is not None and len(rows) > 1
    if first_row == "embedding" and not several:
        raise UsageError(f"{path} is no table of layers; --first-row embedding means nothing")
    if rows is not None and several:
        rows = rows[1:] if first_row == "embedding" else rows
        if depth is not None and len(rows) != depth:
            hint = ""
            if len(rows) == depth + 1:
                hint = "; if the first row is the embedding's, give --first-row embedding"
            raise UsageError(f"{path} has {len(rows)} rows; the model has {depth} layers{hint}")
        return dict(enumerate(rows))
    if rows is not None and _layer_in(name) is None:
        if layer is None:
            raise UsageError(f"{path} holds one vector; expected --layer with it")
        return {layer: rows[0]}
    found: dict[int, torch.Tensor] = {}
    for name, tensor in tensors.items():
        number, own = _layer_in(name, alone=alone), _rows(tensor)
        if number is None or own is None or len(own) != 1 or number in found:
            raise UsageError(
                f"{path}: cannot tell the layer of {name!r} {tuple(tensor.shape)}; expected one "
                "vector a layer, named by its number, one [layers, width] table, or one vector "
                "and --layer"
            )
        found[number] = own[0]
    return found


def _numbers(path: Path, name: str, tensor: torch.Tensor) -> torch.Tensor:
    """`tensor` in fp32. UsageError where that would be another one."""
    kind = tensor.dtype
    if kind.is_complex or kind == torch.bool or tensor.is_quantized or tensor.is_meta:
        raise UsageError(f"{path}: {name!r} holds {kind}; expected real numbers")
    if not tensor.numel():
        raise UsageError(f"{path}: {name!r} holds no numbers")
    dense = tensor if tensor.layout == torch.strided else tensor.to_dense()
    return dense.detach().to(torch.float32)


def _rows(tensor: torch.Tensor) -> torch.Tensor | None:
    """[rows, width], axes of length 1 before the last left out; None where two or more are left."""
    if tensor.ndim == 0 or sum(size > 1 for size in tensor.shape[:-1]) > 1:
        return None
    return tensor.reshape(-1, tensor.shape[-1])


def _layer_in(name: str, *, alone: bool = True) -> int | None:
    """The layer that a tensor's name tells. What numpy calls a single array tells none."""
    if alone and re.fullmatch(r"arr_\d+", name):
        return None
    numbers = re.findall(r"\d+", name)
    at_end = re.search(r"\d+$", name)
    told = at_end[0] if at_end else numbers[0] if len(numbers) == 1 else None
    return None if told is None or not told.isascii() or len(told) > 9 else int(told)


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    kind = path.suffix.lower()
    if kind not in _READERS:
        raise UsageError(f"{path}: expected .safetensors, .npz, .npy, .pt or .gguf")
    try:
        return _READERS[kind](path)
    except UsageError:
        raise
    except Exception as error:
        # Bytes from outside, read by five libraries, each with errors of its own.
        reason = next(iter(str(error).strip().splitlines()), "")
        raise UsageError(f"cannot read {path}: {reason or type(error).__name__}") from error


def _npz_file(path: Path) -> dict[str, torch.Tensor]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: _array(archive[name]) for name in archive.files}


def _array(values: Array) -> torch.Tensor:
    """Of either byte order; a text or a record is refused by torch."""
    return torch.from_numpy(np.ascontiguousarray(values, values.dtype.newbyteorder("=")))


def _torch_file(path: Path) -> dict[str, torch.Tensor]:
    content = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(content, list | tuple) and content:
        if not all(isinstance(one, torch.Tensor) for one in content):
            raise UsageError(f"{path}: expected a list of tensors, one a layer")
        content = torch.stack([one.reshape(-1) for one in content])
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


_READERS: dict[str, Callable[[Path], dict[str, torch.Tensor]]] = {
    ".safetensors": load_file,
    ".npy": lambda path: {"table": _array(np.load(path, allow_pickle=False))},
    ".npz": _npz_file,
    ".pt": _torch_file,
    ".pth": _torch_file,
    ".gguf": _gguf_file,
}


def measure_norms(loaded: Loaded, items: Sequence[Item]) -> Norms:
    """Reference norms of every layer over `items` as prompts, without a system prompt."""
    layers = tuple(range(loaded.depth))
    sequences = [sequence(loaded, None, item, None, "prompt") for item in items]
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
