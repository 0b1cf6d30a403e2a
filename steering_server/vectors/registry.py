"""Vectors a server can apply: by name, or sent along with a request."""

import base64
import binascii
import threading
from collections import OrderedDict
from pathlib import Path

import torch

from harness.errors import UsageError
from steering_server.model.models import Loaded
from steering_server.vectors.vectors import Vector, parse

__all__ = ["NameTaken", "Registry", "UnknownVector", "check_model", "read_folder"]

_KEPT = 64
"""Inline vectors and deltas that are kept ready."""


class UnknownVector(Exception):
    """No such vector, or not with that content."""


class NameTaken(Exception):
    """The name is that of another vector."""


def read_folder(folder: Path) -> dict[str, Vector]:
    """Every `*.safetensors` of `folder`, by name without the ending. UsageError for a bad one."""
    if not folder.is_dir():
        raise UsageError(f"no such folder of vectors: {folder}")
    return {
        path.name.removesuffix(".safetensors"): parse(path.read_bytes(), where=str(path))
        for path in sorted(folder.glob("*.safetensors"))
    }


def check_model(vector: Vector, loaded: Loaded, *, where: str) -> None:
    """UsageError unless `vector` was made for `loaded`: same width, weights and layers."""
    if vector.width != loaded.width:
        raise UsageError(f"{where} has width {vector.width}; {loaded.id} has {loaded.width}")
    if vector.origin.weights != loaded.weights:
        raise UsageError(
            f"{where} was made for another model: {vector.origin.model} "
            f"(weights {vector.origin.weights[:12]}); {loaded.id} has {loaded.weights[:12]}"
        )
    if vector.layers[-1] >= loaded.depth:
        raise UsageError(f"{where} has layer {vector.layers[-1]}; {loaded.id} has {loaded.depth}")


class Registry:
    """Vectors for one model. Nothing goes in that was made for another."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._named: dict[str, Vector] = {}
        self._inline: OrderedDict[str, Vector] = OrderedDict()
        self._deltas: OrderedDict[tuple[str, int, float], torch.Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, name: str, vector: Vector) -> None:
        """Register under `name`. The same content again is fine; another is NameTaken."""
        check_model(vector, self._loaded, where=f"vector {name!r}")
        with self._lock:
            known = self._named.setdefault(name, vector)
        if known.sha256 != vector.sha256:
            raise NameTaken(f"vector {name!r} is registered with SHA-256 {known.sha256[:16]}…")

    def named(self) -> dict[str, Vector]:
        """All registered vectors by name."""
        return dict(sorted(self._named.items()))

    def get(self, name: str, sha256: str | None) -> Vector:
        """The vector `name`, whose hash must begin with `sha256`. UnknownVector otherwise."""
        vector = self._named.get(name)
        if vector is None:
            known = ", ".join(self.named()) or "none is registered"
            raise UnknownVector(f"unknown vector {name!r}; known: {known}")
        if sha256 is not None and not vector.sha256.startswith(sha256.lower()):
            raise UnknownVector(f"vector {name!r} has SHA-256 {vector.sha256}, not {sha256}")
        return vector

    @staticmethod
    def decode(encoded: str) -> bytes:
        """Bytes from base64. UsageError."""
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise UsageError(f"not base64: {error}") from error

    def inline(self, encoded: str) -> Vector:
        """The vector file in base64 `encoded`. UsageError for an unusable one."""
        vector = parse(self.decode(encoded), where="the inline vector")
        check_model(vector, self._loaded, where="the inline vector")
        with self._lock:
            kept = self._inline.setdefault(vector.sha256, vector)
            self._inline.move_to_end(vector.sha256)
            while len(self._inline) > _KEPT:
                self._inline.popitem(last=False)
        return kept

    def delta(self, vector: Vector, layer: int, coef: float) -> torch.Tensor:
        """What is added, computed once while in use."""
        key = (vector.sha256, layer, coef)
        with self._lock:
            if key not in self._deltas:
                self._deltas[key] = vector.delta(layer, coef)
            self._deltas.move_to_end(key)
            while len(self._deltas) > _KEPT * 16:
                self._deltas.popitem(last=False)
            return self._deltas[key]
