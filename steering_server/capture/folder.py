"""A folder of captured activations: written chunk by chunk, read one layer at a time.

`plan.json` says what they are of; `items.jsonl` holds one item a line, with its completion where
there was one; `chunk-00000.safetensors` and so on hold the tensors of `passing.capture` for so many
items each, in that order. A chunk that is there is whole.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from harness.errors import UsageError
from harness.items.item import Item
from harness.wire import FORMAT_VERSION
from steering_server.capture.passing import Tensors
from steering_server.vectors.reference import reference_norms
from steering_server.vectors.vectors import Norms

__all__ = ["ActivationPlan", "ActivationsFolder", "KeptItem", "open_activations"]

Array = npt.NDArray[np.float64]


class ActivationPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that the content of a folder depends on. `weights` and `template` are the model's
    hashes, `items` the hash of the items, `texts` that of items, system prompt and completions,
    `chunk` how many items a file has."""

    model: str
    weights: str
    template: str
    system_as: str
    template_options: str
    dtype: str
    items: str
    texts: str
    system: str
    spans: tuple[str, ...]
    selectors: tuple[str, ...]
    layers: tuple[int, ...]
    depth: int
    stored: str
    count: int
    chunk: int
    format_version: int = FORMAT_VERSION


class KeptItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of `items.jsonl`."""

    id: str
    origin: str
    text: str
    completion: str | None = None

    def item(self) -> Item:
        """Without the completion."""
        return Item(id=self.id, text=self.text, origin=self.origin)


class ActivationsFolder:
    """The folder at `path`, of `plan`, over `items`."""

    def __init__(self, path: Path, plan: ActivationPlan, items: Sequence[KeptItem]) -> None:
        self.path = path
        self.plan = plan
        self.items = tuple(items)

    @property
    def chunks(self) -> range:
        """Numbers of its chunks."""
        return range(-(-len(self.items) // self.plan.chunk))

    def part(self, number: int) -> tuple[KeptItem, ...]:
        """The items of chunk `number`."""
        return self.items[number * self.plan.chunk : (number + 1) * self.plan.chunk]

    def start(self) -> None:
        """Write what the folder will be of. UsageError when it holds something else."""
        stored = self.path / "plan.json"
        encoded = msgspec.json.format(msgspec.json.encode(self.plan))
        if stored.exists() and stored.read_bytes() != encoded:
            raise UsageError(
                f"{self.path} holds activations of other items or settings; name another folder, "
                "or give the same settings to go on with it"
            )
        if not stored.exists() and self.path.exists() and any(self.path.iterdir()):
            raise UsageError(f"{self.path} is not empty and holds no activations; name another")
        self.path.mkdir(parents=True, exist_ok=True)
        lines = b"".join(msgspec.json.encode(item) + b"\n" for item in self.items)
        (self.path / "items.jsonl").write_bytes(lines)
        stored.write_bytes(encoded)

    def file(self, number: int) -> Path:
        """The file of chunk `number`."""
        return self.path / f"chunk-{number:05d}.safetensors"

    def has(self, number: int) -> bool:
        """Whether chunk `number` is there, whole."""
        try:
            with safe_open(self.file(number), "pt") as tensors:
                return bool(tensors.keys())
        except (OSError, SafetensorError):
            return False

    def write(self, number: int, tensors: Tensors) -> None:
        """Keep chunk `number`, whole or not at all."""
        scratch = self.path / f".{number}.tmp"
        save_file(tensors, scratch)
        scratch.replace(self.file(number))

    def _each(self, name: str) -> Iterator[torch.Tensor]:
        for number in self.chunks:
            with safe_open(self.file(number), "pt") as tensors:
                yield tensors.get_tensor(name)

    def matrix(self, span: str, selector: str, layer: int) -> Array:
        """Activations [items, width] of one layer; only that layer is read. UsageError for what
        was not captured."""
        wanted = (("spans", span), ("selectors", selector), ("layers", layer))
        for field, value in wanted:
            known = getattr(self.plan, field)
            if value not in known:
                shown = ", ".join(map(str, known))
                raise UsageError(f"{self.path} has no {field[:-1]} {value!r}; it has {shown}")
        if selector == "all":
            raise UsageError(
                "selector 'all' is every token of a span; expected first, last or mean"
            )
        index = self.plan.layers.index(layer)
        rows = []
        for number in self.chunks:
            with safe_open(self.file(number), "pt") as tensors:
                part = tensors.get_slice(f"{span}.{selector}")[:, index]
                rows.append(part.to(torch.float64).numpy())
        return np.concatenate(rows)

    def lengths(self, span: str) -> Array:
        """Tokens of the span [items]."""
        return np.concatenate([part.numpy() for part in self._each(f"{span}.length")]).astype(float)

    @cached_property
    def norms(self) -> Norms:
        """Reference norms by kind and layer, over every token of every conversation."""
        norms, first, last = (
            torch.cat(list(self._each(name)), dim=-1) for name in ("norms", "first", "last")
        )
        return reference_norms(norms, first, last, self.plan.layers)


def open_activations(path: Path) -> ActivationsFolder:
    """A finished folder. UsageError for one that is none, or is not finished."""
    try:
        plan = msgspec.json.decode((path / "plan.json").read_bytes(), type=ActivationPlan)
        lines = (path / "items.jsonl").read_bytes().split(b"\n")
        items = [msgspec.json.decode(line, type=KeptItem) for line in lines if line]
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(
            f"{path} holds no activations (`steering-server activations … -o {path}` makes them): "
            f"{error}"
        ) from error
    if plan.format_version != FORMAT_VERSION or len(items) != plan.count:
        raise UsageError(
            f"{path}: {len(items)} items of {plan.count}, format version {plan.format_version}; "
            f"expected all of them and version {FORMAT_VERSION}"
        )
    folder = ActivationsFolder(path, plan, items)
    missing = [number for number in folder.chunks if not folder.has(number)]
    if missing:
        raise UsageError(
            f"{path} is not finished: {len(missing)} of {len(folder.chunks)} chunks are missing; "
            "give the same `steering-server activations` again to go on"
        )
    return folder
