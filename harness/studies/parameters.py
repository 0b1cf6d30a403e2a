"""A study's parameters from defaults, a TOML file and flags, with what each means."""

import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import UsageError
from harness.prompts.catalogue import unknown_name
from harness.studies.models import read_model, spec_text
from harness.studies.study import Parameters, Study
from harness.trees import toml_tree

__all__ = ["meanings", "read_parameters", "read_toml"]

_LINE = re.compile(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)


def meanings(kind: type[Parameters]) -> dict[str, str]:
    """What each parameter means, from the struct's docstring and those it builds on."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        for name, text in _LINE.findall(base.__doc__ or ""):
            found[name] = " ".join(text.split())
    return {name: found.get(name, "") for name in kind.__struct_fields__}


def read_toml(path: Path) -> dict[str, Any]:
    """Parameters of a TOML file; a rater may be a table with `model` and its settings."""
    try:
        given = toml_tree(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"--config {path}: {error}") from None
    for name in ("raters", "completers"):
        if isinstance(given.get(name), list):
            given[name] = [spec_text(one) if isinstance(one, dict) else one for one in given[name]]
    return given


def read_parameters(
    study: Study,
    given: Mapping[str, Any],
    *,
    small: bool = False,
    rehearse: bool = False,
) -> Any:
    """The study's struct: defaults, then its rehearsal, its small size, then what was given.

    UsageError, in one line, for an unknown name, a value of the wrong type, or no rater.
    """
    hints = typing.get_type_hints(study.parameters)
    for name in given:
        if name not in hints:
            raise UsageError(unknown_name(f"parameter of {study.name}", name, hints))
    values = {
        **(study.rehearsal if rehearse else {}),
        **(study.small if small else {}),
        **{name: value for name, value in given.items() if value not in (None, ())},
    }
    try:
        found = msgspec.convert(values, study.parameters, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{study.name}: {error}") from None
    _check(study, found)
    return found


def _check(study: Study, found: Parameters) -> None:
    if study.raters and not found.raters and study.logs_instead(found) is None:
        raise UsageError(
            f"{study.name} needs a rater; give --rater PROVIDER/MODEL, or --rehearse for "
            "simulated ones"
        )
    for name, least in (("seeds", 1), ("block", 1)):
        if getattr(found, name) < least:
            raise UsageError(
                f"{name}={getattr(found, name)} of {study.name}; expected at least {least}"
            )
    for what, models in (("raters", found.raters), ("completers", found.completers)):
        names = [read_model(model).name for model in models]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(
                f"{what} of {study.name}: {twice[0]} stands twice, and tables name models by that; "
                "measure its settings in studies of their own"
            )
