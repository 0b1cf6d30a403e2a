"""The unit that is measured: one task prompt, with its origin."""

import hashlib
from functools import cached_property

import msgspec

__all__ = ["Item", "text_hash"]


def text_hash(text: str) -> str:
    """First 16 hex digits of the SHA-256 of `text` in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Item(msgspec.Struct, frozen=True, dict=True):
    """One task prompt whose appeal is measured.

    `id` is unique within a run, `text` is the prompt as the model sees it, `origin` the kind of
    source (alpaca, wildchat, math, bailbench, stress_test, or a user's own).
    """

    id: str
    text: str
    origin: str
    metadata: dict[str, str] = {}

    @cached_property
    def hash(self) -> str:
        """Hash of the prompt's text alone; see `text_hash`."""
        return text_hash(self.text)
