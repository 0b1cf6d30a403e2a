"""What a response means."""

import json
from typing import Any

import pytest

from harness.dispatcher.headers import rate_headers, retry_after, seconds
from harness.dispatcher.verdict import read_response


def body(**message: Any) -> bytes:
    choice = {"message": {"role": "assistant", **message}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    return json.dumps({"choices": [choice], "usage": usage, "model": "m"}).encode()


def read(status: int, content: bytes, **headers: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_response(status, names, content, wall=1000.0)


def test_plain_answer() -> None:
    """Text, usage and stop reason come through."""
    reply = read(200, body(content="4")).reply
    assert (reply.text, reply.input_tokens, reply.output_tokens, reply.stop) == ("4", 7, 3, "stop")


def test_reasoning_is_not_the_answer() -> None:
    """Reasoning stands apart from the text, under either of its two names."""
    for name in ("reasoning", "reasoning_content"):
        reply = read(200, body(content="4", **{name: "I think 5"})).reply
        assert (reply.text, reply.reasoning) == ("4", "I think 5")


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("length", "max_tokens"), ("content_filter", "content_filter"), ("weird", "unknown")],
)
def test_stop_reasons(reason: str, stop: str) -> None:
    """Finish reasons are mapped; an unknown one is unknown."""
    content = body(content="x").replace(b'"stop"', json.dumps(reason).encode())
    assert read(200, content).reply.stop == stop


def test_refusal_field() -> None:
    """A refusal by the provider's own field is a content filter's stop with its words."""
    reply = read(200, body(content=None, refusal="I cannot.")).reply
    assert (reply.text, reply.stop) == ("I cannot.", "content_filter")


def test_tool_call() -> None:
    """The first call's arguments are the answer's; an object is turned into text."""
    for arguments in ('{"rating": 4}', {"rating": 4}):
        calls = [{"id": "1", "function": {"name": "rate", "arguments": arguments}}]
        verdict = read(200, body(content=None, tool_calls=calls))
        assert json.loads(verdict.reply.tool_arguments) == {"rating": 4}
        assert verdict.tool_calls[0].function.name == "rate"


def test_logprobs_best_first() -> None:
    """Alternatives of the first token are sorted."""
    content = json.loads(body(content="A"))
    top = [{"token": "B", "logprob": -2.0}, {"token": "A", "logprob": -0.1}]
    content["choices"][0]["logprobs"] = {
        "content": [{"token": "A", "logprob": -0.1, "top_logprobs": top}]
    }
    reply = read(200, json.dumps(content).encode()).reply
    assert [entry.token for entry in reply.top_logprobs] == ["A", "B"]


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (429, {"message": "slow down"}, "throttled"),
        (429, {"message": "x", "code": "insufficient_quota"}, "exhausted"),
        (402, {"message": "Insufficient credits"}, "exhausted"),
        (401, {"message": "bad key"}, "barred"),
        (404, {"message": "no such model"}, "barred"),
        (400, {"message": "too long"}, "rejected"),
        (403, {"message": "forbidden"}, "rejected"),
        (422, {"message": "no"}, "rejected"),
        (500, {"message": "oops"}, "unavailable"),
        (529, {"message": "overloaded"}, "unavailable"),
    ],
)
def test_statuses(status: int, error: dict[str, str], kind: str) -> None:
    """Each status has its kind, and the server's reason on one line."""
    verdict = read(status, json.dumps({"error": error}).encode())
    assert verdict.kind == kind
    assert error["message"] in verdict.reason
    assert "\n" not in verdict.reason


def test_filtered_prompt() -> None:
    """A prompt that the provider's filter refuses is a refusal, not a failure."""
    error = {"error": {"message": "filtered", "code": "content_filter"}}
    verdict = read(400, json.dumps(error).encode())
    assert verdict.kind == "ok"
    assert verdict.reply.stop == "content_filter"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "x"}, "throttled"),
        ({"code": 502, "message": "x"}, "unavailable"),
        ({"code": 400, "message": "x"}, "rejected"),
        ({"message": "x"}, "unavailable"),
        ("x", "unavailable"),
    ],
)
def test_error_in_200(error: Any, kind: str) -> None:
    """An error inside a 200 is read by its code."""
    assert read(200, json.dumps({"error": error}).encode()).kind == kind


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"choices": [', b"\xff\xfe", b"[]", b"{}"])
def test_unreadable(content: bytes) -> None:
    """What cannot be read is no answer."""
    verdict = read(200, content)
    assert verdict.kind == "unavailable"
    assert verdict.reply is None


def test_retry_after() -> None:
    """Seconds, milliseconds and dates are read; a date against the server's own clock."""
    assert retry_after({"retry-after": "2"}, 0) == 2
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}, 0) == 1.5
    date = {"retry-after": "Wed, 21 Oct 2015 07:28:10 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}
    assert retry_after(date, 0) == 10
    for text in ("", "-1", "soon", "nan"):
        assert retry_after({"retry-after": text}, 0) is None


def test_durations() -> None:
    """Reset times as providers write them."""
    assert [seconds(t) for t in ("6s", "1m30s", "20ms", "1h", "7")] == [6, 90, 0.02, 3600, 7]
    assert seconds("1x") is None


def test_rate_headers() -> None:
    """A limit of 0 or −1 is no limit; the rest is taken as it is."""
    names = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-limit-tokens": "-1",
        "x-ratelimit-remaining-tokens": "-1",
    }
    rates = rate_headers(names)
    assert rates is not None
    assert (rates.limit_requests, rates.remaining_requests) == (60, 0)
    assert (rates.limit_tokens, rates.remaining_tokens) == (None, None)
    assert rate_headers({}) is None
