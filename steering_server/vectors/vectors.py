"""A vector file: one unit direction a layer, and what a dose means there.

Format: safetensors. `vector.{layer}` is fp32 of unit norm; `norms.{kind}` holds one number for
each of those layers, in increasing order, for each kind of reference norm; the metadata entry
`penchant` is the JSON of `Origin`. What is added at a layer is

    coefficient × reference norm × unit direction

so that coefficient 0.1 is a tenth of a typical activation. The reference is the mean norm
without each sequence's first token: that token is an attention sink whose norm can be a hundred
times the others', and would make every dose several times too strong.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from harness.errors import UsageError
from harness.wire import FORMAT_VERSION

__all__ = ["NORMS", "REFERENCE", "Method", "Norms", "Origin", "Vector", "parse", "serialize"]

Method = Literal["mean_diff", "pca", "logistic", "random", "imported", "probe"]
Norms = dict[str, dict[int, float]]

NORMS = ("mean_without_sink", "median", "last", "mean_all")
"""Kinds of reference norm that `extract` measures."""
REFERENCE = "mean_without_sink"
"""The kind a dose is a multiple of."""


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a vector comes from. `weights` and `template` are the model's hashes (see
    `models.Loaded`), `items` the hash of the items' ids and texts, `count` how many there were,
    `created` an ISO date. `note` is free text."""

    model: str
    weights: str
    template: str
    method: Method
    selector: str
    span: str
    default_layer: int
    positive: str = ""
    negative: str = ""
    items: str = ""
    count: int = 0
    dtype: str = "float32"
    created: str = ""
    seed: int | None = None
    note: str = ""
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True, eq=False)
class Vector:
    """A checked vector file. `directions` maps layers to unit vectors [width], fp32, CPU."""

    sha256: str
    origin: Origin
    directions: Mapping[int, torch.Tensor]
    norms: Norms

    @property
    def width(self) -> int:
        """Length of each direction."""
        return len(next(iter(self.directions.values())))

    @property
    def layers(self) -> tuple[int, ...]:
        """Layers the file has a direction for, increasing."""
        return tuple(sorted(self.directions))

    def reference(self, layer: int) -> float:
        """The norm that coefficient 1 stands for at `layer`."""
        return self.norms[REFERENCE][layer]

    def delta(self, layer: int, coef: float) -> torch.Tensor:
        """What coefficient `coef` adds at `layer`: [width], fp32."""
        return (coef * self.reference(layer)) * self.directions[layer]


def serialize(directions: Mapping[int, torch.Tensor], norms: Norms, origin: Origin) -> bytes:
    """The bytes of a vector file; directions are brought to unit norm.

    UsageError for a direction that is zero or not finite.
    """
    layers = sorted(directions)
    tensors: dict[str, torch.Tensor] = {}
    for layer in layers:
        direction = directions[layer].to("cpu", torch.float64)
        size = float(direction.norm())
        if not math.isfinite(size) or size < 1e-8:
            raise UsageError(
                f"the direction at layer {layer} has norm {size:g}; expected a finite one above "
                "1e-8 (do the two conditions differ in this span?)"
            )
        tensors[f"vector.{layer}"] = (direction / size).to(torch.float32).contiguous()
    for kind, values in norms.items():
        tensors[f"norms.{kind}"] = torch.tensor([values[layer] for layer in layers])
    metadata = {"penchant": msgspec.json.encode(origin).decode()}
    return save_tensors(tensors, metadata=metadata)


def _header(data: bytes, where: str) -> dict[str, Any]:
    try:
        size = int.from_bytes(data[:8], "little")
        header: dict[str, Any] = msgspec.json.decode(data[8 : 8 + size])
    except (msgspec.DecodeError, OverflowError) as error:
        raise UsageError(f"{where} is not a safetensors file") from error
    return header


def _origin(data: bytes, where: str) -> Origin:
    metadata = _header(data, where).get("__metadata__") or {}
    if "penchant" not in metadata:
        raise UsageError(
            f"{where} is not a vector file of this project; "
            "`steering-server vectors import` makes one from other formats"
        )
    try:
        origin = msgspec.json.decode(metadata["penchant"], type=Origin)
    except msgspec.DecodeError as error:
        raise UsageError(f"{where}: unreadable metadata: {error}") from error
    if origin.format_version != FORMAT_VERSION:
        raise UsageError(
            f"{where}: format version {origin.format_version}, expected {FORMAT_VERSION}"
        )
    return origin


def _check_directions(directions: dict[int, torch.Tensor], where: str) -> None:
    widths = {tuple(direction.shape) for direction in directions.values()}
    if len(widths) != 1 or len(next(iter(widths))) != 1:
        raise UsageError(f"{where}: expected one vector a layer, all of one width; got {widths}")
    for layer, direction in directions.items():
        size = float(direction.norm())
        if not abs(size - 1) < 1e-3:
            raise UsageError(f"{where}: vector.{layer} has norm {size:g}, expected 1")


def _norms(tensors: dict[str, torch.Tensor], layers: list[int], where: str) -> Norms:
    norms: Norms = {}
    for name, values in tensors.items():
        if not name.startswith("norms."):
            continue
        if values.shape != (len(layers),) or not bool((values > 0).all() & values.isfinite().all()):
            raise UsageError(f"{where}: {name} must hold {len(layers)} positive finite numbers")
        norms[name.removeprefix("norms.")] = dict(zip(layers, values.tolist(), strict=True))
    if REFERENCE not in norms:
        raise UsageError(f"{where}: no norms.{REFERENCE}: a dose would have no meaning")
    return norms


def parse(data: bytes, *, where: str) -> Vector:
    """Read and check a vector file. UsageError, naming `where`, for anything unusable."""
    try:
        return _parse(data, where)
    except UsageError:
        raise
    except Exception as error:
        # Bytes from outside, read by three libraries: brackets in brackets, numbers of thousands of
        # digits, kinds of tensors without an order; each has an error of its own.
        raise UsageError(f"{where} is not a usable vector file: {type(error).__name__}") from error


def _parse(data: bytes, where: str) -> Vector:
    origin = _origin(data, where)
    try:
        tensors = load_tensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise UsageError(f"{where} is not a whole safetensors file: {error}") from error
    directions = {
        int(name.removeprefix("vector.")): tensor.to(torch.float32)
        for name, tensor in tensors.items()
        if name.startswith("vector.") and name.removeprefix("vector.").isdecimal()
    }
    if not directions:
        raise UsageError(f"{where} holds no vector.LAYER")
    _check_directions(directions, where)
    layers = sorted(directions)
    if origin.default_layer not in directions:
        raise UsageError(
            f"{where}: default_layer {origin.default_layer} is not one of its layers "
            f"{layers[0]}–{layers[-1]}"
        )
    norms = _norms(tensors, layers, where)
    return Vector(hashlib.sha256(data).hexdigest(), origin, directions, norms)
