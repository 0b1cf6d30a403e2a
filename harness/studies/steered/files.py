"""Vector files, read and written without torch: what a study has to know of them.

The format is safetensors, described in `steering_server.vectors.vectors`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from harness.errors import UsageError
from harness.stats.intervals import FloatArray

__all__ = ["VectorFile", "random_like", "read_vector"]

_REFERENCE = "mean_without_sink"
_ENTRY = "penchant"


@dataclass(frozen=True)
class VectorFile:
    """A vector file: unit directions [width] and reference norms by layer, and where it is from."""

    data: bytes
    origin: dict[str, Any]
    directions: dict[int, FloatArray]
    norms: dict[str, dict[int, float]]

    @property
    def width(self) -> int:
        """Length of each direction."""
        return len(next(iter(self.directions.values())))

    @property
    def sha256(self) -> str:
        """Hash of the file."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def layer(self) -> int:
        """The layer it is applied at where none is said."""
        return int(self.origin["default_layer"])

    def push(self, dose: float, layer: int | None = None) -> FloatArray:
        """What a dose adds at a layer: [width]."""
        at = self.layer if layer is None else layer
        return dose * self.norms[_REFERENCE][at] * self.directions[at]


def read_vector(path: Path) -> VectorFile:
    """UsageError, in one line, for what is no vector file of this project."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"vector {str(path)!r}: {error.strerror}") from None
    try:
        return _decoded(data)
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError):
        raise UsageError(
            f"vector {str(path)!r} is not a vector file of this project; `steering-server extract` "
            "makes one, and `steering-server vectors import` takes other formats"
        ) from None


def _decoded(data: bytes) -> VectorFile:
    size = int.from_bytes(data[:8], "little")
    header: dict[str, Any] = msgspec.json.decode(data[8 : 8 + size])
    origin = msgspec.json.decode(header.pop("__metadata__")[_ENTRY], type=dict[str, Any])
    tensors = {}
    for name, facts in header.items():
        start, end = facts["data_offsets"]
        if facts["dtype"] != "F32" or not 0 <= start <= end <= len(data) - 8 - size:
            raise ValueError(name)
        flat = np.frombuffer(data[8 + size + start : 8 + size + end], dtype="<f4")
        tensors[name] = flat.reshape(facts["shape"]).astype(np.float64)
    directions = {
        int(name.removeprefix("vector.")): values
        for name, values in tensors.items()
        if name.startswith("vector.")
    }
    layers = sorted(directions)
    norms = {
        name.removeprefix("norms."): dict(zip(layers, values.tolist(), strict=True))
        for name, values in tensors.items()
        if name.startswith("norms.")
    }
    if int(origin["default_layer"]) not in directions or _REFERENCE not in norms:
        raise ValueError("no layers")
    return VectorFile(data, origin, directions, norms)


def random_like(vector: VectorFile, number: int) -> bytes:
    """A vector file with random unit directions and the same reference norms: a dose of it is as
    long as the same dose of `vector`. The same number gives the same directions."""
    rng = np.random.default_rng((number, 14))
    drawn = {layer: rng.standard_normal(vector.width) for layer in sorted(vector.directions)}
    tensors = {
        f"vector.{layer}": values / np.linalg.norm(values) for layer, values in drawn.items()
    }
    tensors |= {
        f"norms.{kind}": np.array([values[layer] for layer in sorted(values)])
        for kind, values in vector.norms.items()
    }
    origin = vector.origin | {"method": "random", "selector": "none", "seed": number}
    return _encoded(tensors, origin)


def _encoded(tensors: dict[str, FloatArray], origin: dict[str, Any]) -> bytes:
    header: dict[str, Any] = {"__metadata__": {_ENTRY: msgspec.json.encode(origin).decode()}}
    parts, at = [], 0
    for name, values in sorted(tensors.items()):
        part = values.astype("<f4").tobytes()
        header[name] = {
            "dtype": "F32", "shape": list(values.shape), "data_offsets": [at, at + len(part)]
        }  # fmt: skip
        parts.append(part)
        at += len(part)
    text = msgspec.json.encode(header)
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)
