"""Rules are those that the published error rates are of."""

import pytest

from harness.text.verdicts.verdict import VerdictKind
from scripts.kept_table import read_kept
from scripts.rule_table import HEAD, KINDS, TABLE, rows


@pytest.mark.parametrize("kind", KINDS)
def test_rules_say_of_known_texts_what_they_said_when_their_rates_were_measured(
    kind: VerdictKind,
) -> None:
    """Not one verdict, score or piece of evidence has moved, of texts as they are or disturbed, nor
    the lengths from which a rule says something else; after a wanted change print
    `benchmarks.verdicts` again, then `python -m scripts.rule_table`."""
    kept = [row for row in read_kept(TABLE, HEAD) if row[0] == kind]
    moved = [(one, other) for one, other in zip(rows(kind), kept, strict=True) if one != other]
    assert not moved, f"{len(moved)} of {len(kept)} rows moved, first {moved[0]}"
    assert len(kept) > 300
