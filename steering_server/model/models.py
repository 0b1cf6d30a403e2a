"""Load a transformers model and its tokenizer, and know what a run must write down about them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
)
from transformers.utils import logging

from harness.errors import UsageError
from steering_server.model import tiny
from steering_server.model.conversation import UNTEMPLATED, Style, SystemAs
from steering_server.model.hooks import Hooks
from steering_server.model.layers import find_layers
from steering_server.model.probe import probe
from steering_server.model.requests import ApiError
from steering_server.model.thoughts import Dialect, dialect_of, marks_of

__all__ = ["DTYPES", "Loaded", "describe", "load", "memory_left", "weights_hash"]

DType = Literal["auto", "float32", "bfloat16", "float16"]
DTYPES: dict[str, torch.dtype | None] = {
    "auto": None,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_SAMPLED = 1024
"""Elements of each weight that enter the weights' hash."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model ready to serve: hooks registered, evaluation mode, no gradients.

    `id` names it in replies; `weights` and `template` are hashes of its weights and chat
    template; `context` is the longest sequence it takes, `stops` the tokens that end a reply;
    `dtype` and `devices` are those of the layers' outputs, where vectors are added. `style` is how
    conversations are rendered, `dialect` and `marks` how the model shows its thoughts.
    """

    id: str
    model: Any
    tokenizer: Any
    layers: nn.ModuleList
    hooks: Hooks
    devices: tuple[torch.device, ...]
    width: int
    context: int
    stops: frozenset[int]
    pad: int
    dtype: torch.dtype
    weights: str
    template: str
    style: Style = field(default_factory=Style)
    dialect: Dialect = "none"
    marks: Mapping[int, str] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """Number of decoder layers."""
        return len(self.layers)

    @property
    def device(self) -> torch.device:
        """Where token ids go in."""
        device: torch.device = self.model.get_input_embeddings().weight.device
        return device

    @property
    def dtype_name(self) -> str:
        """For example `float32`."""
        return str(self.dtype).removeprefix("torch.")


def weights_hash(model: nn.Module) -> str:
    """SHA-256 over each saved weight's name, shape and 1024 evenly spaced elements as bfloat16.

    A fingerprint rather than a hash of every byte: it takes milliseconds on any size, and is the
    same whichever precision the same weights were loaded in. Some quantised layers keep theirs in
    buffers; buffers that are computed at load are not weights.
    """
    digest = hashlib.sha256()
    saved = model.state_dict(keep_vars=True)
    kept = {name: one for name, one in model.named_buffers() if name in saved}
    for name, weight in sorted([*model.named_parameters(), *kept.items()]):
        flat = weight.detach().reshape(-1)
        step = max(1, flat.numel() // _SAMPLED)
        sample = flat[::step][:_SAMPLED].to("cpu", torch.bfloat16).view(torch.int16)
        digest.update(f"{name}{tuple(weight.shape)}".encode())
        digest.update(sample.numpy().tobytes())
    return digest.hexdigest()


def _stop_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    found: set[int] = set()
    for source in (model.generation_config, model.config, tokenizer):
        value = getattr(source, "eos_token_id", None)
        found.update(value if isinstance(value, list) else [value] if value is not None else [])
    return frozenset(found)


_BY_LENGTH = ("longrope", "dynamic")
"""Rotary positions that are scaled by the longest row of a batch once that exceeds the original
length: beyond it an answer would depend on its neighbours, and change halfway through a reply."""


def _context(model: Any) -> int:
    config = model.config.get_text_config(decoder=True)
    longest = int(getattr(config, "max_position_embeddings", None) or 1 << 20)
    rope: Any = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None)
    kinds = [rope, *rope.values()] if isinstance(rope, dict) else []
    for kind in kinds:
        if isinstance(kind, dict) and kind.get("rope_type", kind.get("type")) in _BY_LENGTH:
            original = kind.get("original_max_position_embeddings") or getattr(
                config, "original_max_position_embeddings", None
            )
            longest = min(longest, int(original or longest))
    return longest


def _template(tokenizer: Any, name: str) -> str:
    """The chat template; of several by name, `default`; a refusal of conversations for a model
    without any. UsageError where none of several is the default."""
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
        if template is None:
            known = ", ".join(tokenizer.chat_template)
            raise UsageError(
                f"{name} has chat templates {known} and no default; expected --chat-template FILE"
            )
    return template if isinstance(template, str) else UNTEMPLATED


def _styled(template: str, options: Mapping[str, Any], system_as: SystemAs) -> Style:
    """UsageError for an option that the template does not read."""
    try:
        return Style(system_as=system_as).with_options(template, options, "--chat-template-kwargs")
    except ApiError as error:
        raise UsageError(error.message) from error


def describe(
    model: Any,
    tokenizer: Any,
    *,
    name: str,
    options: Mapping[str, Any] | None = None,
    system_as: SystemAs = "system",
) -> Loaded:
    """Register hooks on `model` and gather what the server has to know about it."""
    model.eval().requires_grad_(False)
    layers = find_layers(model)
    width = int(model.config.get_text_config(decoder=True).hidden_size)
    seen = probe(model, layers, name=name, width=width)
    template = tokenizer.chat_template = _template(tokenizer, name)
    dialect = dialect_of(template)
    stops = _stop_tokens(model, tokenizer)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(stops, default=0)
    return Loaded(
        id=name,
        model=model,
        tokenizer=tokenizer,
        layers=layers,
        hooks=Hooks(layers),
        devices=seen.devices,
        width=width,
        context=_context(model),
        stops=stops,
        pad=int(pad),
        dtype=seen.dtype,
        weights=weights_hash(model),
        template=hashlib.sha256(template.encode()).hexdigest(),
        style=_styled(template, options or {}, system_as),
        dialect=dialect,
        marks=marks_of(tokenizer, dialect),
    )


def _class_for(config: Any) -> Any:
    """What loads a model of `config`: a language model, or one with a tower for images, which is
    given text alone. UsageError for any other."""
    for kind in (AutoModelForCausalLM, AutoModelForImageTextToText):
        if type(config) in kind._model_mapping:
            return kind
    raise UsageError(
        f"a model of the kind {config.model_type!r} cannot be served: transformers has no causal "
        "language model for it"
    )


def _pretrained(source: str, *, dtype: DType, device: str, device_map: str | None) -> Any:
    options: dict[str, Any] = {"dtype": DTYPES[dtype] or "auto"}
    config = AutoConfig.from_pretrained(source)
    # A quantised model cannot be moved once it is loaded.
    quantised = getattr(config, "quantization_config", None) is not None
    if device_map is not None or quantised:
        options["device_map"] = device_map or {"": device}
    model: Any = _class_for(config).from_pretrained(source, **options)
    return model if "device_map" in options else model.to(device)


def load(
    source: str,
    *,
    name: str | None = None,
    dtype: DType = "auto",
    device: str = "cpu",
    device_map: str | None = None,
    chat_template: Path | None = None,
    options: Mapping[str, Any] | None = None,
    system_as: SystemAs = "system",
) -> Loaded:
    """Load `source`: a directory, a hub id, or `tiny:FAMILY` (a random model for trials).

    `chat_template` is a file that stands in for the model's own; `options` go to the template.

    UsageError, in one line, when it cannot be loaded.
    """
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    rendering: dict[str, Any] = {"options": options, "system_as": system_as}
    label = name or (Path(source).name if Path(source).is_dir() else source)
    if source.startswith("tiny:"):
        model, tokenizer = tiny.build(source.removeprefix("tiny:"))
        cast = DTYPES[dtype] or torch.float32
        _replace_template(tokenizer, chat_template)
        return describe(model.to(device, cast), tokenizer, name=label, **rendering)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model = _pretrained(source, dtype=dtype, device=device, device_map=device_map)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"cannot load model {source!r}: {reason}") from error
    _replace_template(tokenizer, chat_template)
    return describe(model, tokenizer, name=label, **rendering)


def _replace_template(tokenizer: Any, file: Path | None) -> None:
    if file is None:
        return
    try:
        tokenizer.chat_template = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--chat-template {file}: {error}") from error


def memory_left(device: torch.device) -> int | None:
    """Free bytes on `device`, or of this machine for a CPU; None where that cannot be told."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None
