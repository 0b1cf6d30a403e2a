"""Files that hold answers are nobody else's to read."""

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from harness.dispatcher.book_file import BookFile
from harness.measuring.journal import Entries
from harness.records.files import WRITERS, write_table
from harness.wire import Reply


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize(("folder", "expected"), [(0o700, 0o600), (0o750, 0o640), (0o755, 0o640)])
def test_answers_are_not_for_everybody(folder: int, expected: int, tmp_path: Path) -> None:
    """Tables of every form and the ledger: 0600, or 0640 in a folder that the group can read."""
    place = tmp_path / "place"
    place.mkdir(mode=folder)
    files = [place / f"t{ending}" for ending in WRITERS]
    for file in files:
        write_table(pl.DataFrame({"text": ["an answer"]}), file)
    BookFile(place / "ledger.jsonl")
    files.append(place / "ledger.jsonl")
    assert [oct(file.stat().st_mode & 0o777) for file in files] == [oct(expected)] * len(files)


def test_folders_that_are_not_there_are_made(tmp_path: Path) -> None:
    """Tables and journals go wherever they are sent, more than once."""
    for place in (tmp_path / "a" / "b" / "c", tmp_path / "a" / "b" / "d"):
        for _ in range(2):
            write_table(pl.DataFrame({"text": ["an answer"]}), place / "t.csv")
            Entries(place / "more" / "j.jsonl", Reply)
        assert (place / "t.csv").exists() and (place / "more" / "j.jsonl").exists()
