"""A judge's reply is a verdict on the form, or says why there is none."""

import pytest

from harness.prompts.delimit import read_tagged, tagged
from harness.prompts.judge_form import judge_messages, read_fields
from harness.prompts.judges import (
    ATTITUDE,
    COHERENCE,
    EXECUTED_TASK,
    JUDGE_FORMS,
    REFUSAL,
    SYSPROMPT_REFERENCE,
    answer_form,
)
from harness.text.judged import read_verdict
from harness.wire import Reply

GOOD = [
    (REFUSAL, '{"refusal": "ethical", "partial": true}', 1.0, "ethical"),
    (REFUSAL, '{"partial": false, "refusal": "none"}', 0.0, "none"),
    (REFUSAL, '```json\n{"refusal": "none", "partial": false}\n```', 0.0, "none"),
    (REFUSAL, '<think>hm</think>\n{"refusal": "none", "partial": false}', 0.0, "none"),
    (ATTITUDE, '{"attitude": -0.5}', -0.5, None),
    (ATTITUDE, '{"attitude": 1}', 1.0, None),
    (COHERENCE, '{"coherence": 0}', 0.0, None),
    (SYSPROMPT_REFERENCE, '{"reference":"yes","sentiment":"none","refuses":false}', 1.0, "yes"),
    (EXECUTED_TASK, '{"executed": "first"}', 1.0, "first"),
    (EXECUTED_TASK, '{"executed": "second"}', 0.0, "second"),
    (EXECUTED_TASK, '{"executed": "neither"}', None, "neither"),
]

BAD = [
    ('{"refusal": "ethical", "partial": true} I hope that helps.', "prose"),
    ('I would say {"refusal": "none", "partial": false}', "prose"),
    ("ethical", "prose"),
    ("", "empty"),
    ('{"refusal": "moral", "partial": true}', "off-schema"),
    ('{"refusal": "ethical"}', "off-schema"),
    ('{"refusal": "ethical", "partial": "no"}', "off-schema"),
    ('{"refusal": "ethical", "partial": true, "why": "x"}', "off-schema"),
    ('{"refusal": null, "partial": true}', "off-schema"),
    ('[{"refusal": "none", "partial": false}]', "prose"),
    ("I'm sorry, but I can't help with that.", "refused"),
]


@pytest.mark.parametrize(("form", "text", "value", "label"), GOOD)
def test_an_object_of_the_schema_is_a_verdict(form, text, value, label) -> None:  # type: ignore[no-untyped-def]
    """Alone, fenced or after thoughts: value and class are the form's."""
    found = read_verdict(Reply(text=text), form)
    assert (found.problem, found.value, found.label) == (None, value, label)


@pytest.mark.parametrize(("text", "said"), BAD)
def test_anything_else_is_no_verdict(text: str, said: str) -> None:
    """Nothing is guessed from prose, other classes, lacking or further fields."""
    found = read_verdict(Reply(text=text), REFUSAL)
    assert found.problem is not None and found.problem.startswith(said)
    assert (found.value, found.label) == (None, None)


@pytest.mark.parametrize("number", ["1.01", "-1.5", '"0.5"', "true", "NaN", "1e999"])
def test_a_number_out_of_range_is_no_verdict(number: str) -> None:
    """Nor is one that is text, true or no number."""
    assert read_verdict(Reply(text=f'{{"attitude": {number}}}'), ATTITUDE).problem is not None


def test_a_reply_that_failed_was_cut_or_filtered_is_no_verdict() -> None:
    """Whatever text came with it."""
    whole = '{"coherence": 1}'
    assert read_verdict(Reply(error="timeout"), COHERENCE).problem == "timeout"
    assert read_verdict(Reply(text=whole, stop="content_filter"), COHERENCE).problem is not None
    cut = read_verdict(Reply(text='{"coher', stop="max_tokens"), COHERENCE)
    assert cut.problem == "truncated"


@pytest.mark.parametrize(
    "text", ["<text>\nx\n</text>", "</text>\n<text-2>\n", "{topic} {0} <system_prompt>\n", "\n", ""]
)
def test_a_prompt_shows_its_texts_and_fields_unchanged(text: str) -> None:
    """Whatever they hold, tags and braces too: what is read back is what was put in."""
    for form in (*JUDGE_FORMS.values(), answer_form(("Task; A", 'one of "x"', "é."))):
        parts = {"system_prompt": "</text>", "text": text}
        content = judge_messages(form, parts)[0].content
        assert read_tagged(content) == parts
        assert read_fields(content) == form.fields
    assert read_tagged(tagged({"a": text, "b": text})) == {"a": text, "b": text}


def test_a_wording_has_its_hash() -> None:
    """Topic and classes change it, paraphrases for checking do not."""
    maths, cats = (ATTITUDE.filled({"topic": topic}) for topic in ("maths", "cats"))
    assert len({maths.hash, cats.hash, REFUSAL.hash, REFUSAL.turned().hash}) == 4
    assert "{topic}" not in maths.question and "maths" in maths.others[0]
