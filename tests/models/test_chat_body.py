"""A reply is read leniently: what is not the answer never costs the answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.dispatcher.verdict import read_response
from harness.models.first_token import IMPOSSIBLE

ODD = (0.0, 9.0, -1, 10**30, "x", [], [1], {}, {"usd": 1}, True, None, "\ud800")


def read(body: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_response(200, {}, content, wall=0.0)


def chat(*, choice: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "4"}
    return {"choices": [{"message": message, "finish_reason": "stop"} | (choice or {})], **top}


def position(token: str, *alternatives: tuple[str, float]) -> dict[str, Any]:
    top = [{"token": name, "logprob": value} for name, value in alternatives]
    return {"token": token, "logprob": -0.5, "top_logprobs": top}


@pytest.mark.parametrize("value", ODD)
def test_side_fields_of_any_type(value: Any) -> None:
    """The answer stands whatever stands in a side field."""
    usage = {"prompt_tokens": value, "completion_tokens": value, "cost": value}
    details = {"completion_tokens_details": value}
    bodies = [
        chat(**{name: value}) for name in ("usage", "model", "provider", "system_fingerprint")
    ]
    bodies += [chat(usage=usage), chat(usage=usage | details), chat(choice={"logprobs": value})]
    bodies += [chat(choice={"logprobs": {"content": value}}), chat(steering=value)]
    bodies += [chat(choice={"message": {"content": "4", name: value}}) for name in ("reasoning",)]
    for body in bodies:
        verdict = read(body)
        assert (verdict.kind, verdict.reply.text) == ("ok", "4"), verdict.reason
        assert 0 <= verdict.reply.input_tokens <= 10**9


@pytest.mark.parametrize("count", [10**30, -9, 1.5, "many", 10**10])
def test_impossible_usage_is_unknown(count: Any) -> None:
    """A count that cannot be is told as unknown, never as a number."""
    reply = read(chat(usage={"prompt_tokens": count, "completion_tokens": 1})).reply
    assert (reply.usage_known, reply.input_tokens, reply.output_tokens) == (False, 0, 0)
    assert (
        read(chat(usage={"prompt_tokens": 9.0, "completion_tokens": "1"})).reply.input_tokens == 9
    )
    for cost in (-1.0, 1e30, {"usd": 1}):
        assert read(chat(usage={"cost": cost})).reply.cost is None


def test_lone_surrogates_and_numbers_without_end() -> None:
    """A lone surrogate becomes U+FFFD, and a pair in halves one sign; both can be written."""
    body = json.dumps(chat()).encode().replace(b'"4"', b'"4 \\ud800 \\ud83d\\ude00"')
    text = read(body).reply.text
    assert text == "4 \ufffd \U0001f600"
    text.encode()
    endless = json.dumps(chat(usage={"prompt_tokens": 7})).encode().replace(b"7", b"7" * 5000)
    assert read(endless).reply.text == "4"


def test_no_alternatives_are_no_read_out() -> None:
    """The sampled token's own probability alone would read as certainty."""
    for top in ([], None):
        content = [{"token": "4", "logprob": -0.5, "top_logprobs": top}]
        assert read(chat(choice={"logprobs": {"content": content}})).reply.top_logprobs is None
    lone = {"content": [position("4", ("4", -0.5))]}
    assert read(chat(choice={"logprobs": lone})).reply.top_logprobs is None
    sure = {"content": [position("4", ("4", -0.001))]}
    assert read(chat(choice={"logprobs": sure})).reply.top_logprobs is not None


@pytest.mark.parametrize("blank", ["\n", " ", "", "\u2581", "\u010a", "\r\n\t"])
def test_the_first_token_that_is_not_blank_is_read(blank: str) -> None:
    """Blank lines before the answer are skipped, in any tokenizer's spelling."""
    content = [position(blank, ("x", -0.1), ("y", -3)), position("4", ("4", -0.1), ("5", -3))]
    reply = read(chat(choice={"logprobs": {"content": content}})).reply
    assert [entry.token for entry in reply.top_logprobs] == ["4", "5"]


@pytest.mark.parametrize("word", [b"-Infinity", b"NaN", b"Infinity", b'"x"', b"null", b"-1e999"])
def test_a_log_probability_that_is_no_number_is_no_probability(word: bytes) -> None:
    """One odd alternative among many is impossible, and the others are read."""
    content = {"content": [position("4", ("4", -0.1), ("5", -7.5))]}
    body = json.dumps(chat(choice={"logprobs": content})).encode().replace(b"-7.5", word)
    found = {entry.token: entry.logprob for entry in read(body).reply.top_logprobs}
    assert found == {"4": -0.1, "5": IMPOSSIBLE}


@pytest.mark.parametrize(
    "message",
    [{"content": 4}, {"content": {"text": "4"}}, {"content": "4", "tool_calls": "x"}, "4", None],
)
def test_an_answer_of_another_type_is_no_answer(message: Any) -> None:
    """Text and tool calls that cannot be read are a failed attempt."""
    assert read(chat(choice={"message": message})).kind == "unavailable"


def test_vllm_error_object_keeps_its_message() -> None:
    """An error object in a 200 is read by its code, with its words."""
    verdict = read({"object": "error", "message": "no such lora", "code": 400})
    assert (verdict.kind, "no such lora" in verdict.reason) == ("rejected", True)


def test_a_redirection_names_its_place() -> None:
    """A 308 is not followed; where it points to is said."""
    verdict = read_response(308, {"location": "https://b.example/v1"}, b"", wall=0.0)
    assert verdict.kind == "rejected"
    assert "https://b.example/v1" in verdict.reason


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    value=json_values, name=st.sampled_from(["choices", "error", "usage", "logprobs", "message"])
)
def test_any_json_gives_a_verdict(value: Any, name: str) -> None:
    """Whatever JSON comes, reading it raises nothing."""
    for body in (value, chat(**{name: value}), chat(choice={name: value}), {"choices": [value]}):
        for status in (200, 400, 429, 500):
            read_response(status, {}, json.dumps(body).encode(), wall=0.0)


@pytest.mark.parametrize("sign", ["\n", "\t", "\x01"])
def test_a_control_character_that_was_not_escaped_costs_no_answer(sign: str) -> None:
    """Some servers write text into their JSON as it is."""
    body = json.dumps(chat()).replace('"4"', f'"4{sign}5"').encode()
    verdict = read(body)
    assert (verdict.kind, verdict.reply.text) == ("ok", f"4{sign}5"), verdict.reason
