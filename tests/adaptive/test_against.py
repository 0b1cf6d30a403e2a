"""Which items are set against the opt-out."""

import numpy as np
import pytest
from scipy.special import ndtr

from harness.adaptive.against import Against, zero_of
from harness.records.record import Record


def record(item: str, out: str, *, won: bool, first: bool) -> Record:
    return Record(
        kind="choice",
        template="t",
        template_hash="h",
        prompt_hash="p",
        timing="pre",
        response="plain",
        readout="sample",
        labels="A,B",
        rater="r",
        outcome="answered",
        zero="optout",
        item_first=item if first else out,
        item_second=out if first else item,
        origin_first="math" if first else "optout",
        origin_second="optout" if first else "math",
        choice="first" if won == first else "second",
    )


def test_zero_of() -> None:
    """The zero is where it was planted, and a position effect does not move it."""
    rng = np.random.default_rng(0)
    mu = rng.normal(0, 1.5, 3000)
    place = np.where(rng.random(3000) < 0.7, 1, -1)
    said = np.where(rng.random(3000) < ndtr((mu + 0.6 - 0.4 * place) / np.sqrt(2)), 1, -1)
    assert zero_of(mu, said, place, -0.4) == pytest.approx(-0.6, abs=0.1)
    assert abs(zero_of(mu, said, place, 0.0) + 0.6) > 0.1
    assert np.isfinite(zero_of(mu[:4], np.ones(4, int), place[:4], 0.0))


def test_near_items_are_asked() -> None:
    """With answers, items near the zero are asked about, none twice before another once."""
    items = [f"i{k:02d}" for k in range(50)]
    mu = np.linspace(-3, 3, 50)
    against = Against(items, 0)
    first = against.next(20, None, 0.0, [])
    assert len({pair[0][0] for pair in first}) == 20
    said = [
        record(pair[0][0], pair[0][1], won=mu[int(pair[0][0][1:])] > 1, first=bool(k % 2))
        for k, pair in enumerate(first)
    ]
    near = [pair[0][0] for pair in against.next(10, mu, 0.0, said)]
    assert max(abs(mu[int(name[1:])] - 1) for name in near) < 1.6
    assert not set(near) & {pair[0][0] for pair in first}


def test_no_question_twice() -> None:
    """However often an item comes round, no presentation has the same wording and occurrence."""
    against = Against(["a", "b", "c"], 0)
    shown = [one for pair in against.next(40, None, 0.0, []) for one in pair]
    assert len(set(shown)) == len(shown) == 80
    assert sum(one[0].startswith("optout") for one in shown) == 40
