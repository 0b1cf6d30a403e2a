"""Models with settings of their own, as one name: `sim/noisy(rating_noise=0.8, temperature=.7)`."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from inspect_ai.model import GenerateConfig, Model, get_model

from harness.errors import UsageError
from harness.measuring.stages import thinking_config

__all__ = ["ModelSpec", "model_of", "read_model", "spec_text", "split_models"]

_WHOLE = re.compile(r"^(?P<name>[^\s(),]+/[^\s(),]+)(?:\((?P<inside>[^()]*)\))?$")
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
    """The model of Inspect; the same text gives the same one."""
    spec = read_model(text)
    return get_model(spec.name, config=spec.config, **spec.arguments)


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
