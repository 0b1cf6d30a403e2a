"""Answers are read as they were when somebody last looked."""

import csv

from scripts.answer_table import HEAD, TABLE, rows


def test_known_answers_put_another_way_are_read_as_they_were() -> None:
    """Wrapped, begun, continued, cut, against every scale, in every form of response: not one
    outcome, label or reason has moved. After a wanted change look at what moved, then
    `python -m scripts.answer_table`."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        head, *kept = csv.reader(file)
    assert tuple(head) == HEAD
    found = [list(row) for row in rows()]
    moved = [(one, other) for one, other in zip(found, kept, strict=True) if one != other]
    assert not moved, f"{len(moved)} of {len(kept)} rows moved, first {moved[0]}"
    assert len(kept) > 2500
