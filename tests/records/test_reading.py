"""A question as asked and its reply become a record: read-outs by log-probability."""

import math
from typing import Any

import msgspec
import pytest

from harness.records.kept import Asked, Common
from harness.records.reading import read_record, settled
from harness.wire import Reply, TokenLogprob

FACTS: dict[str, Any] = {
    "template": "scale",
    "template_hash": "h",
    "timing": "post",
    "response": "plain",
    "labels": "A,B",
    "rater": "m",
}
LEVELS = ("1", "2", "3", "4", "5")
PAIR: dict[str, Any] = {"kind": "choice", "allowed": ("A", "B"), "values": ()}


def read(probabilities: dict[str, float], *, least: float, **other: Any) -> Any:
    """The record of a reply whose first token has these probabilities."""
    facts = FACTS | {"kind": other.get("kind", "rating")}
    common = Common(
        facts=facts,
        allowed=other.get("allowed", LEVELS),
        values=other.get("values", (1.0, 2.0, 3.0, 4.0, 5.0)),
        banned=(),
        completes=False,
        readout="logprobs",
        min_label_mass=least,
    )
    tokens = tuple(TokenLogprob(label, math.log(p)) for label, p in probabilities.items())
    reply = Reply(text="", top_logprobs=tokens)
    return read_record(common, Asked(key="k", facts={"prompt_hash": "p"}, reply=reply))


@pytest.mark.parametrize("least", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("mass", [0.05, 0.3, 0.6, 0.95])
def test_below_min_label_mass_a_readout_is_invalid(mass: float, least: float) -> None:
    """Labels that hold less than min_label_mass of the probability have no value, and the record
    says how much they held; from there on they have one."""
    found = read({"2": mass / 4, "4": mass * 3 / 4, "The": 1 - mass}, least=least)
    assert found.label_mass == pytest.approx(mass)
    if mass < least:
        assert (found.outcome, found.value, found.answer) == ("invalid", None, None)
        assert f"below {least:g}" in found.reason
    else:
        assert (found.outcome, found.answer) == ("answered", "4")
        assert found.value == pytest.approx(2 / 4 + 4 * 3 / 4)
        assert found.normalised == pytest.approx((found.value - 1) / 4)


@pytest.mark.parametrize("least", [0.2, 0.8])
def test_choices_have_the_same_threshold(least: float) -> None:
    """Two labels of .5 in all have p_first where that is enough, else nothing."""
    found = read({"A": 0.1, "B": 0.4, "I": 0.5}, least=least, **PAIR)
    if least < 0.5:
        assert found.outcome == "answered"
        assert (found.p_first, found.choice) == (pytest.approx(0.2), "second")
    else:
        assert (found.outcome, found.p_first, found.choice) == ("invalid", None, None)


def test_labels_without_any_probability_are_invalid_at_any_threshold() -> None:
    """With min_label_mass=0 there must still be something to normalise."""
    assert read({"The": 1.0}, least=0.0).outcome == "invalid"


def invalid() -> tuple[Common, Any]:
    """A record of a rating that rules could not read, and what its questions share."""
    common = Common(
        facts=FACTS | {"kind": "rating"},
        allowed=LEVELS,
        values=(1.0, 2.0, 3.0, 4.0, 5.0),
        banned=("4",),
        completes=False,
        readout="sample",
        min_label_mass=0.5,
    )
    reply = Reply(text="Somewhere in the middle, I would say.")
    return common, read_record(common, Asked(key="k", facts={"prompt_hash": "p"}, reply=reply))


@pytest.mark.parametrize(
    ("verdict", "outcome", "value"),
    [
        ("3", "answered", 3.0),
        ("4", "invalid", None),
        ("(refusal)", "refused", None),
        ("(disclaimer)", "disclaimed", None),
        ("(unclear)", "invalid", None),
    ],
)
def test_a_judge_settles_what_rules_left_open(
    verdict: str, outcome: str, value: float | None
) -> None:
    """A label that is allowed has its value, a banned one none, and the record names the judge."""
    common, record = invalid()
    found = settled(common, record, verdict, judge="j")
    assert (found.outcome, found.value) == (outcome, value)
    assert found.normalised == (None if value is None else 0.5)
    assert found.read_by == "judge j" and record.reason in found.reason


def test_what_rules_have_read_no_judge_reads_again() -> None:
    """An answer, a refusal and a failure are none of a judge's business."""
    common, record = invalid()
    for outcome in ("answered", "refused", "disclaimed", "failed"):
        with pytest.raises(ValueError, match="settled by rule"):
            settled(common, msgspec.structs.replace(record, outcome=outcome), "3", judge="j")
