"""Items as a set: no text twice, no id for two texts, a seeded sample of each origin."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from harness.errors import UsageError
from harness.items.item import Item

__all__ = ["ItemSet", "collect", "sample", "select"]


class ItemSet(msgspec.Struct, frozen=True, kw_only=True):
    """Items in the order of their source, and what was left out on the way.

    `duplicates` counts items whose text had already come (the first is kept), `skipped` those
    with an empty text.
    """

    items: tuple[Item, ...]
    duplicates: int = 0
    skipped: int = 0

    @property
    def origins(self) -> dict[str, int]:
        """Number of items by origin, in the order of first appearance."""
        return dict(Counter(item.origin for item in self.items))


def collect(items: Iterable[Item], *, skipped: int = 0) -> ItemSet:
    """Items with each text once; two texts under one id are a `UsageError`."""
    by_text: dict[str, Item] = {}
    by_id: dict[str, Item] = {}
    duplicates = 0
    for item in items:
        if not item.text.strip():
            skipped += 1
        elif item.text in by_text:
            duplicates += 1
        elif item.id in by_id:
            raise UsageError(
                f"item id {item.id!r} stands for two texts: "
                f"{_start(by_id[item.id].text)!r} and {_start(item.text)!r}; ids must be unique"
            )
        else:
            by_text[item.text] = by_id[item.id] = item
    return ItemSet(items=tuple(by_id.values()), duplicates=duplicates, skipped=skipped)


def sample(items: ItemSet, *, per_origin: int | None, sample_seed: int) -> ItemSet:
    """At most `per_origin` items of each origin, drawn by `sample_seed`, in the set's order.

    Every item has a rank that depends on the seed and its text alone, and the lowest ranks are
    taken: the draw of one origin depends neither on the others nor on the order of the file, and
    a smaller sample is a part of a larger one.
    """
    if per_origin is None:
        return items
    if per_origin < 1:
        raise UsageError(f"per_origin {per_origin}; expected at least 1")
    ranked: dict[str, list[tuple[bytes, str]]] = {}
    for item in items.items:
        rank = hashlib.sha256(f"{sample_seed}\n{item.hash}".encode()).digest()
        ranked.setdefault(item.origin, []).append((rank, item.id))
    kept = {ident for ranks in ranked.values() for _, ident in sorted(ranks)[:per_origin]}
    chosen = tuple(item for item in items.items if item.id in kept)
    return msgspec.structs.replace(items, items=chosen)


def select(items: ItemSet, ids: Sequence[str]) -> ItemSet:
    """The items named in `ids`, in that order; an unknown or repeated id is a `UsageError`."""
    by_id = {item.id: item for item in items.items}
    unknown = [ident for ident in ids if ident not in by_id]
    if unknown:
        shown = ", ".join(map(repr, unknown[:5])) + (" …" if len(unknown) > 5 else "")
        some = ", ".join(list(by_id)[:3])
        raise UsageError(f"unknown item id {shown}; the {len(by_id)} items are {some} …")
    twice = [ident for ident, count in Counter(ids).items() if count > 1]
    if twice:
        raise UsageError(f"item id {twice[0]!r} stands more than once in the selection")
    return msgspec.structs.replace(items, items=tuple(by_id[ident] for ident in ids))


def _start(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
