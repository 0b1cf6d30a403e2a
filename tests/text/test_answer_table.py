"""Answers are read as they were when somebody last looked."""

from scripts.answer_table import HEAD, TABLE, rows
from scripts.kept_table import read_kept


def test_known_answers_put_another_way_are_read_as_they_were() -> None:
    """Wrapped, begun, continued, cut, against every scale, in every form of response: not one
    outcome, label or reason has moved. After a wanted change look at what moved, then
    `python -m scripts.answer_table`."""
    kept = read_kept(TABLE, HEAD)
    moved = [(one, other) for one, other in zip(rows(), kept, strict=True) if one != other]
    assert not moved, f"{len(moved)} of {len(kept)} rows moved, first {moved[0]}"
    assert len(kept) > 2500
