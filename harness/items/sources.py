"""The five sources of real items: the fields of their records, and the ids made from them.

A source is read from its own file (`math:FILE`) or from the hub (`math`); both give the same
records, so one function a source turns a record into an item.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from harness.errors import UsageError
from harness.items.item import Item
from harness.items.rows import Row

__all__ = ["ORIGINS", "SOURCES", "Hub", "Source"]


class Hub(msgspec.Struct, frozen=True, kw_only=True):
    """Where a source lies on the Hugging Face hub; `limit` records are read from the front."""

    path: str
    split: str
    data_files: str | None = None
    limit: int | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One source: `item` turns a record into an item; `hub` is None where it is a file only."""

    origin: str
    item: Callable[[Row], Item]
    hub: Hub | None
    obtain: str


def _text(row: Row, *names: str) -> str:
    """The first of `names` that the record has, as text."""
    for name in names:
        value = row.fields.get(name)
        if isinstance(value, str):
            return value
    raise UsageError(
        f"{row.place}: no text field {' or '.join(map(repr, names))}; "
        f"the fields are {', '.join(map(str, row.fields)) or '(none)'}"
    )


def _about(row: Row, *names: str) -> dict[str, str]:
    return {name: str(row.fields[name]) for name in names if row.fields.get(name) is not None}


def _id(row: Row, default: str) -> str:
    value = row.fields.get("id")
    return default if value is None or value == "" else str(value)


def _alpaca(row: Row) -> Item:
    extra = row.fields.get("input") or ""
    instruction = _text(row, "instruction", "text")
    text = f"{instruction}\n\n{extra}" if extra else instruction
    return Item(id=_id(row, f"alpaca_{row.index}"), text=text, origin="alpaca")


def _wildchat(row: Row) -> Item:
    if "conversation" not in row.fields:
        ident = _id(row, f"wildchat_{row.index}")
        about = _about(row, "type", "topic")
        return Item(id=ident, text=_text(row, "text"), origin="wildchat", metadata=about)
    key = row.fields.get("conversation_hash") or row.index
    about = _about(row, "language", "toxic")
    return Item(id=f"wildchat_{key}", text=_first_turn(row), origin="wildchat", metadata=about)


def _first_turn(row: Row) -> str:
    turns: Any = row.fields["conversation"]
    first = turns[0] if isinstance(turns, list) and turns else None
    if not isinstance(first, dict) or first.get("role") != "user":
        raise UsageError(f"{row.place}: `conversation` does not begin with a user turn")
    content = first.get("content")
    return content if isinstance(content, str) else ""


def _math(row: Row) -> Item:
    key = row.fields.get("unique_id")
    ident = f"math_{row.index}"
    if isinstance(key, str) and key:
        ident = "math_" + key.removesuffix(".json").replace("/", "_")
    about = _about(row, "subject", "level")
    return Item(
        id=_id(row, ident), text=_text(row, "problem", "text"), origin="math", metadata=about
    )


def _bailbench(row: Row) -> Item:
    about = _about(row, "category", "subcategory")
    text = _text(row, "content", "text")
    return Item(
        id=_id(row, f"bailbench_{row.index}"), text=text, origin="bailbench", metadata=about
    )


def _stress_test(row: Row) -> Item:
    parts = [row.fields.get(name) for name in ("chunk_index", "entry_idx", "nudge_direction")]
    ident = f"stresstest_{row.index}"
    if None not in parts:
        ident = "stresstest_" + "_".join(map(str, parts))
    about = _about(row, "value1", "value2", "query_generator")
    text = _text(row, "query", "text")
    return Item(id=_id(row, ident), text=text, origin="stress_test", metadata=about)


SOURCES: dict[str, Source] = {
    "alpaca": Source(
        origin="alpaca",
        item=_alpaca,
        hub=Hub(path="tatsu-lab/alpaca", split="train"),
        obtain="alpaca_data.json of tatsu-lab/alpaca",
    ),
    "wildchat": Source(
        origin="wildchat",
        item=_wildchat,
        # The whole set is 3 GB; its first file has enough first turns to sample from.
        hub=Hub(
            path="allenai/WildChat-1M",
            split="train",
            data_files="data/train-00000-*.parquet",
            limit=20_000,
        ),
        obtain="records of allenai/WildChat-1M as JSONL",
    ),
    "math": Source(
        origin="math",
        item=_math,
        hub=Hub(path="HuggingFaceH4/MATH-500", split="test"),
        obtain="test.jsonl of HuggingFaceH4/MATH-500",
    ),
    "bailbench": Source(
        origin="bailbench",
        item=_bailbench,
        hub=None,
        obtain="BailBench's CSV (content, subcategory, category)",
    ),
    "stress_test": Source(
        origin="stress_test",
        item=_stress_test,
        hub=Hub(path="jifanz/stress_testing_model_spec", split="all_models"),
        obtain="records of jifanz/stress_testing_model_spec as JSONL",
    ),
}

ORIGINS = tuple(sorted(SOURCES))
"""The five origins of the design; a user's own items may have any other."""
