"""Models with settings of their own, as one name: `sim/noisy(rating_noise=0.8, temperature=.7)`."""

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from inspect_ai.model import GenerateConfig, Model, get_model

from harness.errors import UsageError
from harness.measuring.money import Price, price_of
from harness.measuring.stages import thinking_config
from harness.models.inspect_api import NotMet, PrerequisiteError

__all__ = [
    "SERVER",
    "STEERED",
    "ModelSpec",
    "model_of",
    "price_for",
    "read_model",
    "spec_text",
    "split_models",
]

SERVER = "STEERING_BASE_URL"
"""The variable that says where the steering server is."""
STEERED = "steering/"

_WHOLE = re.compile(r"^(?P<name>[^\s(),]+/[^\s(),]+)(?:\((?P<inside>[^()]*)\))?$")
_MARKUP = re.compile(r"\[/?[a-z]+\]")
_SETTINGS = frozenset(GenerateConfig.model_fields)


class ModelSpec(msgspec.Struct, frozen=True):
    """A model's name, and what it is given: model arguments and generation settings, mixed."""

    name: str
    given: dict[str, Any] = {}

    @property
    def arguments(self) -> dict[str, Any]:
        """What goes to the provider."""
        return {
            key: value
            for key, value in self.given.items()
            if key not in _SETTINGS and key != "thinking"
        }

    @property
    def config(self) -> GenerateConfig:
        """What goes with each call. UsageError for a value that Inspect does not take."""
        chosen = {key: value for key, value in self.given.items() if key in _SETTINGS}
        try:
            config = GenerateConfig(**chosen)
        except ValueError as error:
            told = str(error).splitlines()
            raise UsageError(f"settings of {self.name}: {' '.join(told[1:3])}") from None
        return config.merge(thinking_config(self.given.get("thinking"), option="thinking"))


def read_model(text: str) -> ModelSpec:
    """`PROVIDER/NAME` or `PROVIDER/NAME(key=value, …)`; UsageError for anything else."""
    found = _WHOLE.match(text.strip())
    if found is None:
        raise UsageError(f"model {text!r}; expected PROVIDER/NAME or 'PROVIDER/NAME(key=value, …)'")
    given = {}
    for part in filter(str.strip, (found["inside"] or "").split(",")):
        key, equals, value = (side.strip() for side in part.partition("="))
        if not equals or not key or not value:
            raise UsageError(f"model {text!r}: {part.strip()!r}; expected key=value")
        given[key] = _value(value)
    return ModelSpec(found["name"], given)


def split_models(text: str) -> tuple[str, ...]:
    """Names apart by commas, those within brackets left."""
    parts = re.split(r",(?![^(]*\))", text)
    return tuple(part.strip() for part in parts if part.strip())


def spec_text(table: Mapping[str, Any]) -> str:
    """A TOML table (`model` and settings) as one name."""
    given = dict(table)
    if "model" not in given:
        raise UsageError(f"a rater given as a table needs model = …; found {', '.join(given)}")
    name = given.pop("model")
    inside = ", ".join(f"{key}={_said(value)}" for key, value in given.items())
    return f"{name}({inside})" if inside else str(name)


def model_of(text: str) -> Model:
    """The model of Inspect; the same text gives the same one. UsageError where it cannot be made,
    as without its key."""
    spec = read_model(text)
    try:
        if spec.name.startswith(STEERED):
            return _steered(text, os.environ.get(SERVER))
        return get_model(spec.name, config=spec.config, **spec.arguments)
    except NotMet as error:
        told = error.line if isinstance(error, PrerequisiteError) else _MARKUP.sub("", str(error))
        said = " ".join(told.split()).removeprefix("ERROR: ").removeprefix("penchant: ")
        raise UsageError(f"{spec.name}: {said}") from None


@cache
def _steered(text: str, server: str | None) -> Model:
    """A steered model by its server too, which Inspect does not tell apart: it would give the one
    of a server that is gone. The address is no argument: it is another at each start, and a log
    would not be known again."""
    spec = read_model(text)
    return get_model(spec.name, config=spec.config, memoize=False, **spec.arguments)


def price_for(text: str, given: str | None) -> Price | None:
    """What a model costs: as given, nothing for a simulated or a steered one, else what is known of
    it; also where it cannot be called from here, as without its key."""
    spec = read_model(text)
    if given is None and spec.name.startswith(("sim/", STEERED)):
        return Price(0.0, 0.0)
    try:
        return price_of(model_of(text), given)
    except UsageError:
        return price_of(spec.name, given)


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip("'\"")


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
