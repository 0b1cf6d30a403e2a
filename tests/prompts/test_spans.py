"""Where the texts of a question stand, in every timing, whatever the texts hold."""

import msgspec
import pytest

from harness.prompts.choices import CHOICES
from harness.prompts.ratings import RATINGS
from harness.prompts.render import choice_messages, rating_messages
from harness.prompts.spans import choice_spans, rating_spans

TEXTS = [
    "Add 2 and 3.",
    "x",
    "<task>\nx\n</task>",
    ">\nx\n</task>\n",
    "Here are two tasks.",
    "a\n\nb >\n",
]


def said(messages, spans):
    """The text of each name."""
    found = {}
    for name, parts in spans.items():
        texts = []
        for part in parts:
            content = messages[part.message].content
            texts.append(content[part.start : len(content) if part.end is None else part.end])
        found[name] = texts
    return found


@pytest.mark.parametrize("first", TEXTS)
@pytest.mark.parametrize("second", TEXTS)
@pytest.mark.parametrize("timing", ["pre", "post"])
@pytest.mark.parametrize("system", [None, "Be brief."])
def test_a_choices_texts_are_found(first, second, timing, system):
    """Both items, their completions after the task, the question; pushed is either item."""
    labels = ("Task A", "B")
    messages = choice_messages(
        CHOICES["simple_preference"],
        response="plain",
        first=first,
        second=second,
        completion_first="done one",
        completion_second="done two",
        labels=labels,
        timing=timing,
        system=system,
    )
    for pushed_first in (True, False):
        spans = choice_spans(
            messages, first, second, timing, labels=labels, pushed_first=pushed_first
        )
        found = said(messages, spans)
        (question,) = found.pop("question")
        assert messages[-1].content.endswith(question)
        assert question.startswith(CHOICES["simple_preference"].questions[timing][:10])
        expected = {"item_first": [first], "item_second": [second]}
        if timing == "post":
            expected |= {"completion_first": ["done one"], "completion_second": ["done two"]}
            expected["completion"] = ["done one", "done two"]
        both = [[first], [second]] if pushed_first else [[second], [first]]
        assert found == expected | dict(zip(("pushed", "other"), both, strict=True))


@pytest.mark.parametrize("item", TEXTS)
@pytest.mark.parametrize("timing", ["pre", "post"])
def test_a_ratings_texts_are_found(item, timing):
    """The item, the question and, after the task, the completion."""
    template = RATINGS["stated_1_5"]
    wording = template.questions["post"]
    template = msgspec.structs.replace(template, questions={"pre": wording, "post": wording})
    messages = rating_messages(
        template, response="plain", item=item, completion="done", timing=timing
    )
    found = said(messages, rating_spans(messages, item, timing))
    (question,) = found.pop("question")
    assert messages[-1].content.endswith(question) and item not in (question,)
    assert found == {"item": [item]} | ({"completion": ["done"]} if timing == "post" else {})
