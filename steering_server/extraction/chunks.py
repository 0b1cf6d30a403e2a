"""Work of an extraction that is kept as it goes, so that an interrupted one goes on.

A folder beside the output holds `plan.json`, which says exactly what is extracted, and one file
for each finished chunk of items. It is removed when the vectors are written.
"""

import shutil
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from harness.errors import UsageError

__all__ = ["Chunks", "Plan"]

Tensors = dict[str, torch.Tensor]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a chunk's content depends on."""

    weights: str
    template: str
    dtype: str
    positive: str
    negative: str
    items: str
    span: str
    selectors: tuple[str, ...]
    layers: tuple[int, ...]
    completion_tokens: int
    temperature: float
    seed: int
    chunk: int
    system_as: str = "system"
    template_options: str = "{}"
    sequences: str = "prompt and generated tokens"


class Chunks:
    """The folder for one plan. UsageError when it holds the work of another."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder = folder
        self._plan = plan
        stored = folder / "plan.json"
        encoded = msgspec.json.format(msgspec.json.encode(plan))
        if stored.exists() and stored.read_bytes() != encoded:
            raise UsageError(
                f"{folder} holds an interrupted extraction with other settings; remove it to start "
                "anew, or give the same settings to go on with it"
            )
        folder.mkdir(parents=True, exist_ok=True)
        stored.write_bytes(encoded)

    def _path(self, index: int) -> Path:
        return self._folder / f"chunk-{index:05d}.safetensors"

    def read(self, index: int) -> Tensors | None:
        """The tensors of chunk `index`, None if it is not finished."""
        try:
            return load_file(self._path(index))
        except (OSError, SafetensorError):
            return None

    def write(self, index: int, tensors: Tensors) -> None:
        """Keep chunk `index`, whole or not at all."""
        scratch = self._folder / f".{index}.tmp"
        save_file(tensors, scratch)
        scratch.replace(self._path(index))

    def remove(self) -> None:
        """The extraction is done."""
        shutil.rmtree(self._folder)
