"""One table says why replies end."""

import json

import pytest

from harness.dispatcher.verdict import read_response
from harness.models.stops import stop_of

KINDS = {
    "stop": "stop STOP Stop end_turn eos eos_token stop_sequence COMPLETE FinishReason.STOP",
    "max_tokens": "length LENGTH max_tokens MAX_TOKENS max-tokens maxTokens MaxTokens model_length "
    "max_output_tokens FINISH_REASON_MAX_TOKENS model_context_window_exceeded token_limit",
    "tool_calls": "tool_calls tool_use TOOL_CALL function_call",
    "content_filter": "content_filter SAFETY safety PROHIBITED_CONTENT BLOCKLIST SPII refusal "
    "sensitive contentFilter guardrail_intervened RECITATION IMAGE_SAFETY",
    "broken": "error ERROR abort network_error insufficient_system_resource cancelled TIMEOUT",
    "unknown": "weird OTHER LANGUAGE stopping lengthy",
}


@pytest.mark.parametrize(
    ("reason", "kind"), [(name, kind) for kind, names in KINDS.items() for name in names.split()]
)
def test_every_spelling_has_its_kind(reason: str, kind: str) -> None:
    """Case and the signs between words make no difference; a strange word is no `stop`."""
    assert stop_of(reason) == kind
    choice = {"message": {"content": "4"}, "finish_reason": reason}
    verdict = read_response(200, {}, json.dumps({"choices": [choice]}).encode(), wall=0.0)
    if kind == "broken":
        assert (verdict.kind, verdict.billed) == ("unavailable", True)
        assert reason in verdict.reason
    else:
        assert (verdict.kind, verdict.reply.stop) == ("ok", kind)
        assert verdict.reply.finish == (reason if kind == "unknown" else None)


@pytest.mark.parametrize("reason", [None, "", 1, True, [], {}])
def test_no_word_is_unknown(reason: object) -> None:
    """No reason, and one that is no text, are unknown."""
    assert stop_of(reason) == "unknown"


def test_a_routers_native_reason_counts_where_its_own_is_not_known() -> None:
    """OpenRouter hands the backend's own reason on beside its own."""
    choice = {"message": {"content": "4"}, "native_finish_reason": "MAX_TOKENS"}
    for reason, stop in ((None, "max_tokens"), ("odd", "max_tokens"), ("stop", "stop")):
        body = json.dumps({"choices": [choice | {"finish_reason": reason}]}).encode()
        assert read_response(200, {}, body, wall=0.0).reply.stop == stop
