"""Cells that a spreadsheet would run: written harmless, read back as they were."""

import csv
import io
from pathlib import Path

import polars as pl
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.items import items
from harness.items.formulas import defused, defused_table, restored, restored_table
from harness.items.load import load_items
from harness.records.files import write_table

RISKY = ("=", "+", "-", "@", "\t", "\r")
texts = st.text(st.sampled_from("=+-@\t\r'1.e \nax,\";"), max_size=8)


@given(texts)
def test_no_text_cell_begins_like_a_formula_and_each_is_read_back(text: str) -> None:
    """Whatever the text: its cell is a number or begins harmlessly, and the text comes back."""
    cell = defused(text)
    assert restored(cell) == text
    if cell.startswith(RISKY):
        assert cell == text and float(cell) is not None


@given(st.lists(texts, min_size=1, max_size=5))
def test_a_table_and_a_cell_are_defused_alike(column: list[str]) -> None:
    """The columns of a table hold what `defused` makes of each cell, and are read back."""
    table = pl.DataFrame({"=x": column, "n": range(len(column))})
    written = defused_table(table)
    assert written["'=x"].to_list() == [defused(text) for text in column]
    assert restored_table(written).equals(table)


def test_numbers_are_untouched(tmp_path: Path) -> None:
    """Negative numbers stay numbers, in columns of numbers and of text."""
    table = pl.DataFrame({"value": [-1.5, 2.0], "answer": ["-3", "+2e5"], "text": ["=1+1", "-a"]})
    write_table(table, tmp_path / "t.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "t.csv").read_text())))
    assert rows[1:] == [["-1.5", "-3", "'=1+1"], ["2.0", "+2e5", "'-a"]]


def test_an_exported_item_set_is_read_back(tmp_path: Path) -> None:
    """Items that look like formulas are the same items after export to CSV and loading."""
    source, target = tmp_path / "a.jsonl", tmp_path / "b.csv"
    told = ["=1+1", "+49 call", "-x", "@SUM(A1)", "'=quoted", "'plain", "--help"]
    pl.DataFrame({"id": [f"@{n}" for n in range(7)], "text": told}).write_ndjson(source)
    done = CliRunner().invoke(items, ["export", "--items", str(source), "-o", str(target)])
    assert done.exit_code == 0, done.output
    rows = list(csv.reader(io.StringIO(target.read_text())))[1:]
    assert not any(cell.startswith(RISKY) for row in rows for cell in row)
    again = load_items(str(target), base=tmp_path).items
    assert [(item.id, item.text) for item in again] == [(f"@{n}", t) for n, t in enumerate(told)]
