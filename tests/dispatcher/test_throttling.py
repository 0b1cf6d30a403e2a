"""A passing limit is told from the end of credit by codes and by waits that are named."""

import json
from typing import Any

import pytest

from harness.dispatcher.throttling import named_wait
from harness.dispatcher.verdict import read_response
from harness.models.error_body import error_body

GOOGLE = "Quota exceeded for metric: generate_content_requests, limit: 10. Please retry in 1.2s."
PLAN = "You exceeded your current quota, please check your plan and billing details."


def verdict(status: int, error: Any, **headers: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_response(status, names, json.dumps({"error": error}).encode(), wall=1000.0)


@pytest.mark.parametrize(
    ("error", "headers", "wait"),
    [
        ({"message": GOOGLE, "status": "RESOURCE_EXHAUSTED", "code": 429}, {}, 1.2),
        ({"message": PLAN, "status": "RESOURCE_EXHAUSTED"}, {"retry_after": "7"}, 7.0),
        ({"message": PLAN, "details": [{"retryDelay": "26s"}]}, {}, 26.0),
        ({"message": PLAN, "details": [{"retryDelay": {"seconds": 3}}]}, {}, 3.0),
        ({"message": PLAN, "status": "RESOURCE_EXHAUSTED"}, {}, None),
        ({"message": "Quota exceeded for requests per minute"}, {}, None),
        ({"message": PLAN, "code": "insufficient_quota"}, {"retry_after_ms": "1500"}, 1.5),
        ({"message": "Rate limit. Please try again in 350ms.", "code": "x"}, {}, 0.35),
        ({"message": "x", "metadata": {"retry_after_seconds": 4}}, {}, 4.0),
        ({"message": "insufficient balance of requests; retry in 2 s"}, {}, 2.0),
    ],
)
def test_a_named_wait_or_no_billing_code_is_a_passing_limit(
    error: dict[str, Any], headers: dict[str, str], wait: float | None
) -> None:
    """A 429 without a billing code is throttled in whatever words, and the named wait is kept."""
    found = verdict(429, error, **headers)
    assert found.kind == "throttled"
    assert found.retry_after == (None if wait is None else pytest.approx(wait))


@pytest.mark.parametrize("status", [400, 403, 429])
@pytest.mark.parametrize(
    "code", ["insufficient_quota", "Arrearage", "1113", "billing_error", "insufficient_balance"]
)
def test_billing_codes_end_an_endpoint(status: int, code: str) -> None:
    """A billing code without a wait is the end of credit, under any status that carries it."""
    for error in ({"message": "x", "code": code}, {"message": "x", "type": code}):
        assert verdict(status, error).kind == "exhausted"


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (402, {"message": "Insufficient credits"}, "exhausted"),
        (400, {"message": "insufficient_quota is no parameter"}, "rejected"),
        (403, {"message": "quota exceeded"}, "rejected"),
        (403, {"message": "x", "code": "rateLimitExceeded"}, "throttled"),
        (503, {"message": "quota exceeded, retry in 2 s"}, "unavailable"),
    ],
)
def test_prose_about_quota_decides_nothing(status: int, error: dict[str, Any], kind: str) -> None:
    """Words about quota and credit, where no code stands, change no verdict."""
    assert verdict(status, error).kind == kind


@pytest.mark.parametrize(
    ("words", "wait"),
    [
        ("Please retry in 1.2s", 1.2),
        ("Please retry in 12.5 s.", 12.5),
        ("try again in 350ms", 0.35),
        ("Please try again in 6m0s.", 360.0),
        ("try again in 1h2m3s", 3723.0),
        ("Retry after 20 seconds", 20.0),
        ("Try again after 2 minutes 5 seconds", 125.0),
        ("please wait 3 seconds", 3.0),
        ("limit resets in 250 milliseconds", 0.25),
        ("retry-after: 8s", 8.0),
        ("see the limit of 20 requests in 60 s", None),
        ("try again later", None),
        ("try again in a while", None),
    ],
)
def test_waits_in_words(words: str, wait: float | None) -> None:
    """Spans of time are read with their units; a number that is no wait is none."""
    found = named_wait({}, error_body({"error": {"message": words}}), 0.0)
    assert found == (None if wait is None else pytest.approx(wait))
