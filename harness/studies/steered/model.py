"""Which model a study steers, along what, and how cells name it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import msgspec

from harness.analysis.names import slug
from harness.errors import UsageError
from harness.providers.steering.client import SteeringClient
from harness.studies.steered.files import VectorFile, read_vector
from harness.studies.study import Parameters
from harness.where import resolve

__all__ = [
    "CONCEPT",
    "PLANTED",
    "Arm",
    "Steered",
    "arms",
    "checked",
    "client_of",
    "given_vectors",
    "served_name",
    "steering_model",
]

CONCEPT = "concept"
"""Name of the vector that a study extracts; those of other selectors end in `.first`, `.mean`."""
PLANTED = "tiny:planted"
"""The model of rehearsals."""
_NEEDED = ("torch", "transformers", "safetensors")


class Steered(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of studies of steering.

    raters: not taken: the steered model itself answers
    completers: not taken
    model: the model that is steered, a directory or a hub id: the study extracts the vector, and
        starts and stops a steering server
    server: instead, the address of a steering server that runs; needs vector
    name: the model's name (default: the directory's, or what the server says)
    vector: vector file, instead of one extracted for the study
    positive: system prompt towards the concept, for the extraction
    negative: system prompt against it
    extract_items: items that the vector is extracted over, as `items`
    extract_span: prompt or completion, where the selected tokens stand
    extract_tokens: length of the completions that are made for it
    device: where the model is loaded
    threads: CPU threads of the server
    """

    seeds: int = 1
    model: tuple[str, ...] = ()
    server: str | None = None
    name: str | None = None
    vector: tuple[str, ...] = ()
    positive: str = "loves_math"
    negative: str = "hates_math"
    extract_items: str = "builtin:math"
    extract_span: str = "completion"
    extract_tokens: int = 48
    device: str = "cpu"
    threads: int | None = None


def checked(given: Steered, study: str, *, models: int = 1, vectors: int = 1) -> None:
    """UsageError, in one line and before any call, for what cannot be steered from here."""
    if given.raters or given.completers:
        raise UsageError(
            f"{study} asks the model that it steers; give --model DIR or --server URL, not --rater "
            "or --completer"
        )
    if (given.server is None) == (not given.model):
        raise UsageError(
            f"{study} needs a model to steer; give either --model DIR, for a steering server of "
            "its own, or --server URL, for one that runs (--rehearse builds a tiny one)"
        )
    if len(given.model) > models:
        raise UsageError(f"{study} steers one model; given are {', '.join(given.model)}")
    if len(given.vector) > vectors:
        raise UsageError(f"{study} steers along one vector; given are {', '.join(given.vector)}")
    if given.server is not None and not given.vector:
        raise UsageError(
            f"{study} with --server needs the vector's file, from which its random directions of "
            "the same norm are made; give --vector FILE.safetensors"
        )
    for model in given.model:
        _check_model(model)
    width = _width(given.model[0]) if given.model else None
    for path, file in given_vectors(given).items():
        if width is not None and file.width != width:
            raise UsageError(
                f"vector {str(path)!r} does not fit: it is {file.width} wide, and {given.model[0]} "
                f"has activations of {width}"
            )


def _check_model(model: str) -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"{missing[0]} is not installed; it comes with the steering extra: "
            "pip install 'penchant[steering]'"
        )
    place = resolve(model)
    if place.is_dir() and not (place / "config.json").is_file():
        raise UsageError(f"--model {model}: no config.json there; expected a model's directory")
    if not place.is_dir() and (place.exists() or model.startswith(("/", ".", "~"))):
        raise UsageError(f"--model {model}: no such directory")


class _Config(msgspec.Struct, frozen=True):
    hidden_size: int | None = None
    n_embd: int | None = None


def _width(model: str) -> int | None:
    """Length of the model's activations where its directory says so."""
    path = resolve(model) / "config.json"
    try:
        config = msgspec.json.decode(path.read_bytes(), type=_Config)
    except (OSError, msgspec.DecodeError):
        return None
    return config.hidden_size or config.n_embd


def given_vectors(given: Steered) -> dict[Path, VectorFile]:
    """The vector files that were given, read."""
    paths = [resolve(path) for path in given.vector]
    return {path: read_vector(path) for path in paths}


def client_of(url: str) -> SteeringClient:
    """A client of the server at an address, with the key of the environment."""
    key = os.environ.get("STEERING_API_KEY")
    return SteeringClient(url, key=key, timeout=600.0, max_in_flight=4)


def served_name(given: Steered, model: str | None = None) -> str:
    """The model's name in replies; a running server is asked. ServiceError where none answers."""
    if given.name is not None and model is None:
        return given.name
    if given.server is not None:
        return client_of(given.server).only_model().id
    chosen = model or given.model[0]
    return slug(resolve(chosen).name) if resolve(chosen).is_dir() else slug(chosen)


@dataclass(frozen=True)
class Arm:
    """A direction: what it is called in tables, and its vector's name at the server, which is that
    of its file in the study's folder `vectors` too."""

    label: str
    vector: str
    random: bool = False


def arms(given: Steered, *, selectors: Sequence[str] = ("last",), randoms: int) -> list[Arm]:
    """The concept's directions, then the random ones of the same norm."""
    if given.vector:
        found = []
        for path, file in given_vectors(given).items():
            stem = path.name.removesuffix(".safetensors")
            # A running server may have another vector of that name.
            name = f"{stem}-{file.sha256[:8]}" if given.server is not None else stem
            found.append(Arm(stem, name))
    else:
        plain = "last" if "last" in selectors else selectors[0]
        found = [Arm(one, CONCEPT if one == plain else f"{CONCEPT}.{one}") for one in selectors]
    first = found[0].vector
    return found + [
        Arm(f"random {number + 1}", f"{first}.random-{number:02d}", random=True)
        for number in range(randoms)
    ]


def steering_model(
    name: str, arm: Arm | None = None, dose: float = 0.0, layer: int | None = None
) -> str:
    """A model's line with what is added to its activations; nothing at dose 0."""
    if arm is None or dose == 0:
        return f"steering/{name}"
    at = "" if layer is None else f", layer={layer}"
    return f"steering/{name}(vector={arm.vector}, coef={dose:g}{at})"
