"""Names as anchors, file names and labels."""

import re
from collections.abc import Iterable

__all__ = ["short", "slug", "slugs"]


def short(text: str, length: int = 36) -> str:
    """One line of at most `length` characters; the middle gives way, since ids differ at ends."""
    line = re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", text).strip()
    if len(line) <= length:
        return line
    head = (length - 1) * 2 // 3
    return f"{line[:head]}…{line[len(line) - (length - 1 - head) :]}"


def slug(text: str) -> str:
    """Letters, digits and underscores, for file names and anchors."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:60] or "unnamed"


def slugs(names: Iterable[str]) -> dict[str, str]:
    """A slug for each name, no two alike: of several with one slug the later get a number."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        base, count = slug(name), 1
        while (candidate := base if count == 1 else f"{base}_{count}") in found.values():
            count += 1
        found[name] = candidate
    return found
