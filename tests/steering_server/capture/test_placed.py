"""Spans by text: exactly the tokens of the item, of its completion, or an error."""

import dataclasses

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.items.item import Item
from steering_server.capture.placed import place
from steering_server.model.models import load

LLAMA = load("tiny:llama")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def told(placed, span, loaded=LLAMA):
    start, end = placed.spans[span]
    return loaded.tokenizer.decode(placed.tokens[start:end], skip_special_tokens=False)


def templated(template):
    """The tiny model under another chat template."""
    import copy

    tokenizer = copy.deepcopy(LLAMA.tokenizer)
    tokenizer.chat_template = template
    return dataclasses.replace(LLAMA, tokenizer=tokenizer)


@settings(deadline=None, max_examples=60)
@given(
    text=TEXTS.filter(lambda t: t.strip()),
    system=st.none() | TEXTS.filter(str.strip),
    completion=st.none() | TEXTS,
)
@example(text="\x00", system="Be kind.", completion=None)
def test_spans_hold_their_text_and_nothing_else(text, system, completion):
    """Item and completion decode to themselves; with what the template adds they tile the turn."""
    placed = place(LLAMA, Item(id="i", text=text, origin="o"), system=system, completion=completion)
    assert told(placed, "item") == text
    assert told(placed, "turn_end") == "</s>\n<s>assistant\n"
    prompt, end = placed.spans["prompt"], placed.spans["turn_end"]
    assert prompt[1] == end[1] and prompt[0] <= placed.spans["item"][0] < end[0]
    if completion is None:
        assert "completion" not in placed.spans
    else:
        assert told(placed, "completion") == completion


def test_an_item_that_quotes_the_template_is_found_where_it_stands():
    """A system prompt that holds the item, an item that holds the template's own words."""
    for text in ("user", "</s>\n<s>assistant\n", "user\nuser", "{{ x }}", "item"):
        placed = place(LLAMA, Item(id="i", text=text, origin="o"), system=text, completion=None)
        assert told(placed, "item") == text
        start = placed.spans["item"][0]
        assert LLAMA.tokenizer.decode(placed.tokens[:start]).endswith("user\n")


def test_a_completion_follows_the_prompt_that_was_answered():
    """A template that renders an answered conversation anew (and drops the system prompt) does
    not: the tokens begin with those of the prompt."""
    dropping = templated(
        "{% for m in messages %}{% if m['role'] != 'system' or messages[-1]['role'] == 'user' %}"
        "<s>{{ m['content'] }}</s>{% endif %}{% endfor %}{% if add_generation_prompt %}<s>"
        "{% endif %}"
    )
    item = Item(id="i", text="What is 2 + 2?", origin="o")
    asked = place(dropping, item, system="Be brief.", completion=None)
    answered = place(dropping, item, system="Be brief.", completion="Four.")
    assert answered.tokens[: len(asked.tokens)] == asked.tokens
    assert told(answered, "completion", dropping) == "Four."


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{% for m in messages %}{{ m['content'] | upper }}{% endfor %}", "changes its text"),
        ("{% for m in messages %}{{ m['content'][:3] }}{% endfor %}", "changes its text"),
        ("{{ raise_exception('no system role') }}", "no system role"),
        ("{% for m in messages %}{{ m['content'] }}{% endfor %}", None),
        ("{% for m in messages %}  {{ m['content'] | trim }} {% endfor %}", None),
    ],
)
def test_what_cannot_be_found_exactly_is_refused(template, named):
    """A template that changes the text is an error; one that strips it, or adds nothing, is not."""
    item, loaded = Item(id="i7", text=" What is 2 + 2? ", origin="o"), templated(template)
    if named is None:
        placed = place(loaded, item, system=None, completion=None)
        assert told(placed, "item", loaded).strip() == "What is 2 + 2?"
    else:
        with pytest.raises(UsageError, match=named) as caught:
            place(loaded, item, system=None, completion=None)
        assert "i7" in str(caught.value)


def test_a_conversation_longer_than_the_context_is_refused():
    """Named by its item, with both lengths."""
    item = Item(id="long", text="x" * 2000, origin="o")
    with pytest.raises(UsageError, match=r"'long'.*1024"):
        place(LLAMA, item, system=None, completion=None)
