"""Paraphrases and contexts: enough of them, all different, labels and levels untouched."""

import re

import pytest

from harness.errors import UsageError
from harness.prompts.catalogue import CHOICES, TEMPLATES
from harness.prompts.conditions import condition_in
from harness.prompts.contexts import CONTEXTS, context_in
from harness.prompts.template import Template, Timing
from harness.prompts.worded import wordings_of

EVERY = [(one, timing) for one in TEMPLATES.values() for timing in one.timings]


@pytest.mark.parametrize(
    ("template", "timing"), EVERY, ids=lambda value: getattr(value, "name", value)
)
def test_enough(template: Template, timing: Timing) -> None:
    """A choice has at least eight paraphrases and a rating four, each with a hash of its own."""
    found = wordings_of(template, timing)
    assert len(found) - 1 >= (8 if template.kind == "choice" else 4)
    assert len({one.key.partition("@")[2] for one in found}) == len(found)
    assert [one.name for one in found[:2]] == ["own", "p1"]
    assert found[0].template == template


@pytest.mark.parametrize("template", CHOICES.values(), ids=lambda value: value.name)
def test_labels_in_order(template: Template) -> None:
    """Every wording of a choice names both labels, the first first, wherever both stand."""
    for timing in template.timings:
        for one in wordings_of(template, timing):
            named = re.findall(r"\{(\w+)\}", one.template.questions[timing])
            assert set(named) == {"first", "second"}
            assert named[::2] == ["first"] * (len(named) // 2)


RATED = [(one, timing) for one, timing in EVERY if one.kind == "rating" and one.name != "yes_no"]


@pytest.mark.parametrize(
    ("template", "timing"), RATED, ids=lambda value: getattr(value, "name", value)
)
def test_scale_untouched(template: Template, timing: Timing) -> None:
    """A paraphrase of a rating keeps the scale's lines word for word, and the labels' order."""
    own = template.questions[timing].partition("\n\n")[2]
    for one in wordings_of(template, timing):
        text = one.template.questions[timing]
        assert text.endswith(own)
        assert one.template.levels == template.levels
        places = [re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in template.labels]
        if template.labels[0].isalpha():
            assert all(places)
            assert [p.start() for p in places if p] == sorted(p.start() for p in places if p)


def test_no_sign_between() -> None:
    """No paraphrase brings in a word of liking that its own question does not have."""
    liking = r"\b(love|hate|like better|fun|boring|please[ds]?\b(?! (do|start)))"
    for template, timing in RATED:
        own = set(re.findall(liking, template.questions[timing]))
        for one in wordings_of(template, timing):
            assert set(re.findall(liking, one.template.questions[timing])) <= own


def test_own_template_has_none() -> None:
    """A user's own template, even under a built-in name, has no paraphrases, and that is said."""
    known = CHOICES["enjoy_most"]
    own = Template(name="enjoy_most", version=9, kind="choice", questions=known.questions)
    with pytest.raises(UsageError, match="no paraphrases"):
        wordings_of(own, "post")


def test_contexts() -> None:
    """At least six contexts, all different, each read back, none taken for a signed condition."""
    assert len({one.key for one in CONTEXTS}) == len(CONTEXTS) >= 6
    for one in CONTEXTS:
        assert context_in(one.text) == one
        assert context_in(f"{one.text}\n\nmore") == one
        assert condition_in(one.text) is None
        assert not re.search(r"(?i)task|enjoy|like|prefer|feel|good|bad", one.text)
