"""Correlations between templates rest on pairs of their own."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.pairs.presentations import presentations
from harness.studies.catalogue import get_study
from harness.studies.forecast import plan_of
from harness.studies.parameters import read_parameters


def drawn(spec: str) -> set[frozenset[str]]:
    items = [f"item {number}" for number in range(30)]
    shown = presentations(spec, items, orders="both", seed=0, base=Path(), task="pairwise")
    return {frozenset(pair[0][:2]) for pair in shown}


def test_pairs_are_drawn_anew_for_each_number() -> None:
    """`@S` gives other pairs of the same items, the same ones each time."""
    for spec in ("regular:4", "random:60", "origins:60"):
        one, two = drawn(f"{spec}@0"), drawn(f"{spec}@1")
        assert len(one) == len(two) == 60
        assert one == drawn(f"{spec}@0")
        assert len(one & two) < 40


def test_templates_are_asked_of_the_same_items_in_other_pairs() -> None:
    """What is held of one pair whatever the wording is in no two templates' utilities."""
    study = get_study("pairwise-templates")
    given = {"raters": ("sim/faithful",), "per_origin": 12, "pairs": "regular:4"}
    cells = study.design(read_parameters(study, given)).cells
    assert len({cell.options["pairs"] for cell in cells}) == len(cells) == 3
    assert len({plan_of(cell).forecast.items for cell in cells}) == 1


def test_one_template_has_nothing_to_go_with() -> None:
    """A single wording is refused before a call."""
    study = get_study("pairwise-templates")
    given = {"raters": ("sim/faithful",), "templates": ("do_again",)}
    with pytest.raises(UsageError, match="two templates"):
        study.design(read_parameters(study, given))
