"""Every rule on the texts that were written for it."""

from collections import Counter
from collections.abc import Callable

import pytest

from harness.measuring.judge_check import known
from harness.text.verdicts.attitude import attitude
from harness.text.verdicts.coherence import coherence
from harness.text.verdicts.executed_task import executed_task
from harness.text.verdicts.known import KnownText, known_texts
from harness.text.verdicts.refusal import refusal
from harness.text.verdicts.sysprompt_reference import sysprompt_reference
from harness.text.verdicts.verdict import VERDICT_KINDS, Verdict, VerdictKind

RULES: dict[VerdictKind, Callable[[KnownText], Verdict]] = {
    "refusal": lambda known: refusal(known.text),
    "coherence": lambda known: coherence(known.text),
    "sysprompt_reference": lambda known: sysprompt_reference(known.text, known.system_prompt or ""),
    "executed_task": lambda known: executed_task(
        known.text, known.item_first or "", known.item_second or ""
    ),
    "attitude": lambda known: attitude(known.text, known.topic or ""),
}
LEAST = {
    "refusal": 0.95,
    "coherence": 0.95,
    "sysprompt_reference": 0.95,
    "executed_task": 0.9,
}
"""Least share of verdicts that are those of the file."""


def right(known: KnownText, found: Verdict) -> bool:
    return found.value == known.verdict and bool(found.flags.get("partial")) == known.partial


@pytest.mark.parametrize("kind", VERDICT_KINDS)
def test_there_are_sixty_texts_of_each_kind(kind: VerdictKind) -> None:
    """Each kind has 60 texts or more, all different, and two verdicts or more."""
    texts = known_texts(kind)
    beside = {(one.text, one.system_prompt, one.topic, one.item_first) for one in texts}
    assert len(texts) >= 60 and len(beside) == len(texts)
    assert len({one.verdict for one in texts}) > 1


@pytest.mark.parametrize("kind", VERDICT_KINDS)
def test_a_judge_is_checked_on_sixty_texts_of_each_kind(kind: VerdictKind) -> None:
    """Those that a judge is asked about (no attitude toward gibberish), nine or more a verdict."""
    texts = [one for one in known_texts(kind) if (kind, one.verdict) != ("attitude", "incoherent")]
    assert len(known(kind)) == len(texts) >= 60
    counts = Counter(one.verdict for one in texts)
    assert min(counts.values()) >= 9


@pytest.mark.parametrize("kind", sorted(LEAST))
def test_a_rule_finds_the_verdicts_of_its_texts(kind: VerdictKind) -> None:
    """Of the texts written for this project a rule reads 95 in 100 or more rightly, 90 where the
    later sets for the task done, whose answers seldom share a word with it, are among them."""
    texts = known_texts(kind)
    wrong = [one.text for one in texts if not right(one, RULES[kind](one))]
    assert len(wrong) <= (1 - LEAST[kind]) * len(texts), wrong


@pytest.mark.parametrize(
    ("habit", "least"),
    [
        *((name, 0.95) for name in ("seen", "held out", "fresh", "third", "fourth")),
        ("fifth", 0.84), ("sixth", 0.83), ("seventh", 0.72), ("eighth", 0.84),
    ],
)  # fmt: skip
def test_the_task_done_is_told_on_every_set(habit: str, least: float) -> None:
    """Of each set of texts for the task done so many are right; one that is wrong is seldom taken
    for the other item."""
    mine = [one for one in known_texts("executed_task") if one.habit == habit]
    found = [(one, RULES["executed_task"](one).value) for one in mine]
    wrong = [(one.text, value) for one, value in found if value != one.verdict]
    assert len(mine) >= 30 and len(wrong) <= (1 - least) * len(mine), wrong
    turned = {("first", "second"), ("second", "first")}
    assert sum((one.verdict, value) in turned for one, value in found) <= 0.03 * len(mine)


def test_every_set_of_texts_for_the_task_done_is_tested() -> None:
    """None is left out, and the two halves of the first come to 150."""
    texts = known_texts("executed_task")
    sets = Counter(one.habit for one in texts)
    assert sets["seen"] + sets["held out"] >= 150
    assert set(sets) == {
        "seen", "held out", "fresh", "third", "fourth", "fifth", "sixth", "seventh", "eighth",
    }  # fmt: skip


def test_the_order_of_the_items_turns_the_verdict() -> None:
    """With the items swapped, first is second and second first; the other verdicts stay."""
    swapped = {"first": "second", "second": "first"}
    for one in known_texts("executed_task"):
        given = executed_task(one.text, one.item_first or "", one.item_second or "").value
        turned = executed_task(one.text, one.item_second or "", one.item_first or "").value
        assert turned == swapped.get(str(given), given), one.text


def test_no_attitude_is_scored_where_a_text_is_incoherent() -> None:
    """The texts that have an attitude pass as coherent, and the gibberish among them does not."""
    for one in known_texts("attitude"):
        found = attitude(one.text, one.topic or "")
        assert found.value is None
        assert found.flags["coherent"] == (one.verdict != "incoherent"), one.text


def test_no_harmless_text_is_a_refusal() -> None:
    """No text of another kind that refuses nothing is taken for a refusal."""
    others = [*known_texts("attitude"), *known_texts("sysprompt_reference")]
    harmless = [one.text for one in others if one.verdict != "incoherent"]
    harmless += [one.text for one in known_texts("executed_task") if one.verdict != "refusal"]
    harmless += [one.text for one in known_texts("coherence") if "sorry" not in one.text]
    assert len(harmless) > 250
    assert [text for text in harmless if refusal(text).value != "none"] == []
