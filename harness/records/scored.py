"""What the scores of a log carry: which scorer brings which table, and the one reader of both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from harness.records.judgement import Judgement
from harness.records.record import Record

__all__ = ["TABLES", "Scored", "scored"]

T = TypeVar("T", bound=msgspec.Struct)

TABLES: dict[str, tuple[str, ...]] = {
    "rating": ("records", "judgements"),
    "preference": ("records", "judgements"),
    "completion": ("judgements",),
}
"""Tables that a scorer's metadata holds, by what stands after the last `/` of the scorer's name:
it is `rating` or `scorers/rating`, as penchant was installed."""


@dataclass
class Scored:
    """Rows of one sample or eval. `unusable` counts entries that are not in the form of a row."""

    records: list[Record] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    unusable: int = 0

    def add(self, metadata: Mapping[str, Any], tables: Sequence[str]) -> None:
        """Take the rows of `tables` from one score's metadata."""
        if "records" in tables:
            self._take(metadata.get("records"), Record, self.records)
        if "judgements" in tables:
            self._take(metadata.get("judgements"), Judgement, self.judgements)

    def _take(self, entries: Any, kind: type[T], rows: list[T]) -> None:
        for entry in _listed(entries):
            try:
                rows.append(
                    msgspec.json.decode(entry, type=kind)
                    if isinstance(entry, msgspec.Raw)
                    else msgspec.convert(entry, kind)
                )
            except msgspec.ValidationError:
                self.unusable += 1


def scored(metadata: Mapping[str, Any]) -> Scored:
    """Rows in the metadata of a sample's scores, by scorer.

    A value is the score's metadata, plain or with its values as JSON (`msgspec.Raw`). A sample
    scored again under another install has one scorer under two names: the later counts.
    """
    found = Scored()
    by_name = {name.rsplit("/", 1)[-1]: held for name, held in metadata.items()}
    for name, tables in TABLES.items():
        found.add(by_name.get(name) or {}, tables)
    return found


def _listed(entries: Any) -> list[Any]:
    """The entries of a list; anything else is one entry, which will not pass for a row.

    A list may stand as its JSON text: many small rows cost less so (see `records.kept`).
    """
    if entries is None:
        return []
    if isinstance(entries, msgspec.Raw):
        try:
            return msgspec.json.decode(entries, type=list[msgspec.Raw])
        except msgspec.ValidationError:
            pass
        try:
            entries = msgspec.json.decode(entries, type=str)
        except msgspec.ValidationError:
            return [entries]
    if isinstance(entries, str):
        try:
            return msgspec.json.decode(entries, type=list[msgspec.Raw])
        except msgspec.DecodeError:
            return [entries]
    return list(entries) if isinstance(entries, list) else [entries]
