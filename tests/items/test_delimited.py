"""Delimited text in its dialects: what is read does not depend on how it was written."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.items.delimited import decoded, delimited
from harness.items.load import load_items
from harness.pairs.files import read_pairs

CELLS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters='\n\t";,|'), max_size=8
)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS).filter(lambda row: any(c.strip() for c in row)))


@settings(max_examples=150, deadline=None)
@given(
    rows=ROWS,
    separator=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    blank=st.booleans(),
)
def test_any_dialect_reads_back(
    rows: list[tuple[str, str, str]], separator: str, end: str, quoting: int, blank: bool
) -> None:
    """Fields come back as written, whatever separates, quotes or ends them, past empty lines."""
    if any("\n" in cell for row in rows for cell in row):
        quoting = csv.QUOTE_ALL  # csv's writer leaves a line feed bare where lines end otherwise
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(["First", " second ", "choice"])
    for row in rows:
        writer.writerow(row)
        out.write(end * blank)
    table = delimited(Path("t.csv"), out.getvalue(), names=("first", "second", "choice"))
    assert table.header == ("First", "second", "choice")
    assert [tuple(values) for _, values in table.rows] == rows


def test_lines_are_counted_past_what_is_empty() -> None:
    """A record is named by the line on which it begins."""
    text = 'sep=;\n\na;b\n"x\ny";1\n\n;\nz;2\n'
    table = delimited(Path("t.csv"), text)
    assert list(table.rows) == [(4, ["x\ny", "1"]), (8, ["z", "2"])]


def test_a_tab_in_tsv_and_a_comma_in_csv_where_both_would_do() -> None:
    """One column under either separator: the ending decides."""
    text = "a\tb,c\n1\t2,3\n"
    assert delimited(Path("t.tsv"), text).header == ("a", "b,c")
    assert delimited(Path("t.csv"), text).header == ("a\tb", "c")
    assert delimited(Path("t.csv"), text, names=("a",)).header == ("a", "b,c")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    """UTF-8 with or without its mark, and the UTF-16 of spreadsheets, are one text."""
    file = tmp_path / "t.csv"
    file.write_bytes("é,ü\n".encode(encoding))
    assert decoded(file) == "é,ü\n"
    # A look at a header may end inside a character.
    assert "é,ü\n".startswith(decoded(file, first=5).rstrip("�"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1\n", "line 2: 1 fields; the header has 2"),
        ("a,b\n\n1,2,3\n", "line 3: 3 fields; the header has 2"),
        ('a,b\n1,2\n"3,4\n5,6\n', "line 3: a quote that is never closed"),
        ('a,b\n"1,2\n', "line 2: a quote that is never closed"),
    ],
)
def test_uneven_lines_are_named(text: str, said: str) -> None:
    """A line with too many or too few fields, and an open quote, are one line of error."""
    with pytest.raises(UsageError, match=said) as caught:
        list(delimited(Path("t.csv"), text).rows)
    assert "\n" not in str(caught.value)


def test_empty_fields_past_the_header_are_nothing() -> None:
    """Spreadsheets end lines with separators: nothing is lost where nothing stands."""
    assert list(delimited(Path("t.csv"), "a,b\n1,2,,\n").rows) == [(2, ["1", "2"])]


def test_items_and_pairs_in_other_dialects(tmp_path: Path) -> None:
    """Items with semicolons and a prompt of 200 000 characters; pairs in upper case with tabs."""
    long = "x" * 200_000
    (tmp_path / "mine.CSV").write_text(f"id;text\nk1;{long}\n\nk2;Do it, please.\n")
    items = load_items("mine.CSV", base=tmp_path).items
    assert [item.text for item in items] == [long, "Do it, please."]
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("FIRST\tSecond\n k2 \tk1\n\n")
    assert read_pairs(pairs, ["k1", "k2"]) == [(1, 0)]
