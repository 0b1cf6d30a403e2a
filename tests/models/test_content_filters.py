"""A content filter is known by codes and fields, whatever the message says."""

import json
from typing import Any

import pytest

from harness.dispatcher.verdict import read_response
from harness.models.content_filters import filter_code

PROSE = (
    "Unsupported parameter: safety_identifier",
    "This account was flagged by our moderation team",
    "content_filter content_policy ResponsibleAI safety: no such header",
    "Your IP is blocked",
    "Prompt 'Is moderation a virtue? flagged' is too long",
)
FILTERS: tuple[dict[str, Any], ...] = (
    {"error": {"message": "x", "code": "content_filter", "type": None, "param": "prompt"}},
    {"error": {"message": "x", "type": "content_policy_violation"}},
    {"error": {"message": "x", "code": "invalid_prompt", "type": "invalid_request_error"}},
    {
        "error": {
            "message": "x",
            "code": "400",
            "innererror": {"code": "ResponsibleAIPolicyViolation"},
        }
    },
    {
        "error": {
            "code": 403,
            "message": "x",
            "metadata": {"reasons": ["violence"], "provider_name": "A"},
        }
    },
    {"error": {"code": 403, "message": "x", "metadata": {"flagged_input": "…", "model_slug": "m"}}},
    {
        "error": {
            "code": 403,
            "message": "x",
            "metadata": {"error_type": "content_policy_violation"},
        }
    },
    {
        "error": {
            "code": 400,
            "message": "x",
            "metadata": {"raw": '{"error":{"code":"content_filter"}}'},
        }
    },
    {"error": {"message": "x", "code": "data_inspection_failed"}},
    {"code": "DataInspectionFailed", "message": "x", "request_id": "1"},
    {"error": {"message": "x", "code": "1301"}, "contentFilter": [{"role": "user", "level": 1}]},
    {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
    {"error": {"message": "x", "status": "SAFETY"}},
)
OTHERS: tuple[dict[str, Any], ...] = (
    {"error": {"message": "x", "code": "invalid_prompt", "type": "invalid_request"}},
    {"error": {"message": "x", "code": "account_flagged", "type": "permission_error"}},
    {"error": {"message": "x", "param": "safety_identifier", "code": "unsupported_parameter"}},
    {"error": {"message": "x", "code": 403, "metadata": {"provider_name": "A", "reasons": []}}},
    {"error": {"message": "x", "code": 1302}, "contentFilter": []},
    {"promptFeedback": {"blockReason": "BLOCK_REASON_UNSPECIFIED"}},
    {"error": {"message": "x", "code": True, "type": ["content_filter"]}},
    {"error": {"code": 400, "message": "x", "metadata": {"raw": "content_filter"}}},
)


@pytest.mark.parametrize("status", [400, 403, 422, 451])
@pytest.mark.parametrize("words", PROSE)
def test_prose_is_no_filter(status: int, words: str) -> None:
    """Whatever a refusal's message says, without a filter's code it is a failure with its words."""
    for error in ({"message": words, "code": "x"}, {"message": words}, words):
        verdict = read_response(status, {}, json.dumps({"error": error}).encode(), wall=0.0)
        assert verdict.kind == "rejected"
        assert words in verdict.reason
    verdict = read_response(status, {}, words.encode(), wall=0.0)
    assert (verdict.kind, words in verdict.reason) == ("rejected", True)


@pytest.mark.parametrize("body", FILTERS)
@pytest.mark.parametrize("status", [200, 400, 403])
def test_codes_and_fields_are_filters(body: dict[str, Any], status: int) -> None:
    """Each provider's code makes the prompt refused, and the server's words are kept."""
    words = "The words of the server"
    body = json.loads(json.dumps(body).replace('"message": "x"', f'"message": "{words}"'))
    if status == 200 and "error" not in body and "code" in body:
        body["object"] = "error"
    verdict = read_response(status, {}, json.dumps(body).encode(), wall=0.0)
    assert verdict.kind == "ok"
    assert verdict.reply.stop == "content_filter"
    assert words in verdict.reply.detail or "blockReason" in verdict.reply.detail


@pytest.mark.parametrize("body", OTHERS)
def test_what_looks_alike_is_none(body: dict[str, Any]) -> None:
    """Other codes, empty lists and codes of another type are no filter."""
    assert filter_code(body) is None


def test_depth_is_bounded() -> None:
    """An error in an error in an error without end is read to an end."""
    deep: dict[str, Any] = {"code": "content_filter"}
    for _ in range(500):
        deep = {"error": deep}
    assert filter_code(deep) is None
