"""What a chat reply's body says, member by member."""

from typing import Any

import pytest

from harness.models.block import replies_metadata
from harness.models.chat_body import ChatBody, UnreadableReply, chat_body
from harness.models.usage import Usage, dollars, read_usage, tokens
from harness.wire import Reply


def read(message: dict[str, Any] | None = None, **choice: Any) -> ChatBody:
    whole = {"message": {"content": "4"} | (message or {}), "finish_reason": "stop"} | choice
    return chat_body({"choices": [whole], "model": "m", "provider": "p"})


def test_a_plain_body() -> None:
    """Text, ending, names; nothing else is there."""
    found = read()
    assert (found.text, found.stop, found.native, found.finish) == ("4", "stop", "stop", None)
    assert (found.model, found.provider, found.detail, found.error) == ("m", "p", None, None)
    assert (found.reasoning, found.tool_calls, found.top_logprobs) == (None, (), None)
    assert found.usage == Usage()


def test_a_filters_stop_says_what_it_filtered_and_no_other_does() -> None:
    """The server's own word, and the categories of those that say them."""
    results = {"hate": {"filtered": True}, "self_harm": {"filtered": False}, "odd": 3}
    assert read(content_filter_results=results).detail is None
    cut = read(finish_reason="content_filter", content_filter_results=results)
    assert (cut.stop, cut.detail, cut.text) == ("content_filter", "content_filter: hate", "4")
    bare = read(finish_reason="content_filter", native_finish_reason="SAFETY")
    assert bare.detail == "SAFETY"


def test_a_refusal_without_a_text_is_the_answer() -> None:
    """A member `refusal` ends as a filter does where it is all there is, not beside a text."""
    found = read({"content": None, "refusal": "No."})
    assert (found.text, found.stop, found.detail) == ("No.", "content_filter", "No.")
    beside = read({"refusal": "I will not."})
    assert (beside.text, beside.stop, beside.detail) == ("4", "stop", None)


def test_an_ending_that_nobody_knows_is_kept_in_its_own_word() -> None:
    """The router's native word decides where its own is not known."""
    assert read(finish_reason="weird").finish == "weird"
    known = read(finish_reason="weird", native_finish_reason="length")
    assert (known.stop, known.finish) == ("max_tokens", None)


def test_parts_of_a_content_are_joined_without_thoughts() -> None:
    """Texts in order; what is thought is not the answer."""
    parts = [{"type": "thinking", "text": "hm"}, {"type": "text", "text": "4"}, "!", {"text": 3}, 7]
    assert read({"content": parts}).text == "4!"
    assert read({"reasoning_content": "", "reasoning": "so"}).reasoning == "so"
    assert read({"reasoning_content": "first", "reasoning": "so"}).reasoning == "first"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"error": {"code": 1}, "choices": [1]}, {"code": 1}),
        ({"object": "error", "message": "m"}, {"object": "error", "message": "m"}),
        ({"message": "m", "code": 3}, {"message": "m", "code": 3}),
        ({"base_resp": {"status_code": 1002}}, {"status_code": 1002}),
        ({"choices": [{"error": "broke"}]}, "broke"),
    ],
)
def test_an_error_under_200_is_an_error(body: dict[str, Any], error: Any) -> None:
    """Each server's own way to say it."""
    assert chat_body(body).error == error


@pytest.mark.parametrize(
    "body",
    [
        {"base_resp": {"status_code": 0}}, {"message": "m"}, {"code": 3}, {"choices": []},
        {"choices": [3]}, {"choices": [{}]}, {}, [], {"choices": [{"message": {"content": 3}}]},
    ],
)  # fmt: skip
def test_what_is_neither_reply_nor_error_is_unreadable(body: Any) -> None:
    """Nothing is taken for an answer."""
    with pytest.raises(UnreadableReply):
        chat_body(body)


def test_a_blocked_prompt_is_an_error_with_its_reason() -> None:
    """Google's, in either spelling."""
    for name in ("promptFeedback", "prompt_feedback"):
        found = chat_body({name: {"blockReason": "SAFETY"}})
        assert "the prompt was blocked: {'blockReason': 'SAFETY'}" in found.error["message"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, Usage()),
        ("many", Usage(known=False)),
        ({"prompt_tokens": 7}, Usage(input_tokens=7)),
        ({"completion_tokens": "3"}, Usage(output_tokens=3)),
        ({"prompt_tokens": 7, "completion_tokens": -1}, Usage(known=False)),
        ({"prompt_tokens": 0, "completion_tokens": 10**9}, Usage(output_tokens=10**9)),
        ({"completion_tokens_details": {"reasoning_tokens": 0}}, Usage(reasoning_tokens=0)),
        ({"completion_tokens_details": {"reasoning_tokens": 5}}, Usage(reasoning_tokens=5)),
        ({"completion_tokens_details": {"reasoning_tokens": "x"}}, Usage()),
        ({"cost": 0.5}, Usage(cost=0.5)),
        ({"cost": 0}, Usage(cost=0.0)),
        ({"cost": -0.1}, Usage()),
    ],
)
def test_usage_member_by_member(given: Any, expected: Usage) -> None:
    """A count that is not given is 0, one that cannot be makes all unknown, a cost stands alone."""
    assert read_usage(given) == expected


@pytest.mark.parametrize(
    ("value", "count", "amount"),
    [
        (0, 0, 0.0), (9.0, 9, 9.0), ("9", 9, 9.0), (9.5, None, 9.5), (-1, None, None),
        (10_000, 10_000, 10_000.0), (10_001, 10_001, None), (10**9 + 1, None, None),
        (True, None, None), ("nan", None, None), ("inf", None, None), ("x", None, None),
        (None, None, None), ("9" * 400, None, None),
    ],
)  # fmt: skip
def test_counts_and_dollars_that_can_be(
    value: Any, count: int | None, amount: float | None
) -> None:
    """Whole numbers from 0 in any spelling; amounts that one call can cost."""
    assert (tokens(value), dollars(value)) == (count, amount)


def test_texts_of_several_replies_stand_in_the_choices_alone() -> None:
    """One reply is kept whole."""
    one = Reply(text="four", reasoning="so", input_tokens=3)
    assert '"four"' in replies_metadata([one])["replies"]
    several = replies_metadata([one, one])["replies"]
    assert '"four"' not in several and '"so"' not in several
    assert several.count('"input_tokens":3') == 2
