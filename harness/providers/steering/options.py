"""What `-M` may say to `steering/NAME`, checked."""

import math
from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from harness.errors import UsageError
from harness.wire import Positions, Span

__all__ = ["SteeringOptions", "steering_options"]

_NAMED: tuple[str, ...] = get_args(Positions)
_ALLOWED = (
    "vector",
    "coef",
    "layer",
    "layers",
    "positions",
    "chat_template_kwargs",
    "timeout",
    "max_in_flight",
)


class SteeringOptions(msgspec.Struct, frozen=True, kw_only=True):
    """One vector, or none. `vector` is a registered name or a file; `layers` None means the
    vector's own default. `chat_template_kwargs` go to the model's chat template. `timeout` is in
    seconds, for one answer; `max_in_flight` bounds the requests of this process that the server has
    at once."""

    vector: str | None = None
    coef: float = 0.0
    layers: tuple[int, ...] | None = None
    positions: Positions | Span = "all"
    chat_template_kwargs: dict[str, Any] = {}
    timeout: float = 600.0
    max_in_flight: int = 64


def _bad(name: str, value: object, allowed: str) -> UsageError:
    return UsageError(f"steering parameter {name}={value!r}; expected {allowed}")


def _number(name: str, value: object, allowed: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise _bad(name, value, allowed)
    return number


def _object(value: object) -> dict[str, Any]:
    """A dict, or a JSON object."""
    if value is None or isinstance(value, dict):
        return value or {}
    try:
        return msgspec.json.decode(str(value), type=dict[str, Any])
    except msgspec.DecodeError:
        allowed = """a JSON object such as '{"enable_thinking": false}'"""
        raise _bad("chat_template_kwargs", value, allowed) from None


def _layers(value: object) -> tuple[int, ...] | None:
    """16, "16", [10, 16] or "10,16"."""
    if value is None:
        return None
    parts = value if isinstance(value, list) else str(value).split(",")
    if not parts or not all(str(part).strip().isdecimal() for part in parts):
        raise _bad("layer", value, "a layer number, or several joined by commas")
    return tuple(int(part) for part in parts)


def _positions(value: object) -> Positions | Span:
    """A name, or START-END."""
    text = str(value)
    if text in _NAMED:
        return text  # type: ignore[return-value]
    start, dash, end = text.partition("-")
    if dash and start.isdecimal() and end.isdecimal() and int(start) < int(end):
        return Span(int(start), int(end))
    raise _bad("positions", value, f"{', '.join(_NAMED)}, or START-END (token positions)")


def steering_options(given: Mapping[str, Any]) -> SteeringOptions:
    """Options from `-M` arguments. UsageError, naming the argument, for anything unusable."""
    unknown = sorted(set(given) - set(_ALLOWED))
    if unknown:
        raise UsageError(
            f"unknown steering parameter {unknown[0]!r}; expected {', '.join(_ALLOWED)}"
        )
    vector = given.get("vector")
    if ("coef" in given) != (vector is not None):
        missing = "coef" if vector is not None else "vector"
        raise UsageError(f"steering needs vector and coef together; {missing} is missing")
    if vector is None and any(name in given for name in ("layer", "layers", "positions")):
        raise UsageError("steering parameters layer and positions mean nothing without a vector")
    if "layer" in given and "layers" in given:
        raise UsageError("steering takes layer or layers, not both")
    in_flight = _number("max_in_flight", given.get("max_in_flight", 64), "1 or more")
    timeout = _number("timeout", given.get("timeout", 600.0), "seconds, above 0")
    if in_flight < 1 or timeout <= 0:
        raise UsageError("steering parameters max_in_flight and timeout must be above 0")
    return SteeringOptions(
        vector=None if vector is None else str(vector),
        coef=_number("coef", given.get("coef", 0.0), "a finite number"),
        layers=_layers(given.get("layer", given.get("layers"))),
        positions=_positions(given.get("positions", "all")),
        chat_template_kwargs=_object(given.get("chat_template_kwargs")),
        timeout=timeout,
        max_in_flight=int(in_flight),
    )
