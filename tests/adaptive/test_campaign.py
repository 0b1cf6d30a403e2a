"""A campaign: what it asks, when it ends, and that it is a function of its answers."""

import random
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import pytest

from harness.adaptive.campaign import Batch, Campaign, Shown, Step
from harness.adaptive.options import read_campaign_options
from harness.adaptive.plan import sample_prefix
from harness.adaptive.trace import live_line
from harness.errors import UsageError
from harness.records.record import Record
from harness.stats.thurstone.links import LINKS

N = 40
ITEMS = tuple(f"i{k:02d}" for k in range(N))
UTILITIES = dict(zip(ITEMS, np.random.default_rng(3).normal(0, 1.5, N).tolist(), strict=True))

Answer = Callable[[Shown, random.Random], dict[str, object]]


def choose(shown: Shown, rng: random.Random) -> dict[str, object]:
    apart = UTILITIES[shown[0]] - UTILITIES[shown[1]] - 0.4
    p = float(LINKS["probit"].probability(np.array([apart / 2**0.5]))[0])
    return {"outcome": "answered", "choice": "first" if rng.random() < p else "second"}


def refuse(shown: Shown, rng: random.Random) -> dict[str, object]:
    return {"outcome": "refused"}


def answers(batch: Batch, answer: Answer = choose) -> list[Record]:
    """Records of a batch; the answer to a presentation is always the same, as from a journal."""
    records = []
    for role, pairs in batch.pairs.items():
        for pair in pairs:
            for shown in pair:
                first, second, _ = shown
                facts = {
                    "kind": "choice",
                    "template": "t",
                    "template_hash": "h",
                    "prompt_hash": "p",
                    "timing": "pre",
                    "response": "plain",
                    "readout": "sample",
                    "labels": "A,B",
                    "rater": "r",
                    "item_first": first,
                    "item_second": second,
                    "sample_id": f"{sample_prefix(role, batch.number)}{first} vs {second}:1",
                    **answer(shown, random.Random(repr(shown))),
                }
                records.append(msgspec.convert(facts, Record))
    return records


def campaign(**given: object) -> Campaign:
    options = read_campaign_options({"batch": 60, "target_rho": 0.9, **given}, task="utilities")
    return Campaign(options, ITEMS, [f"o{k % 4}" for k in range(N)])


def run(one: Campaign, *, answer: Answer = choose, shuffle: int = 0) -> list[Step]:
    steps = []
    batch: Batch | None = one.first()
    while batch is not None:
        records = answers(batch, answer)
        random.Random(shuffle).shuffle(records)
        steps.append(one.step(records))
        batch = steps[-1].batch
    return steps


def keys(shown: Sequence[Shown]) -> list[frozenset[str]]:
    return [frozenset(one[:2]) for one in shown]


def test_ends_at_the_target() -> None:
    """It stops when the expected correlation reaches the target, and says so; two fits in a row
    have agreed to that degree long before (fault 11)."""
    steps = run(campaign(batch=20))
    assert steps[-1].progress is not None
    assert steps[-1].progress.expected_rho >= 0.9
    assert "reached 0.9" in steps[-1].ended
    assert all(step.progress and step.progress.expected_rho < 0.9 for step in steps[:-1])
    assert steps[0].progress is not None
    assert steps[0].progress.successive_rho is None
    successive = [step.progress.successive_rho or 0 for step in steps[1:-1] if step.progress]
    assert min(successive) > 0.9


def test_batches_do_not_depend_on_the_order_of_arrival() -> None:
    """The same answers in any order give the same batches and the same utilities."""
    one, two = campaign(), campaign()
    run(one, shuffle=1)
    run(two, shuffle=2)
    assert [batch.pairs for batch in one.batches] == [batch.pairs for batch in two.batches]
    assert one.fitted is not None and two.fitted is not None
    np.testing.assert_array_equal(one.fitted.utilities, two.fitted.utilities)


def test_another_seed_asks_other_pairs() -> None:
    """The seed decides the initial graph."""
    assert campaign().first().pairs != campaign(sample_seed=1).first().pairs


def test_nothing_is_asked_twice_and_orders_are_balanced() -> None:
    """All pairs of a campaign differ while there are new ones; each item is first as often as
    second, nearly."""
    one = campaign(target_rho=0.93)
    run(one)
    shown = [pair for batch in one.batches for pair in batch.presentations]
    assert len(set(keys(shown))) == len(shown)
    first = dict.fromkeys(ITEMS, 0)
    for a, b, _ in shown:
        first[a] += 1
        first[b] -= 1
    assert max(abs(excess) for excess in first.values()) <= 4


def test_both_orders_of_a_pair_stand_together() -> None:
    """orders=both asks each pair as (a, b) and (b, a)."""
    one = campaign(orders="both")
    pairs = one.first().pairs["initial"]
    assert all(pair[0][:2] == pair[1][1::-1] for pair in pairs)


def test_the_reserve_is_random_and_marked() -> None:
    """So large a share of each later batch is reserve, by the ids of its samples."""
    one = campaign(reserve=0.2)
    run(one)
    sizes = [{role: len(pairs) for role, pairs in batch.pairs.items()} for batch in one.batches]
    assert sizes[0] == {"initial": 100}
    assert sizes[1] == {"selected": 48, "reserve": 12}
    roles = {
        record.sample_id.split("-")[0] for record in answers(one.batches[1]) if record.sample_id
    }
    assert roles == {"selected", "reserve"}


def test_repeats_of_a_presentation_are_told_apart() -> None:
    """Four items have six pairs: later presentations of one carry their occurrence."""
    options = read_campaign_options(
        {"batch": 6, "target_rho": 1, "max_comparisons": 30}, task="utilities"
    )
    one = Campaign(options, ITEMS[:4], ["o"] * 4)
    run(one)
    shown = [pair for batch in one.batches for pair in batch.presentations]
    assert len(shown) == 30
    assert len(set(shown)) == 30
    assert max(occurrence for *_, occurrence in shown) >= 2


@pytest.mark.parametrize("seeds", [1, 3])
def test_max_comparisons_is_never_exceeded(seeds: int) -> None:
    """The last batch is as small as what is left, in questions."""
    one = campaign(max_comparisons=330, seeds=seeds, target_rho=1)
    steps = run(one)
    asked = sum(len(batch.presentations) for batch in one.batches) * seeds
    assert 330 - seeds < asked <= 330
    assert "max_comparisons" in steps[-1].ended


def test_a_respondent_that_never_answers_ends_the_campaign() -> None:
    """A batch of refusals alone ends it: no fit, no endless asking."""
    [step] = run(campaign(), answer=refuse)
    assert step.fit is None
    assert step.ended == "no question of the last batch was answered"


@pytest.mark.parametrize("bridges", [0, 1])
@pytest.mark.parametrize("absent", [0, 1])
def test_halves_that_hardly_meet_never_end_it_on_an_expected_rho(bridges: int, absent: int) -> None:
    """Where answers do not tie parts of the items together, a campaign asks to its limit, and says
    no rho; an item that is always refused does not hide it."""
    allowed = {(f"i{k:02d}", f"i{k + N // 2:02d}") for k in range(bridges)}

    def among_neighbours(shown: Shown, rng: random.Random) -> dict[str, object]:
        a, b = sorted(shown[:2])
        at, to = int(a[1:]), int(b[1:])
        if at < absent or ((at < N // 2) != (to < N // 2) and (a, b) not in allowed):
            return refuse(shown, rng)
        return choose(shown, rng)

    one = campaign(target_rho=0.5, max_comparisons=500, seeds=1)
    last = run(one, answer=among_neighbours)[-1]
    assert "max_comparisons" in last.ended
    assert last.progress is not None
    assert last.progress.expected_rho is None
    assert "no expected rho" in live_line(last.progress)


def test_an_item_that_is_always_refused_does_not_keep_it_from_ending() -> None:
    """One item without answers has the prior's uncertainty, and the target is reached."""

    def one_refused(shown: Shown, rng: random.Random) -> dict[str, object]:
        return refuse(shown, rng) if "i00" in shown[:2] else choose(shown, rng)

    assert "reached" in run(campaign(target_rho=0.8), answer=one_refused)[-1].ended


def test_a_spent_budget_ends_the_campaign() -> None:
    """Questions that the purse did not admit end it with what there is."""

    def half(shown: Shown, rng: random.Random) -> dict[str, object]:
        if rng.random() < 0.5:
            return {"outcome": "failed", "error": "max_calls=50 is reached", "asked": False}
        return choose(shown, rng)

    [step] = run(campaign(target_rho=1), answer=half)
    assert step.fit is not None
    assert step.ended == "the budget is spent"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"pairs": "all"}, "chooses its pairs itself"),
        ({"target_rho": 1.5}, "target_rho=1.5 of utilities; expected 0 to 1"),
        ({"batch": 0}, "batch=0 of utilities; expected at least 1"),
        ({"reserve": 0.9}, "reserve=0.9"),
        ({"rule": "best"}, "rule='best'"),
        ({"orders": "first"}, "orders='first'"),
        ({"tarket_rho": 0.9}, "did you mean 'target_rho'"),
    ],
)
def test_bad_options_are_one_line(given: dict[str, object], said: str) -> None:
    """Each names the value and what was allowed."""
    with pytest.raises(UsageError, match=said):
        read_campaign_options(given, task="utilities")
