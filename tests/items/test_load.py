"""Items from what a user writes: sources, files, counts, ids, traps."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import inspect_ai.dataset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.items.builtin import builtin_items
from harness.items.item import Item
from harness.items.itemset import collect, sample, select
from harness.items.load import load_items
from harness.items.sources import ORIGINS

RAW = {
    "alpaca:alpaca.json": (250, 1, "alpaca_0"),
    "wildchat:wildchat_first_turns.jsonl": (300, 1, "wildchat_11052"),
    "wildchat:wildchat_1m_schema_reconstructed.jsonl": (20, 0, "wildchat_" + "0" * 32),
    "math:math500.jsonl": (150, 0, "math_test_precalculus_807"),
    "bailbench:bailbench.csv": (80, 0, "bailbench_0"),
    "stress_test:stress_test.jsonl": (150, 0, "stresstest_14_21017_neutral"),
    "stress_test:stress_test_schema_reconstructed.jsonl": (50, 0, "stresstest_14_21017_neutral"),
}


@pytest.mark.parametrize("spec", RAW)
def test_real_sources(shared_data: Path, spec: str) -> None:
    """Each source's own file gives its known number of items, duplicates and its first id."""
    count, duplicates, first = RAW[spec]
    found = load_items(spec, base=shared_data / "raw")
    assert (len(found.items), found.duplicates, found.skipped) == (count, duplicates, 0)
    assert found.items[0].id == first
    assert {item.origin for item in found.items} == {spec.partition(":")[0]}


def test_line_separator_stays_inside_a_prompt(shared_data: Path) -> None:
    """A prompt that holds U+2028 is one item, with the character in it."""
    found = load_items("wildchat:wildchat_first_turns.jsonl", base=shared_data / "raw")
    assert sum("\u2028" in item.text for item in found.items) == 1


def test_ids_count_from_zero_over_all_records(shared_data: Path) -> None:
    """A bailbench id is the record's place in the file, so the last of 80 is 79."""
    found = load_items("bailbench:bailbench.csv", base=shared_data / "raw")
    assert [item.id for item in found.items] == [f"bailbench_{n}" for n in range(80)]


def test_both_schemas_of_a_source_name_an_item_alike(shared_data: Path) -> None:
    """The published schema and the sample give the same ids to the same texts."""
    raw = shared_data / "raw"
    ids = {i.id: i.text for i in load_items("stress_test:stress_test.jsonl", base=raw).items}
    other = load_items("stress_test:stress_test_schema_reconstructed.jsonl", base=raw)
    assert all(ids[item.id] == item.text for item in other.items)


def test_builtin_items() -> None:
    """At least forty of each origin, no text twice, ids as promised."""
    items = builtin_items()
    for origin in ORIGINS:
        own = [item for item in items if item.origin == origin]
        assert len(own) >= 40
        assert [item.id for item in own] == [f"{origin}_{n:03d}" for n in range(len(own))]
    assert len({item.text for item in items}) == len(items)
    assert all(item.text == item.text.strip() for item in items)


def test_builtin_and_real_ids_never_meet(shared_data: Path) -> None:
    """Built-in and real items of one origin can be joined."""
    found = load_items("builtin+bailbench:bailbench.csv", base=shared_data / "raw")
    assert found.origins["bailbench"] == 44 + 80


TEXTS = ["plain", "{first} and {x}", "<task>\nA & B\n</task>", "two\u2028lines\u0085here", "é\n\n”"]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_texts_survive_a_file(tmp_path: Path, ending: str) -> None:
    """Braces, tags, newlines and line separators come back as they went in, with a BOM too."""
    if ending == "jsonl":
        rows = [json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in TEXTS]
    else:
        rows = ["text\n", *('"' + text.replace('"', '""') + '"\n' for text in TEXTS)]
    (tmp_path / f"mine.{ending}").write_bytes(b"\xef\xbb\xbf" + "".join(rows).encode())
    found = load_items(f"mine.{ending}", base=tmp_path)
    assert [item.text for item in found.items] == TEXTS
    assert [item.id for item in found.items] == [f"mine_{n}" for n in range(len(TEXTS))]


@pytest.mark.parametrize(
    "spec",
    ["a+b.csv:text=prompt,id=key,origin=from", ["a+b.csv:text=prompt", "id=key", "origin=from"]],
)
def test_field_map(tmp_path: Path, spec: str | list[str]) -> None:
    """A field map names the columns, as text or as the list that YAML makes of it."""
    (tmp_path / "a+b.csv").write_text("key,prompt,from\nk1,Do it.,mine\nk2,,mine\nk3,Do it.,x\n")
    found = load_items(spec, base=tmp_path)
    assert found.items == (Item(id="k1", text="Do it.", origin="mine"),)
    assert (found.duplicates, found.skipped) == (1, 1)


BAD = {
    "empty.jsonl": ("\n\n", "is empty"),
    "header.csv": ("id,text\n", "is empty"),
    "blank.jsonl": ('{"text": " "}\n', "no item with a text"),
    "cut.jsonl": ('{"text": "a"}\n{"text": "b\n', "line 2: not JSON"),
    "list.jsonl": ("[1]\n", "expected an object"),
    "missing.jsonl": ('{"text": "a"}\n\n{"txt": "b"}\n', "line 3: no field 'text'"),
    "short.csv": ("id,text\n1,a\n2\n", "line 3: 1 fields; the header has 2"),
    "twice.jsonl": ('{"id": "k", "text": "a"}\n{"id": "k", "text": "b"}\n', "'k' stands for two"),
    "nested.jsonl": ('{"text": ["a"]}\n', "field 'text' is not text"),
    "mine.txt": ("a", "unknown items 'mine.txt'"),
}


@pytest.mark.parametrize("name", BAD)
def test_unusable_files(tmp_path: Path, name: str) -> None:
    """An unusable file is one line that says what is wrong and where."""
    content, message = BAD[name]
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=message) as caught:
        load_items(name, base=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "empty part"),
        ("builtin+", "empty part"),
        ("builtin:maths", "unknown origin 'maths'"),
        ("nonsense", "unknown items 'nonsense'"),
        ("math:no.jsonl", "no file at /.*no.jsonl"),
        ("no.csv", "no file at /.*no.csv"),
        ("no.csv:txt=a", "unusable field map 'txt=a'"),
        ("bailbench", "no hub data set"),
    ],
)
def test_unusable_specs(tmp_path: Path, spec: str, message: str) -> None:
    """An unusable spec is one line that names it, and where a file was looked for."""
    with pytest.raises(UsageError, match=message) as caught:
        load_items(spec, base=tmp_path)
    assert "\n" not in str(caught.value)


def _ids(items: tuple[Item, ...]) -> list[str]:
    return [item.id for item in items]


def _items(origin: str, count: int) -> list[Item]:
    return [Item(id=f"{origin}{n}", text=f"{origin} task {n}", origin=origin) for n in range(count)]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 8), st.integers(0, 5), st.integers(0, 12), st.booleans())
def test_sampling_is_by_origin(keep: int, seed: int, others: int, swapped: bool) -> None:
    """A sample of one origin depends neither on other origins nor on their order."""
    alone = collect(_items("a", 9))
    parts = [_items("b", others), _items("a", 9)]
    both = collect([item for part in (parts[::-1] if swapped else parts) for item in part])
    drawn = sample(both, per_origin=keep, sample_seed=seed)
    expected = sample(alone, per_origin=keep, sample_seed=seed).items
    assert tuple(item for item in drawn.items if item.origin == "a") == expected
    assert drawn.origins.get("b", 0) == min(keep, others)
    larger = sample(alone, per_origin=keep + 1, sample_seed=seed)
    assert set(_ids(expected)) <= set(_ids(larger.items))


def test_sampling_depends_on_the_seed() -> None:
    """Two seeds draw two samples, and no sample is just the first items."""
    items = collect(_items("a", 200))
    draws = [sample(items, per_origin=20, sample_seed=seed).items for seed in range(3)]
    assert len({tuple(item.id for item in draw) for draw in draws}) == 3
    assert all(draw != items.items[:20] for draw in draws)


def test_select_keeps_the_given_order() -> None:
    """Items come in the order of the ids; an unknown or repeated id is an error that names it."""
    items = collect(_items("a", 5))
    assert [item.id for item in select(items, ["a3", "a1"]).items] == ["a3", "a1"]
    with pytest.raises(UsageError, match="unknown item id 'zz'"):
        select(items, ["a1", "zz"])
    with pytest.raises(UsageError, match="'a1' stands more than once"):
        select(items, ["a1", "a1"])


def test_per_origin_must_be_positive() -> None:
    """`per_origin=0` is refused."""
    with pytest.raises(UsageError, match="per_origin 0"):
        load_items("builtin", per_origin=0, base=Path())


def test_hub_records_become_items(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A source read from the hub gives the items that its own file gives."""
    records = [
        {"instruction": "Add.", "input": "1, 2", "output": "3"},
        {"instruction": "Sing.", "input": "", "output": "la"},
    ]
    (tmp_path / "alpaca.json").write_text(json.dumps(records))

    def hf_dataset(path: str, *, sample_fields: Any, **options: Any) -> list[Any]:
        assert (path, options["split"]) == ("tatsu-lab/alpaca", "train")
        return [sample_fields(record) for record in records]

    monkeypatch.setattr(inspect_ai.dataset, "hf_dataset", hf_dataset)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    expected = load_items("alpaca:alpaca.json", base=tmp_path)
    assert load_items("alpaca", base=tmp_path) == expected
    assert [item.text for item in expected.items] == ["Add.\n\n1, 2", "Sing."]


def test_no_hub_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without network the error names the data set and the way round, in one line."""

    def hf_dataset(*args: Any, **options: Any) -> None:
        raise ConnectionError("no route to host\nand more")

    monkeypatch.setattr(inspect_ai.dataset, "hf_dataset", hf_dataset)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(UsageError, match=r"MATH-500\): no route to host; .* as math:FILE$"):
        load_items("math", base=tmp_path)
