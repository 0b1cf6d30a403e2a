"""What `-M` may say to `steering/NAME`, checked."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from harness.errors import UsageError
from harness.trees import toml_tree
from harness.where import resolve
from harness.wire import Operation, Positions, Span, Where

__all__ = ["CONTRAST", "SteeringOptions", "VectorOptions", "steering_options"]

_NAMED: tuple[str, ...] = get_args(Positions)
_OPERATIONS: tuple[str, ...] = get_args(Operation)
CONTRAST = "contrast"
_TEXTS = (
    "item",
    "item_first",
    "item_second",
    "completion",
    "completion_first",
    "completion_second",
    "question",
    CONTRAST,
)
"""Texts of a question, found in each; `contrast` adds on one item and takes away on the other."""
_OF_VECTOR = ("coef", "operation", "layer", "layers", "positions")
_ALLOWED = (
    "vector",
    *_OF_VECTOR,
    "vectors",
    "controls",
    "control_seed",
    "side_questions",
    "side_tokens",
    "chat_template_kwargs",
    "timeout",
    "max_in_flight",
)


_ROWS_AT_ONCE = 512
"""Half of what a server queues by default."""


class VectorOptions(msgspec.Struct, frozen=True, kw_only=True):
    """One vector: a registered name or a file. `layers` None means its own default; `positions` are
    the server's, or the name of a text of the question (see `reads_spans`)."""

    vector: str
    coef: float
    operation: Operation = "add"
    layers: tuple[int, ...] | None = None
    positions: str | Where = "all"

    @property
    def reads_spans(self) -> bool:
        """Whether the positions are those of a text of each question."""
        return self.positions in _TEXTS

    @property
    def where(self) -> str:
        """The positions in a word."""
        if isinstance(self.positions, str):
            return self.positions
        parts = self.positions if isinstance(self.positions, tuple) else (self.positions,)
        return ",".join(
            str(part) if isinstance(part, int) else f"{part.start}-{part.end}" for part in parts
        )


class SteeringOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Any number of vectors, done in this order. `chat_template_kwargs` go to the model's chat
    template. `timeout` is in seconds, for one answer; `max_in_flight` bounds the requests of this
    process that the server has at once.

    `controls`: every question is asked besides unsteered, under so many random directions of equal
    norm, and under so many at each vector's angle to the mean activation, drawn from
    `control_seed`; side effects (opening with a refusal, coherence over `side_tokens` tokens) are
    measured on the first `side_questions` of them."""

    vectors: tuple[VectorOptions, ...] = ()
    controls: int = 0
    control_seed: int = 0
    side_questions: int = 4
    side_tokens: int = 8
    chat_template_kwargs: dict[str, Any] = {}
    timeout: float = 600.0
    max_in_flight: int = 64

    @property
    def at_once(self) -> int:
        """Questions that the server is asked at once: with controls each is many rows there."""
        if not self.controls:
            return self.max_in_flight
        return min(self.max_in_flight, max(2, _ROWS_AT_ONCE // (2 * self.controls + 2)))


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


_NUMBERS = {
    "controls": (0, 256),
    "control_seed": (0, (1 << 63) - 1),
    "side_questions": (0, 1 << 31),
    "side_tokens": (1, 256),
}
"""Least and most."""


def _whole(name: str, value: object, least: int, most: int) -> int:
    number = _number(name, value, "a whole number")
    if number != int(number) or not least <= number <= most:
        raise _bad(name, value, f"a whole number from {least} to {most}")
    return int(number)


def _object(value: object) -> dict[str, Any]:
    """A dict, or a JSON object."""
    if value is None or isinstance(value, dict):
        return value or {}
    try:
        return msgspec.json.decode(str(value), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
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


def _positions(value: object) -> str | Where:
    """A name, START-END, or token positions joined by commas."""
    if isinstance(value, list):
        value = ",".join(map(str, value))
    text = str(value)
    if text in _NAMED or text in _TEXTS:
        return text
    start, dash, end = text.partition("-")
    if dash and start.isdecimal() and end.isdecimal() and int(start) < int(end):
        return Span(int(start), int(end))
    parts = [part.strip() for part in text.split(",")]
    if all(part.removeprefix("-").isdecimal() for part in parts):
        return tuple(int(part) for part in parts)
    raise _bad(
        "positions",
        value,
        f"{', '.join((*_NAMED, *_TEXTS))}, START-END or token positions joined by commas",
    )


def _vector(given: Mapping[str, Any]) -> VectorOptions:
    """One vector's own arguments. UsageError."""
    operation = given.get("operation", "add")
    if operation not in _OPERATIONS:
        raise _bad("operation", operation, ", ".join(_OPERATIONS))
    if "layer" in given and "layers" in given:
        raise UsageError("steering takes layer or layers, not both")
    if "coef" not in given and operation != "ablate":
        raise UsageError("steering needs vector and coef together; coef is missing")
    positions = _positions(given.get("positions", "all"))
    if positions == CONTRAST and operation != "add":
        raise UsageError(f"steering parameter positions='contrast' adds; operation={operation!r}")
    coef = _number("coef", given.get("coef", 1.0), "a finite number")
    if operation == "ablate" and not 0 <= coef <= 1:
        raise _bad("coef", given.get("coef"), "0 to 1, the share that ablate takes away")
    return VectorOptions(
        vector=str(given["vector"]),
        coef=coef,
        operation=operation,
        layers=_layers(given.get("layer", given.get("layers"))),
        positions=positions,
    )


def _several(value: object) -> tuple[VectorOptions, ...]:
    """A list of tables, its JSON text, or a TOML file with `[[vectors]]`. UsageError."""
    allowed = "a JSON list of objects with vector and coef, or a TOML file with [[vectors]]"
    given: Any = value
    if isinstance(value, str) and value.endswith(".toml"):
        try:
            given = toml_tree(Path(resolve(value)).read_text("utf-8")).get("vectors")
        except (OSError, ValueError) as error:
            raise UsageError(f"steering parameter vectors={value}: {error}") from error
    elif isinstance(value, str):
        try:
            given = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            given = None
    if not isinstance(given, list) or not given:
        raise _bad("vectors", value, allowed)
    for one in given:
        if not isinstance(one, dict) or "vector" not in one:
            raise _bad("vectors", one, allowed)
        unknown = sorted(set(one) - {"vector", *_OF_VECTOR})
        if unknown:
            known = ", ".join(("vector", *_OF_VECTOR))
            raise UsageError(f"unknown key {unknown[0]!r} in vectors; expected {known}")
    return tuple(_vector(one) for one in given)


def _vectors(given: Mapping[str, Any]) -> tuple[VectorOptions, ...]:
    own = [name for name in _OF_VECTOR if name in given]
    if "vectors" in given:
        if "vector" in given or own:
            other = "vector" if "vector" in given else own[0]
            raise UsageError(f"steering takes vectors or {other}, not both")
        return _several(given["vectors"])
    if given.get("vector") is not None:
        return (_vector(given),)
    if "coef" in given:
        raise UsageError("steering needs vector and coef together; vector is missing")
    if own:
        raise UsageError(f"steering parameter {own[0]} means nothing without a vector")
    return ()


def steering_options(given: Mapping[str, Any]) -> SteeringOptions:
    """Options from `-M` arguments. UsageError, naming the argument, for anything unusable."""
    unknown = sorted(set(given) - set(_ALLOWED))
    if unknown:
        raise UsageError(
            f"unknown steering parameter {unknown[0]!r}; expected {', '.join(_ALLOWED)}"
        )
    in_flight = _number("max_in_flight", given.get("max_in_flight", 64), "1 or more")
    timeout = _number("timeout", given.get("timeout", 600.0), "seconds, above 0")
    if in_flight < 1 or timeout <= 0:
        raise UsageError("steering parameters max_in_flight and timeout must be above 0")
    vectors = _vectors(given)
    numbers = {
        name: _whole(name, given[name], least, most)
        for name, (least, most) in _NUMBERS.items()
        if name in given
    }
    if numbers and not (vectors and numbers.get("controls")):
        name = "controls" if "controls" in numbers else next(iter(numbers))
        needed = "a vector" if numbers.get("controls") else "controls"
        raise UsageError(f"steering parameter {name} means nothing without {needed}")
    return SteeringOptions(
        vectors=vectors,
        **numbers,
        chat_template_kwargs=_object(given.get("chat_template_kwargs")),
        timeout=timeout,
        max_in_flight=int(in_flight),
    )
