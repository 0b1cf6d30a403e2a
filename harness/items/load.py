"""From what a user writes as `items` to the items: built in, a source's file, the hub, any file."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.errors import UsageError
from harness.items.builtin import builtin_items
from harness.items.hub import from_hub
from harness.items.item import Item
from harness.items.itemset import ItemSet, collect, sample, select
from harness.items.marked import marked_items
from harness.items.rows import Row, read_rows
from harness.items.sources import SOURCES

__all__ = ["ItemSet", "load_items", "select"]

_ENDINGS = (".jsonl", ".json", ".csv", ".tsv")
_FORMS = (
    "builtin, builtin:ORIGIN, "
    + ", ".join(SOURCES)
    + ", SOURCE:FILE, FILE.jsonl or FILE.csv (FILE:text=FIELD,id=FIELD,origin=FIELD), joined by +"
)


def load_items(
    spec: str | Sequence[str],
    *,
    per_origin: int | None = None,
    sample_seed: int = 0,
    base: Path,
) -> ItemSet:
    """The items that `spec` names, each text once, sampled by origin.

    `spec` is one part or several joined by "+":

    * `builtin`, `builtin:math`: the built-in items, all or of one origin;
    * `marked`: items that the tiny model `tiny:planted` likes as their texts say, for rehearsals;
    * `alpaca`, `wildchat`, `math`, `stress_test`: that source from the hub (needs network);
    * `math:FILE` and so on: that source from its own file;
    * `FILE.jsonl`, `FILE.csv`: records with `text` and optionally `id` and `origin`; other names
      with `FILE.jsonl:text=prompt,id=key,origin=source`.

    A list is joined by commas (that is what YAML makes of a field map in `-T items=…`). Relative
    paths are resolved against `base`. `per_origin` is an upper bound, drawn by `sample_seed`.
    Anything unusable is a `UsageError`, which names the place.
    """
    text = spec if isinstance(spec, str) else ",".join(map(str, spec))
    items = [item for part in _parts(text, base) for item in _load_part(part, base)]
    found = collect(items)
    if not found.items:
        raise UsageError(f"items {text!r} has no item with a text ({found.skipped} are empty)")
    return sample(found, per_origin=per_origin, sample_seed=sample_seed)


def _parts(text: str, base: Path) -> list[str]:
    if "+" in text and _names_one_file(text, base):
        return [text]
    parts = [part.strip() for part in text.split("+")]
    if not all(parts):
        raise UsageError(f"items {text!r} has an empty part; expected {_FORMS}")
    return parts


def _names_one_file(text: str, base: Path) -> bool:
    """Whether `text` as a whole names a file that exists, "+" and all."""
    name, _, rest = text.partition(":")
    path = rest if name in SOURCES else _split_map(text)[0]
    try:
        return _resolve(path, base).is_file()
    except OSError:  # too long for a file name
        return False


def _load_part(part: str, base: Path) -> Sequence[Item]:
    name, colon, rest = part.partition(":")
    if name == "builtin":
        return builtin_items(rest if colon else None)
    if part == "marked":
        return marked_items()
    if name in SOURCES:
        if not colon:
            return from_hub(name)
        return [SOURCES[name].item(row) for row in _rows(rest, part, base)]
    path, fields = _split_map(part)
    if not path.lower().endswith(_ENDINGS):
        raise UsageError(f"unknown items {part!r}; expected {_FORMS}")
    mapping = _FieldMap.parse(fields, part)
    stem = Path(path).stem
    return [_own_item(row, mapping, stem) for row in _rows(path, part, base)]


def _resolve(path: str, base: Path) -> Path:
    return base / Path(path).expanduser()


def _rows(path: str, part: str, base: Path) -> list[Row]:
    target = _resolve(path, base)
    if not target.is_file():
        raise UsageError(f"items {part!r}: no file at {target}")
    return read_rows(target)


def _split_map(part: str) -> tuple[str, str]:
    """A path and its field map: what follows the last ":" if that holds an "="."""
    path, colon, fields = part.rpartition(":")
    return (path, fields) if colon and "=" in fields else (part, "")


class _FieldMap(msgspec.Struct, frozen=True):
    """Names of the fields in a user's file; a name that was not given may be absent there."""

    text: str = "text"
    id: str | None = None
    origin: str | None = None

    @classmethod
    def parse(cls, fields: str, part: str) -> "_FieldMap":
        given: dict[str, str] = {}
        for pair in filter(None, (piece.strip() for piece in fields.split(","))):
            name, equals, value = pair.partition("=")
            if name not in cls.__struct_fields__ or not equals or not value:
                raise UsageError(
                    f"items {part!r}: unusable field map {pair!r}; "
                    "expected text=FIELD, id=FIELD, origin=FIELD"
                )
            given[name] = value
        return cls(**given)


def _own_item(row: Row, fields: _FieldMap, stem: str) -> Item:
    text = _field(row, fields.text, required=True)
    ident = _field(row, fields.id or "id", required=fields.id is not None)
    origin = _field(row, fields.origin or "origin", required=fields.origin is not None)
    return Item(id=ident or f"{stem}_{row.index}", text=text, origin=origin or stem)


def _field(row: Row, name: str, *, required: bool) -> str:
    value = row.fields.get(name)
    if value is None and not required:
        return ""
    if name not in row.fields:
        shown = ", ".join(map(str, row.fields)) or "(none)"
        raise UsageError(f"{row.place}: no field {name!r}; the fields are {shown}")
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        raise UsageError(f"{row.place}: field {name!r} is not text")
    return str(value)
