"""Rules are those that the published error rates are of."""

import csv

from scripts.rule_table import HEAD, TABLE, rows


def test_rules_say_of_known_texts_what_they_said_when_their_rates_were_measured() -> None:
    """Not one verdict, score or piece of evidence has moved, of texts as they are or disturbed;
    after a wanted change print `benchmarks.verdicts` again, then `python -m scripts.rule_table`."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        head, *kept = csv.reader(file)
    assert tuple(head) == HEAD
    found = [list(row) for row in rows()]
    moved = [(one, other) for one, other in zip(found, kept, strict=True) if one != other]
    assert not moved, f"{len(moved)} of {len(kept)} rows moved, first {moved[0]}"
    assert len(kept) > 5000
