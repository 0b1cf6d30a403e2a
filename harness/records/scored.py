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
    "refusal": ("judgements",),
    "attitude": ("judgements",),
    "coherence": ("judgements",),
    "sysprompt_reference": ("judgements",),
    "executed_task": ("judgements", "replies"),
    "rating": ("records", "judgements"),
    "preference": ("records", "judgements"),
    "campaign": ("records", "judgements"),
    "completion": ("judgements",),
}
"""Tables that a scorer's metadata holds, by what stands after the last `/` of the scorer's name:
it is `rating` or `scorers/rating`, as penchant was installed. Of two judgements that say the same
of a text the earlier here counts: a scorer of their own has more to say."""


@dataclass
class Scored:
    """Rows of one sample or eval. `unusable` counts entries that are not in the form of a row.

    `replies` are `reply_hash`es by `prompt_hash#repeat`, for records from before they carried them.
    """

    records: list[Record] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    unusable: int = 0

    def add(self, metadata: Mapping[str, Any], tables: Sequence[str]) -> None:
        """Take the rows of `tables` from one score's metadata."""
        if "records" in tables:
            self._take(metadata.get("records"), Record, self.records)
        if "judgements" in tables:
            self._take(metadata.get("judgements"), Judgement, self.judgements)
        if "replies" in tables:
            self._take_replies(metadata.get("replies"))

    def _take_replies(self, given: Any) -> None:
        try:
            if isinstance(given, msgspec.Raw):
                given = msgspec.json.decode(given)
            self.replies |= msgspec.convert(given or {}, dict[str, str])
        except (msgspec.ValidationError, msgspec.DecodeError):
            self.unusable += 1

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
    scored again has one scorer under several names: another install's, or with a number after it
    (`refusal1`). Of records the later count; judgements are all taken, and told apart by content.
    """
    found = Scored()
    for name, tables in TABLES.items():
        held = [given for said, given in metadata.items() if _of_scorer(said, name) and given]
        if held:
            found.add(held[-1], [one for one in tables if one == "records"])
        for given in reversed(held):
            found.add(given, [one for one in tables if one != "records"])
    found.records = [_with_reply(record, found.replies) for record in found.records]
    return found


def _of_scorer(said: str, name: str) -> bool:
    """Whether a score is of the scorer `name`: `rating`, `scorers/rating`, `rating1`."""
    own = said.rsplit("/", 1)[-1]
    return own.startswith(name) and (own == name or own[len(name) :].lstrip("-").isdigit())


def _with_reply(record: Record, replies: Mapping[str, str]) -> Record:
    if record.reply_hash is not None or not replies:
        return record
    told = replies.get(f"{record.prompt_hash}#{record.repeat}")
    return record if told is None else msgspec.structs.replace(record, reply_hash=told)


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
