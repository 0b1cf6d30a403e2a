"""The validity card's verdicts."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.records.record import Record, frame
from harness.stats.intervals import Bootstrap
from harness.studies.catalogue import get_study
from harness.studies.forecast import study_forecast
from harness.studies.parameters import read_parameters
from harness.studies.study import Found, Given

TEMPLATES = ("anchored_1_5", "anchored_precise_1_5", "fruit_rating")
Levels = NDArray[np.int64]


def ratings(template: str, levels: Levels, *, honoured: bool = True, **asked: str) -> list[Record]:
    """Three ratings of each item at its level, asked after the task and directly unless said."""
    how: dict[str, Any] = {"timing": "post", "response": "plain"} | asked
    return [
        Record(
            kind="rating", template=template, template_hash=template + how["timing"],
            prompt_hash="p", readout="sample", labels="1,2,3,4,5",
            rater="sim/a", completer="sim/a", outcome="answered", item=f"item {number:02d}",
            origin="math", value=float(one), normalised=(one - 1) / 4, answer=str(one),
            repeat=repeat, log=template + str(how), seed=repeat, seed_honoured=honoured, **how,
        )
        for number, one in enumerate(levels)
        for repeat in range(3)
    ]  # fmt: skip


def choices(*, place: bool) -> list[Record]:
    """All pairs of ten items in both orders: the second always, or the item that sorts first."""
    return [
        Record(
            kind="choice", template="simple_preference", template_hash="h", prompt_hash="p",
            timing="post", response="plain", readout="sample", labels="A,B", rater="sim/a",
            completer="sim/a", outcome="answered", item_first=first, item_second=second,
            repeat=0, log="choices", seed=0, seed_honoured=True,
            choice="second" if place or second < first else "first",
        )
        for pair in combinations([f"item {number:02d}" for number in range(10)], 2)
        for first, second in (pair, pair[::-1])
    ]  # fmt: skip


def found(rows: Sequence[Record]) -> Found:
    study = get_study("validity")
    given = read_parameters(study, {"raters": ("sim/a",), "templates": TEMPLATES, "seeds": 3})
    return study.analyse(Given(frame(rows), given, Bootstrap(resamples=100)))


def card(rows: Sequence[Record]) -> dict[tuple[str, str], str]:
    """Verdicts by template and quantity."""
    return {
        (str(row["template"]), str(row["quantity"])): str(row["verdict"])
        for row in found(rows).tables[0].rows
    }


def levels(seed: int = 0) -> Levels:
    return np.random.default_rng(seed).integers(1, 6, 60)


def wordings(*, honoured: bool = True) -> list[Record]:
    """Two wordings that agree, and one of chance alone."""
    agreed = [ratings(name, levels(), honoured=honoured) for name in TEMPLATES[:2]]
    return [*agreed[0], *agreed[1], *ratings(TEMPLATES[2], levels(1), honoured=honoured)]


def test_wordings_that_disagree_fail_the_card() -> None:
    """Two wordings of one opinion hold, one that has nothing to do with them fails."""
    told = card(wordings())
    assert told["anchored_1_5", "r with anchored_precise_1_5"] == "holds"
    assert told["anchored_1_5", "r with fruit_rating"] == "fails"
    assert told["anchored_1_5", "informative r"] == "holds"


def test_a_seed_that_is_not_honoured_fails_the_card() -> None:
    """Whether a run can be repeated to the letter is a verdict of its own."""
    assert card(wordings())["fruit_rating", "seed honoured"] == "holds"
    assert card(wordings(honoured=False))["fruit_rating", "seed honoured"] == "fails"


@pytest.mark.parametrize(
    ("asked", "quantity"),
    [
        ({"timing": "pre"}, "r of before the task with after"),
        ({"response": "reasoned"}, "r of reasoned with direct"),
    ],
)
def test_another_way_to_ask_that_disagrees_fails_the_card(
    asked: dict[str, str], quantity: str
) -> None:
    """Before the task, or with chain of thought: another opinion fails, the same one holds, and
    neither gets a card of its own beside the one it is compared with."""
    name = "anchored_precise_1_5"
    same = card([*ratings(name, levels()), *ratings(name, levels(), **asked)])
    other = card([*ratings(name, levels()), *ratings(name, levels(1), **asked)])
    assert same[name, quantity] == "holds"
    assert other[name, quantity] == "fails"
    rows = found([*ratings(name, levels()), *ratings(name, levels(1), **asked)]).tables[0].rows
    assert sum(row["quantity"] == "ICC(1,1)" for row in rows) == 1


def test_place_fails_the_flip_rate_and_a_ring_the_triads() -> None:
    """Who takes the second whatever it is flips always; one firm order neither flips nor turns."""
    told = card([*wordings(), *choices(place=True)])
    assert told["simple_preference", "flip rate"] == "fails"
    told = card([*wordings(), *choices(place=False)])
    assert told["simple_preference", "flip rate"] == "holds"
    assert told["simple_preference", "circular triads"] == "holds"


def test_each_quantity_counts_the_calls_behind_it() -> None:
    """The card says on how many questions a value rests, and the page how many were planned."""
    rows = [*wordings(), *choices(place=True)]
    tables = {table.name: table for table in found(rows).tables}
    calls = {(row["template"], row["quantity"]): row["calls"] for row in tables["card"].rows}
    assert calls["anchored_1_5", "ICC(1,1)"] == 180
    assert calls["anchored_1_5", "r with fruit_rating"] == 360
    assert calls["simple_preference", "flip rate"] == 90
    planned = {
        (row["template"], row["timing"], row["response"]): (row["planned"], row["asked"])
        for row in tables["calls"].rows
    }
    assert planned["anchored_1_5", "post", "plain"] == (300, 180)
    assert planned["simple_preference", "post", "plain"] == (15 * 14 * 3, 90)
    assert planned["fruit_rating", "post", "reasoned"] == (300, 0)


def test_the_plan_counts_an_item_once_however_many_ways_it_is_asked() -> None:
    """Choices between a part of the items need no completions of their own."""
    study = get_study("validity")
    given = read_parameters(study, {"per_origin": 4, "chosen": 2, "seeds": 2}, rehearse=True)
    plan = study_forecast(study.design(given), seeds=2)
    raters = len(given.raters)
    assert plan.completions == raters * 20
    assert plan.questions == raters * (20 * 2 * (2 + 3 + 2) + 45 * 2 * 2)
    assert plan.items == 20
