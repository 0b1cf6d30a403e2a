"""Every template by name, and a user's own by the path of a TOML file."""

import difflib
from collections.abc import Iterable
from pathlib import Path

from harness.errors import UsageError
from harness.prompts.choices import CHOICES
from harness.prompts.ratings import RATINGS
from harness.prompts.template import Kind, Template
from harness.prompts.toml import read_template

__all__ = ["CHOICES", "RATINGS", "TEMPLATES", "get_template", "unknown_name"]

TEMPLATES: dict[str, Template] = {**RATINGS, **CHOICES}
"""Every built-in template by name."""


def get_template(name: str, *, kind: Kind | None = None, base: Path) -> Template:
    """A built-in template, or the one in the file `name` where that ends in ".toml".

    A relative path is taken from `base`. `kind` is the kind that is wanted, None for either.
    UsageError for an unknown name, a file that cannot be used, or the wrong kind.
    """
    if name.endswith(".toml"):
        template = read_template(base / Path(name).expanduser())
        _check_not_taken(template, name)
    elif name in TEMPLATES:
        template = TEMPLATES[name]
    else:
        allowed = [known.name for known in TEMPLATES.values() if kind in (None, known.kind)]
        raise UsageError(unknown_name("template", name, allowed, file="a TOML file"))
    if kind not in (None, template.kind):
        raise UsageError(f"template {name!r} asks for a {template.kind}; expected a {kind}")
    return template


def unknown_name(what: str, name: str, allowed: Iterable[str], *, file: str | None = None) -> str:
    """The line for a name that is not known: a near match first, then all that are allowed."""
    names = list(allowed)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    other = f", or the path of {file}" if file else ""
    return f"unknown {what} {name!r}{hint} expected one of {', '.join(names)}{other}"


def _check_not_taken(template: Template, name: str) -> None:
    known = TEMPLATES.get(template.name)
    if known is not None and known.hash != template.hash:
        raise UsageError(
            f"{name}: name = {template.name!r} is that of a built-in template with other content; "
            "give yours a name of its own"
        )
