"""The built-in items: written for this project, at least forty of each origin.

One JSONL file an origin in `data/`, so that a person can read and extend them.
"""

from functools import cache
from importlib.resources import files

import msgspec

from harness.errors import UsageError
from harness.items.item import Item
from harness.items.sources import ORIGINS

__all__ = ["builtin_items"]


def builtin_items(origin: str | None = None) -> tuple[Item, ...]:
    """The built-in items of one origin, or of all, in the order of `ORIGINS`."""
    if origin is None:
        return tuple(item for name in ORIGINS for item in _read(name))
    if origin not in ORIGINS:
        raise UsageError(f"unknown origin {origin!r} in items 'builtin:…'; expected {_listed()}")
    return _read(origin)


@cache
def _read(origin: str) -> tuple[Item, ...]:
    """Ids have three digits, so that none equals an id of the real source (`bailbench_12`)."""
    text = files("harness.items").joinpath("data", f"{origin}.jsonl").read_text("utf-8")
    lines = [line for line in text.split("\n") if line]
    texts = [msgspec.json.decode(line, type=str) for line in lines]
    return tuple(
        Item(id=f"{origin}_{number:03d}", text=text, origin=origin)
        for number, text in enumerate(texts)
    )


def _listed() -> str:
    return ", ".join(ORIGINS)
