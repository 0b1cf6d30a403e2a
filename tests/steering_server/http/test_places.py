"""Positions by list, from the end, and by text: the tokens meant, or an error."""

from typing import Any

import pytest

from harness.wire import Message, Span
from steering_server.http.places import Places
from steering_server.model import tiny
from steering_server.model.conversation import Style, render
from steering_server.model.requests import ApiError

TOKENIZER = tiny.tokenizer()
TURNS = (
    Message("system", "Be brief."),
    Message("user", "one two one"),
    Message("assistant", "  done well "),
    Message("user", "Which? A or B"),
)


def places(turns: Any = TURNS, style: Style | None = None, template: str | None = None) -> Places:
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = template or TOKENIZER.chat_template
    prompt = render(tokenizer, turns, style or Style())
    return Places(tokenizer, turns, style or Style(), prompt, len(prompt.tokens) + 5)


def shown(at: Places, positions: Any) -> list[str]:
    tokens = at.prompt.tokens
    runs = at.of(positions, "positions")
    return [at.tokenizer.decode(tokens[start:end]) for start, end in runs]


@pytest.mark.parametrize(
    ("positions", "texts"),
    [
        (Span(message=1), ["one two one"]),
        (Span(message=-1, text="A or"), ["A or"]),
        (Span(message=1, start=4, end=7), ["two"]),
        ((Span(message=2, text="well"), Span(message=0, text="brief")), ["brief", "well"]),
        (Span(message=2), ["  done well "]),
    ],
)
def test_a_text_is_its_tokens(positions: Any, texts: list[str]) -> None:
    """By message and characters, or by an occurrence; several in the order of the conversation."""
    assert shown(places(), positions) == texts


def test_texts_are_found_where_templates_strip_and_systems_move() -> None:
    """A template that strips messages, and a system prompt at the head of the first user turn."""
    stripping = TOKENIZER.chat_template.replace("m['content']", "m['content'] | trim")
    assert shown(places(template=stripping), Span(message=2)) == ["done well"]
    assert shown(places(template=stripping), Span(message=2, start=2, end=6)) == ["done"]
    moved = places(style=Style(system_as="user"))
    assert shown(moved, Span(message=1, text="two")) == ["two"]
    assert shown(moved, Span(message=0)) == ["Be brief."]


@pytest.mark.parametrize(
    ("positions", "runs"),
    [
        ((-1,), [(-1, 0)]),
        ((3, 5, 4, 9), [(3, 6), (9, 10)]),
        (Span(-4, -1), [(-4, -1)]),
        (Span(-3), [(-3, None)]),
        ((Span(2, 5), 4, Span(5, 7)), [(2, 7)]),
    ],
)
def test_positions_count_from_either_end(positions: Any, runs: Any) -> None:
    """−1 is the prompt's last token; runs that touch are one."""
    at = places()
    length = len(at.prompt.tokens)

    def counted(value: int | None, *, end: bool) -> int | None:
        if value is None:
            return None
        return value + length if value < 0 or (end and value == 0) else value

    expected = tuple((counted(a, end=False), counted(b, end=True)) for a, b in runs)
    assert at.of(positions, "positions") == expected


@pytest.mark.parametrize(
    ("positions", "named"),
    [
        ((), "at least one"),
        ((0, 5000), "never act"),
        ((-5000,), "not a span"),
        (Span(5, 2), "not a span"),
        (Span(message=9), "4 messages"),
        (Span(message=1, text="one"), "2 times"),
        (Span(message=1, text="three"), "0 times"),
        (Span(message=1, text=""), "0 times"),
        (Span(message=1, start=3, end=99), "no part"),
        (Span(message=1, start=1, text="two"), "not both"),
        (Span(text="two"), "message"),
    ],
)
def test_what_cannot_be_meant_is_refused(positions: Any, named: str) -> None:
    """An empty list, positions outside, texts that are not there or not once."""
    with pytest.raises(ApiError, match=named):
        places().of(positions, "positions")


def test_a_template_that_changes_a_text_is_refused() -> None:
    """Upper case is not the text; a message that the template drops is nowhere."""
    upper = TOKENIZER.chat_template.replace("m['content']", "m['content'] | upper")
    dropping = TOKENIZER.chat_template.replace(
        "{{ m['content'] }}", "{% if m['role'] != 'system' %}{{ m['content'] }}{% endif %}"
    )
    for template, message in ((upper, 1), (dropping, 0)):
        with pytest.raises(ApiError, match="changes its text"):
            places(template=template).of(Span(message=message), "positions")


def test_a_span_steers_its_tokens_alone_and_the_reply_says_which(client: Any) -> None:
    """By text equals by position; a part that does not act on the answer is still an error."""
    choices = {"choices": ["A", "B"]}
    vector = {"name": "plain", "coef": 0.5}
    by_text = client.steered(
        {**vector, "positions": {"message": 0, "text": "there"}}, steering=choices
    ).json()["steering"]
    ((start, end),) = by_text["vectors"][0]["spans"]
    assert end - start == len("there")
    for positions in ({"start": start, "end": end}, list(range(start, end))):
        again = client.steered({**vector, "positions": positions}, steering=choices).json()
        assert again["steering"]["choices"] == by_text["choices"]
    refused = client.steered({**vector, "positions": {"message": 0, "text": "None"}})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "steering.vectors[0].positions.text"
