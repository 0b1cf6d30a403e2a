"""The built-in templates carry the facts that they must."""

from pathlib import Path

import msgspec
import pytest

from harness.errors import UsageError
from harness.prompts.catalogue import CHOICES, RATINGS, TEMPLATES, get_template
from harness.prompts.template import Level, Template

FRUIT = {"lemon": 0, "grape": 1, "orange": 2, "banana": 3, "apple": 4}
FIVE = {str(number): number for number in range(1, 6)}
LEVELS: dict[str, dict[str, float]] = {
    "stated_1_5": FIVE,
    "anchored_1_5": FIVE,
    "anchored_precise_1_5": FIVE,
    "compressed_anchors_1_5": FIVE,
    "ban_four_1_5": {"1": 1, "2": 2, "3": 3, "5": 5},
    "random_scale_27_32": {str(number): number for number in range(27, 33)},
    "bipolar_neg5_pos5": {str(number): number for number in range(-5, 6)},
    "percentile_1_100": {str(number): number for number in range(1, 101)},
    "fruit_rating": FRUIT,
    "fruit_rating_bare": FRUIT,
    "fruit_qualitative": FRUIT,
    "likert_agreement": FIVE,
    "likert_qualitative": FIVE,
    "qualitative_binary": {"bad": 0, "good": 1},
    "qualitative_ternary": {"bad": 0, "neutral": 1, "good": 2},
    "yes_no": {"no": 0, "yes": 1},
}
TIMINGS = {
    "simple_preference": ("post", "pre"),
    "prefer_completing": ("post",),
    "enjoy_most": ("post", "pre"),
    "do_again": ("post",),
    "choose_and_complete": ("pre",),
    "choose_or_neither": ("pre",),
    "choose_or_indifferent": ("pre",),
}
FACTS = {
    "anchored_1_5": ("hated", "weapon", "loved", "code that works"),
    "anchored_precise_1_5": ("harmful", "tedious", "routine", "used your abilities", "stimulating"),
    "compressed_anchors_1_5": ("2 = mildly", "4 = mildly"),
    "ban_four_1_5": ("4 is not allowed",),
    "random_scale_27_32": ("30 = neutral", "29 = slightly negative"),
    "bipolar_neg5_pos5": ("0 is neutral", "negative", "positive"),
    "percentile_1_100": ("100 tasks of the same kind", "50 is an average"),
    "fruit_rating": ("lemon = 0", "grape = 1", "orange = 2", "banana = 3", "apple = 4"),
    "fruit_qualitative": ("lemon = harmful", "apple = stimulating"),
    "likert_agreement": ("1 = strongly disagree", "5 = strongly agree", "enjoyed"),
    "likert_qualitative": ("1 = very negative", "5 = very positive"),
}


def test_levels_are_the_declared_ones() -> None:
    """Every rating has the labels and values of its scale; no other template exists."""
    found = {
        name: {level.label: level.value for level in template.levels}
        for name, template in RATINGS.items()
    }
    assert found == LEVELS


def test_choices_and_their_timings() -> None:
    """Every choice allows its timings, the default first, and has no levels of its own."""
    assert {name: template.timings for name, template in CHOICES.items()} == TIMINGS
    assert not any(template.levels for template in CHOICES.values())
    assert [name for name, template in CHOICES.items() if template.completes] == [
        "choose_and_complete"
    ]


@pytest.mark.parametrize("name", sorted(FACTS))
def test_wording_carries_its_facts(name: str) -> None:
    """A template's wording names the anchors that make it what it is."""
    wording = " ".join(TEMPLATES[name].questions["post"].split())
    assert [fact for fact in FACTS[name] if fact not in wording] == []


BEFORE = {
    "stated_1_5": "ad5bb45db4db9b3f",
    "anchored_precise_1_5": "694e0e786eebcbd7",
    "fruit_qualitative": "cf36d0b106b112b7",
    "likert_agreement": "0da12ecd32958061",
}


@pytest.mark.parametrize("name", sorted(BEFORE))
def test_a_timing_more_leaves_the_hash_of_the_other(name: str) -> None:
    """Records asked after the task keep the hash they had before the template could be asked
    before it; the two timings' hashes differ, and each follows its own wording."""
    known = RATINGS[name]
    assert known.timings == ("post", "pre")
    assert known.asked_hash("post") == BEFORE[name] != known.asked_hash("pre")
    other = msgspec.structs.replace(known, questions={**known.questions, "pre": "How?\n\nRate."})
    assert other.asked_hash("post") == BEFORE[name]
    assert other.asked_hash("pre") != known.asked_hash("pre")
    assert CHOICES["enjoy_most"].asked_hash("pre") == CHOICES["enjoy_most"].hash


@pytest.mark.parametrize("name", sorted(BEFORE))
def test_before_and_after_differ_in_tense_alone(name: str) -> None:
    """A question before the task names the same labels with the same anchors, and claims nothing
    done."""
    before, after = (RATINGS[name].questions[timing] for timing in ("pre", "post"))
    assert "have just done" in after
    assert "have just" not in before
    assert "would" in before
    anchors = [line.partition("=")[0] for line in after.splitlines() if " = " in line]
    assert anchors == [line.partition("=")[0] for line in before.splitlines() if " = " in line]


def test_bare_scales_stay_bare() -> None:
    """No value of a fruit is stated in the bare form, no anchor on the unanchored scale."""
    assert not any(char.isdigit() for char in RATINGS["fruit_rating_bare"].questions["post"])
    assert "=" not in RATINGS["stated_1_5"].questions["post"]


@pytest.mark.parametrize("name", sorted(RATINGS))
def test_fault_5_higher_is_better(name: str) -> None:
    """Values ascend from least to best liked: normalised 0 for the worst label, 1 for the best."""
    template = RATINGS[name]
    values = [level.value for level in template.levels]
    assert values == sorted(set(values))
    assert template.normalised(values[0]) == 0.0
    assert template.normalised(values[-1]) == 1.0
    good = {"good", "apple"} & set(template.labels)
    bad = {"bad", "lemon"} & set(template.labels)
    assert all(template.value(label) == values[-1] for label in good)
    assert all(template.value(label) == values[0] for label in bad)


def test_fault_4_one_name_one_content() -> None:
    """The two fruit ratings differ in name and hash, and a change of any part changes the hash."""
    assert len({template.hash for template in TEMPLATES.values()}) == len(TEMPLATES) == 23
    assert all(template.name == name for name, template in TEMPLATES.items())
    known = RATINGS["fruit_rating"]
    changed: list[Template] = [
        msgspec.structs.replace(known, questions=RATINGS["fruit_rating_bare"].questions),
        msgspec.structs.replace(known, levels=(*known.levels, Level("pear", 5.0))),
        msgspec.structs.replace(known, version=2),
        msgspec.structs.replace(known, banned=("pear",)),
    ]
    assert len({known.hash, *(template.hash for template in changed)}) == 5


def test_unknown_template_is_one_line() -> None:
    """A misspelt name names the near match and all that are allowed."""
    with pytest.raises(UsageError) as caught:
        get_template("anchored_15", base=Path())
    line = str(caught.value)
    assert "'anchored_15'" in line and "did you mean 'anchored_1_5'?" in line
    assert all(name in line for name in TEMPLATES) and "\n" not in line


def test_kind_is_checked() -> None:
    """A rating where a choice is wanted is refused, and only choices are offered."""
    with pytest.raises(UsageError, match="expected a choice"):
        get_template("stated_1_5", kind="choice", base=Path())
    with pytest.raises(UsageError) as caught:
        get_template("nonesuch", kind="choice", base=Path())
    assert "do_again" in str(caught.value) and "stated_1_5" not in str(caught.value)
