"""The evals with their options, as `penchant evals` and the documentation show them.

Nothing is written down twice: a task's docstring says what it asks and names the struct of its
options; the struct has their types and defaults, and its docstring what each means.
"""

import importlib
import inspect
import re
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from evals import _registry
from harness.errors import UsageError
from harness.measuring.options import Options, Thinking
from harness.prompts.catalogue import unknown_name

__all__ = ["Eval", "Option", "eval_named", "evals"]

_NAMED = re.compile(r"(?:Other options|Options): `([\w.]+)\.(\w+)`\.?\s*$")
_LINE = re.compile(r"^ {4}(\w+(?:(?:, \w+)*)): (.+(?:\n {8}.+)*)", re.MULTILINE)
_TYPES = {int: "whole number", float: "number", str: "text", bool: "true or false"}


class Option(msgspec.Struct, frozen=True):
    """One `-T` option: what it may be, what it is where nothing is given (empty where that is for
    the model, the template or nothing to say), what it means; `own` where few evals have it."""

    name: str
    allowed: str
    default: str
    meaning: str
    own: bool


class Eval(msgspec.Struct, frozen=True):
    """One task: its name, its file below `evals/`, what it asks, more about it, its options."""

    name: str
    file: str
    asks: str
    more: str
    kind: type[Options]
    options: tuple[Option, ...]

    @property
    def address(self) -> str:
        """What `inspect eval` takes."""
        stem = Path(self.file).stem
        return self.file if stem == self.name else f"{self.file}@{self.name}"


def evals() -> tuple[Eval, ...]:
    """Every eval, by file and then in the file's order."""
    found = [_read(getattr(_registry, name)) for name in _registry.__all__]
    lines = {name: inspect.unwrap(getattr(_registry, name)).__code__ for name in _registry.__all__}
    return tuple(sorted(found, key=lambda one: (one.file, lines[one.name].co_firstlineno)))


def eval_named(name: str) -> Eval:
    """One eval by its name or its address; UsageError for a name that is none."""
    known = {one.name: one for one in evals()}
    bare = name.rpartition("@")[2].removesuffix(".py").rpartition("/")[2]
    if bare not in known:
        raise UsageError(unknown_name("eval", name, known))
    return known[bare]


def _read(task: Any) -> Eval:
    plain = inspect.unwrap(task)
    text = inspect.getdoc(plain) or ""
    named = _NAMED.search(text)
    assert named is not None, f"{plain.__name__}: its docstring names no options"
    kind: type[Options] = getattr(importlib.import_module(named[1]), named[2])
    said = text[: named.start()].strip()
    asks, _, more = said.partition("\n\n")
    return Eval(
        name=plain.__name__,
        file=f"evals/{plain.__module__.rpartition('.')[2]}.py",
        asks=" ".join(asks.split()),
        more=" ".join(more.split()),
        kind=kind,
        options=(*_arguments(plain), *_options(kind)),
    )


def _arguments(task: Any) -> Iterable[Option]:
    """What the task itself takes: the template where it can be chosen."""
    for parameter in inspect.signature(task).parameters.values():
        if parameter.kind is not parameter.VAR_KEYWORD:
            yield Option(
                parameter.name,
                "text",
                str(parameter.default),
                "a template by name (`penchant templates list`), or a TOML file of yours",
                own=True,
            )


def _options(kind: type[Options]) -> Iterable[Option]:
    hints, meanings = typing.get_type_hints(kind), _meanings(kind)
    general = set(Options.__struct_fields__)
    fields = sorted(msgspec.structs.fields(kind), key=lambda field: field.name in general)
    for field in fields:
        if (meaning := meanings.get(field.name)) is not None:
            allowed, default = _allowed(hints[field.name]), _shown(field.default)
            yield Option(field.name, allowed, default, meaning, own=field.name not in general)


def _meanings(kind: type[Options]) -> dict[str, str | None]:
    """By option; a struct's own word stands over that of the struct it extends."""
    found: dict[str, str | None] = dict.fromkeys(kind.__struct_fields__, "")
    for base in reversed(kind.__mro__):
        for names, text in _LINE.findall(base.__doc__ or ""):
            meaning = " ".join(text.split())
            for name in names.split(", "):
                found[name] = None if meaning == "does not apply" else meaning
    return found


def _allowed(hint: Any) -> str:
    """The values of a type, in words; of an optional one without the None."""
    if hint == Thinking:
        return "on, off, an effort, a number"
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        parts = [one for one in typing.get_args(hint) if one is not types.NoneType]
        return " or ".join(_allowed(one) for one in parts)
    if typing.get_origin(hint) is Literal:
        return ", ".join(typing.get_args(hint))
    return _TYPES[hint]


def _shown(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)
