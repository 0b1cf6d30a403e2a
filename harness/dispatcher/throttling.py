"""A passing limit or the end of credit: what a refusal for rate or quota says.

A wait that the server names, in a header or in its error, means a passing limit whatever words
stand beside it ("You exceeded your current quota, please check your plan and billing details" is
Google's per-minute message). Only a billing code ends an endpoint.
"""

import re
from collections.abc import Mapping
from typing import Any

from harness.dispatcher.headers import retry_after, seconds
from harness.models.error_body import ErrorBody

__all__ = ["named_wait", "out_of_credit", "too_fast"]

_BARE = re.compile(r"[^a-z0-9]+")


def _bare(code: str) -> str:
    return _BARE.sub("", code.lower())


_BILLING = {
    _bare(code)
    for code in (
        # OpenAI: platform.openai.com/docs/guides/error-codes
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        # Anthropic: docs.claude.com/en/api/errors
        "billing_error",
        # DeepSeek, OpenRouter and others: the status 402 in words
        "insufficient_balance",
        "insufficient_credits",
        "insufficient_funds",
        "payment_required",
        # Moonshot: platform.moonshot.ai/docs/api/chat#error-codes
        "exceeded_current_quota_error",
        # Qwen: alibabacloud.com/help/en/model-studio/error-code
        "Arrearage",
        # Zhipu: docs.z.ai/api-reference/api-code
        "1113",
        # LiteLLM's proxy: docs.litellm.ai/docs/proxy/users
        "budget_exceeded",
    )
}
_RATE = {
    _bare(code)
    for code in (
        "429",
        "rate_limit_exceeded",
        "rate_limit_error",
        "rate_limit",
        "rate_limit_reached_error",
        "too_many_requests",
        "resource_exhausted",
        "throttled",
        "throttling",
        "Throttling.RateQuota",
        "Throttling.AllocationQuota",
        "ThrottlingException",
        "limit_requests",
        "limit_tokens",
        "1302",
        "1303",
    )
}
_SPAN = (
    r"(?:\d+(?:\.\d+)?\s*(?:ms|milliseconds?|seconds?|secs?|s|minutes?|mins?|m|hours?|h)\b\s*)+"
    r"|(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?s\b"
)
_DELAY = re.compile(
    r"\b(?:(?:retry|again|reset\w*)\b[^.;]{0,40}?\b(?:in|after)|wait(?:\s+for)?|retry-after)[:\s]+"
    rf"(?:about\s+|another\s+|at\s+least\s+)?({_SPAN})",
    re.IGNORECASE,
)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.IGNORECASE)
_FIELDS = {"retryDelay": 1.0, "retry_delay": 1.0, "retry_after": 1.0, "retryAfter": 1.0} | {
    "retry_after_seconds": 1.0,
    "retry_after_ms": 0.001,
    "retryAfterMs": 0.001,
}
_DEEPEST = 5


def named_wait(headers: Mapping[str, str], error: ErrorBody, wall: float) -> float | None:
    """Seconds that the server asks to wait, by header, field or words; None where it names none."""
    wait = retry_after(headers, wall)
    if wait is None:
        wait = _field_wait(error.parsed)
    return _worded_wait(error.message) if wait is None else wait


def out_of_credit(status: int, error: ErrorBody) -> bool:
    """Whether the account behind the endpoint can pay for nothing more."""
    return status == 402 or any(_bare(code) in _BILLING for code in error.codes)


def too_fast(status: int, error: ErrorBody) -> bool:
    """Whether the refusal is for rate, by status or, behind another status, by its code."""
    return status == 429 or any(_bare(code) in _RATE for code in error.codes)


def _field_wait(parsed: Any, depth: int = 0) -> float | None:
    """Google's `retryDelay` ("26s") among the details, and its like in other errors."""
    if depth > _DEEPEST:
        return None
    if isinstance(parsed, Mapping):
        for name, unit in _FIELDS.items():
            value = parsed.get(name)
            if isinstance(value, Mapping):
                # The same as protobuf: {"seconds": 26, "nanos": 500000000}
                value = value.get("seconds")
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                found = seconds(str(value))
                if found is not None and found >= 0:
                    return found * unit
        children: Any = parsed.values()
    elif isinstance(parsed, list):
        children = parsed[:20]
    else:
        return None
    for child in children:
        if isinstance(child, Mapping | list) and (w := _field_wait(child, depth + 1)) is not None:
            return w
    return None


def _worded_wait(message: str) -> float | None:
    """ "Please retry in 1.2s", "try again in 350ms", "Please try again in 6m0s"."""
    found = _DELAY.search(message)
    if found is None:
        return None
    total = 0.0
    for number, unit in _PART.findall(found[1]):
        name = unit.lower()
        if name.startswith("ms") or name.startswith("milli"):
            scale = 0.001
        else:
            scale = {"h": 3600.0, "m": 60.0}.get(name[0], 1.0)
        total += float(number) * scale
    return total
