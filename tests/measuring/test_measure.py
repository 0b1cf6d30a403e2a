"""A question as it is put: its choices, its seed, its repeats, its length."""

import types
from typing import Any

import pytest

from harness.measuring.measure import Prepared
from harness.measuring.plan import choice_plan, rating_plan
from harness.wire import Message


def prepared(**fields: Any) -> Prepared:
    usual: dict[str, Any] = {
        "asker": None, "common": None, "seed": 7, "seeded": True, "exact": False, "spans": False,
    }  # fmt: skip
    return Prepared(**usual | fields)


def test_exact_choices_are_asked_for_where_a_provider_gives_them() -> None:
    """The labels, and nowhere else; likewise the seed."""
    measure = rating_plan("stated_1_5", {"per_origin": 1, "timing": "pre"}, task="rating").measure
    assert measure is not None
    messages = (Message("user", "How much?"),)
    _, plain, facts = measure.asked(prepared(), "k", messages, 2)
    _, exact, _ = measure.asked(prepared(exact=True), "k", messages, 2)
    _, unseeded, told = measure.asked(prepared(seeded=False), "k", messages, 2)
    assert (plain.choices, exact.choices) == (None, ("1", "2", "3", "4", "5"))
    assert (plain.seed, unseeded.seed) == (9, None)
    assert facts == told and (facts["seed"], facts["repeat"]) == (9, 2)


def test_a_key_names_item_repeat_and_prompt() -> None:
    """Another repeat or another prompt is another question."""
    measure = rating_plan("stated_1_5", {"per_origin": 1, "timing": "pre"}, task="rating").measure
    assert measure is not None
    one, other = (Message("user", "How much?"),), (Message("user", "How little?"),)
    keys = {
        measure.asked(prepared(), "k", messages, repeat)[0]
        for messages in (one, other)
        for repeat in (0, 1)
    }
    assert len(keys) == 4 and all(key.startswith("k#") for key in keys)


@pytest.mark.parametrize(
    ("epoch", "seeds", "expected"), [(1, 1, [0]), (1, 3, [0, 1, 2]), (2, 3, [3, 4, 5]), (3, 1, [2])]
)
def test_no_two_epochs_share_a_repeat(epoch: int, seeds: int, expected: list[int]) -> None:
    """They count on from each other."""
    options = {"per_origin": 1, "seeds": seeds, "timing": "pre"}
    measure = rating_plan("stated_1_5", options, task="rating").measure
    assert measure is not None and list(measure.repeats(epoch)) == expected


def test_contrastive_steering_pushes_the_same_item_in_both_orders() -> None:
    """The one whose id comes first in the alphabet, where the positions say contrast."""
    facts = {"item_first": "b", "item_second": "a"}
    for positions, pushed in (("contrast", {"pushed": "a"}), ("last", {}), (None, {})):
        common: Any = types.SimpleNamespace(facts={"positions": positions})
        assert prepared(common=common).pushed(facts) == pushed
        assert prepared(common=common).pushed({"item_first": "a", "item_second": "b"}) == pushed


def test_a_prompts_length_counts_all_that_is_sent() -> None:
    """Longer answers, a system prompt and a tool make it longer; no items have none."""

    def chars(answered: int = 0, **options: Any) -> float:
        given = {"per_origin": 2, "pairs": "all", **options}
        plan = choice_plan("simple_preference", given, task="pairwise")
        assert plan.measure is not None
        return plan.measure.chars(list(plan.items.values()), answered=answered)

    assert chars(100) == pytest.approx(chars(0) + 200)
    before = chars(100, timing="pre")
    assert before == chars(0, timing="pre") < chars(0)
    assert chars(timing="pre", measurement_sysprompt="loves_math") > before + 40
    assert chars(timing="pre", response="tool") > before + 100
    plan = choice_plan("simple_preference", {"per_origin": 1, "pairs": "all"}, task="pairwise")
    assert plan.measure is not None and plan.measure.chars([], answered=5) == 0
