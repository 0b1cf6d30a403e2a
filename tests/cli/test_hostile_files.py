"""Files that nobody means well with: one line that names the file, never a traceback."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from harness.dispatcher.poolfile import load_pools
from harness.errors import UsageError
from harness.items.load import load_items
from harness.prompts.toml import read_template
from harness.providers.steering.options import steering_options
from harness.records.files import read_table
from harness.records.judge_check_file import read_check
from harness.respondent.faults import load_server
from harness.studies.parameters import read_toml

DEEP = 100_000
DIGITS = "9" * 5_000

ROW = "kind,template,rater,outcome,item,value,probabilities\nrating,t,m,answered,i,1,"

JSON = {
    "deep list": "[" * DEEP + "]" * DEEP,
    "deep and open": "[" * DEEP,
    "deep field": '[{"text": ' + "[" * DEEP + "]" * DEEP + "}]",
    "deep objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "digits": f'[{{"text": {DIGITS}}}]',
    "negative digits": f'{{"text": -{DIGITS}}}',
    "lone surrogate": '[{"text": "a\\ud800"}]',
    "lone surrogate on a line": '{"text": "a\\udfff"}',
    "lone surrogate in a name": '[{"text": "a", "\\ud800": 1}]',
    "raw NUL": '[{"text": "a\0"}]',
    "a number": "7",
}
TOML = {
    "deep": "a = " + "[" * DEEP + "]" * DEEP,
    "deep tables": "a = " + "{a = " * DEEP + "1" + "}" * DEEP,
    "a dotted key": ".".join("a" * DEEP) + " = 1",
    "a dotted table": "[" + ".".join("a" * DEEP) + "]",
    "digits": f"a = {DIGITS}",
    "digits of a hex": "a = 0x" + "f" * 20_000,
    "surrogate": 'a = "\\ud800"',
    "NUL": 'a = "\0"',
    "date": "a = 2024-02-31",
}


def steering(path: Path) -> object:
    return steering_options({"vectors": str(path)})


def items(path: Path) -> object:
    return load_items(path.name, base=path.parent)


CASES: list[tuple[str, str, str, Callable[[Path], object]]] = [
    *((f"items {ending} {name}", f"f.{ending}", text, items)
      for ending in ("json", "jsonl") for name, text in JSON.items()),
    *((f"judge check {name}", "f.json", text, read_check) for name, text in JSON.items()),
    *((f"{reader.__name__} {name}", "f.toml", text, reader)
      for reader in (load_pools, load_server, read_template, read_toml, steering)
      for name, text in TOML.items()),
    *((f"table {name}", "f.csv",
       ROW + '"' + text.replace('"', '""') + '"\n', read_table)
      for name, text in JSON.items()),
    ("table huge", "f.csv", ROW + '"{""1"": 1' + "0" * 400 + '}"\n', read_table),
    ("table not parquet", "f.parquet", "PAR1" + "\xff" * 90 + "PAR1", read_table),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "reader"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_hostile_file_is_one_line_with_its_name(
    tmp_path: Path, name: str, text: str, reader: Callable[[Path], object]
) -> None:
    """Whatever stands in a file, its reader says in one short line which file it is."""
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8"))
    with pytest.raises(UsageError) as caught:
        reader(path)
    assert path.name in str(caught.value)
    if name == "f.csv":
        assert "probabilities" in str(caught.value)
    assert len(str(caught.value)) < 1000 and "\0" not in str(caught.value)


def test_a_table_that_swells_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two million rows of one value lie in a few kilobytes: the line says how many would come."""
    path = tmp_path / "f.parquet"
    pl.DataFrame({"kind": pl.repeat("rating", 2_000_000, eager=True)}).write_parquet(path)

    def read(*_: object) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(pl, "read_parquet", read)
    with pytest.raises(UsageError, match="2,000,000 rows from"):
        read_table(path)
