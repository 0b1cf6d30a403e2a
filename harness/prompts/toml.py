"""A user's own template from a TOML file, in the same form as the built-in ones."""

import math
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from harness.errors import UsageError
from harness.prompts.labels import check_labels
from harness.prompts.template import Template
from harness.trees import toml_tree

__all__ = ["decode_toml", "read_template"]

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_AT = re.compile(r" - at (?:`key` in )?`\$(.*)`$")
_ALLOWED = {
    "kind": "'rating' or 'choice'",
    "questions": "'post', 'pre' or both",
    "sign": "1, 0 or -1",
}
"""What msgspec's message leaves out where it says that a value is none of those allowed."""


def read_template(path: Path) -> Template:
    """The template in `path`.

    UsageError names file, key and value: unknown or missing keys, wrong types, duplicate levels,
    fewer than two, values that do not ascend, an unknown timing, a missing or unknown placeholder.
    """
    template = decode_toml(path, Template)
    if not _NAME.fullmatch(template.name):
        raise UsageError(
            f"{path}: name = {template.name!r}; expected letters, digits, '_' and '-' only"
        )
    if not template.questions:
        raise UsageError(f"{path}: questions is empty; expected 'post', 'pre' or both")
    if template.kind == "rating":
        _check_rating(template, path)
    else:
        _check_choice(template, path)
    return template


def decode_toml(path: Path, form: type[T]) -> T:
    """The TOML file at `path` as a `form`; UsageError names file, key and value."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"no file {str(path)!r} (looked in {path.parent.resolve()})") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {str(path)!r}: {error}") from None
    try:
        tree = toml_tree(text)
    except ValueError as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UsageError(f"{path}: not TOML: {reason}") from None
    try:
        return msgspec.convert(tree, form)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {_with_value(str(error), tree)}") from None


def _check_rating(template: Template, path: Path) -> None:
    if len(template.levels) < 2:
        raise UsageError(f"{path}: levels has {len(template.levels)}; expected at least two")
    if template.third:
        raise UsageError(f"{path}: third = {template.third!r}; a rating has none")
    if template.completes:
        raise UsageError(f"{path}: completes = true; expected false for a rating")
    check_labels(template.labels, where=f"{path}: levels")
    check_labels((*template.labels, *template.banned), where=f"{path}: banned")
    for level in template.levels:
        if not math.isfinite(level.value):
            raise UsageError(f"{path}: value = {level.value} of level {level.label!r}")
    for lower, higher in zip(template.levels, template.levels[1:], strict=False):
        if lower.value == higher.value:
            raise UsageError(
                f"{path}: duplicate value = {higher.value:g} of levels {lower.label!r} and "
                f"{higher.label!r}"
            )
        if lower.value > higher.value:
            raise UsageError(
                f"{path}: value = {higher.value:g} of level {higher.label!r} is below that of "
                f"{lower.label!r}; expected levels from least to best liked, values ascending"
            )
    for timing, wording in template.questions.items():
        if found := _PLACEHOLDER.search(wording):
            raise UsageError(
                f"{path}: questions.{timing} holds the placeholder {found.group()}; a rating has "
                "none (the item stands before the question, the allowed labels after it)"
            )


def _check_choice(template: Template, path: Path) -> None:
    for key in ("levels", "banned"):
        if getattr(template, key):
            raise UsageError(
                f"{path}: {key} is set; a choice has none (its two labels come from -T labels=)"
            )
    for timing, wording in template.questions.items():
        found = set(_PLACEHOLDER.findall(wording))
        for wanted in ("first", "second"):
            if wanted not in found:
                raise UsageError(
                    f"{path}: questions.{timing} lacks the placeholder {{{wanted}}} for the "
                    f"label of the {wanted} item"
                )
        if unknown := sorted(found - {"first", "second"}):
            raise UsageError(
                f"{path}: questions.{timing} holds the placeholder {{{unknown[0]}}}; "
                "expected {first} and {second} only"
            )


def _with_value(message: str, tree: Any) -> str:
    """msgspec's message with the key in TOML's notation and the value that stood there."""
    at = _AT.search(message)
    if at is None:
        return message
    key, value = at.group(1).lstrip("."), tree
    for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", at.group(1)):
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError):
            return f"{message[: at.start()]} at {key}"
    shown = "" if isinstance(value, dict | list) else f" = {value!r}"
    allowed = f"; expected {_ALLOWED[key]}" if key in _ALLOWED else ""
    return f"{key or 'top level'}{shown}: {message[: at.start()]}{allowed}"
