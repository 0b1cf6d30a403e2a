"""What makes an error a content filter's refusal: the provider's codes and fields, never its prose.

A message may quote the prompt, name a parameter ("safety_identifier") or speak of an account that
was flagged; none of that says that the model, or who serves it, declined this prompt.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["filter_code"]

_CODES: dict[str, str] = {
    # OpenAI: platform.openai.com/docs/guides/error-codes, …/guides/safety-checks (bio, cyber).
    "content_filter": "openai, azure, moonshot",
    "content_policy_violation": "openai, openrouter",
    "moderation_blocked": "openai",
    "bio_policy": "openai",
    "cyber_policy": "openai",
    # Azure: learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter
    "responsible_ai_policy_violation": "azure",
    "content_filtered": "azure",
    # Google: ai.google.dev/api/generate-content#BlockReason
    "safety": "google",
    "image_safety": "google",
    "blocklist": "google",
    "prohibited_content": "google",
    "spii": "google",
    "model_armor": "google",
    # Anthropic: docs.claude.com/en/docs/test-and-evaluate/strengthen-guardrails
    # (handle streaming refusals)
    "refusal": "anthropic",
    # Qwen: alibabacloud.com/help/en/model-studio/error-code
    "data_inspection_failed": "qwen",
    # Zhipu, z.ai: docs.z.ai/api-reference/api-code, open.bigmodel.cn/dev/api/error-code
    "1301": "zhipu",
    # LiteLLM, which stands before many of these: docs.litellm.ai/docs/exception_mapping
    "content_policy_violation_error": "litellm",
}
"""Code → who documents it. Compared without case and without what joins the words."""

_BARE = re.compile(r"[^a-z0-9]+")
_KNOWN = {_BARE.sub("", code): code for code in _CODES}
_INNER = ("innererror", "inner_error", "metadata", "error")
_FEEDBACK = ("promptFeedback", "prompt_feedback")
_BLOCKED = ("blockReason", "block_reason")
_UNSPECIFIED = {"", "block_reason_unspecified", "blocked_reason_unspecified"}
_DEEPEST = 4
"""An error in an error in OpenRouter's `raw` in an error: more was never seen."""


def filter_code(body: object, *, depth: int = 0) -> str | None:
    """The code or field by which an error's body says that a content filter refused; else None.

    `body` is the parsed JSON of the reply, or its `error` member.
    """
    if not isinstance(body, Mapping) or depth > _DEEPEST:
        return None
    for name in ("code", "type", "error_type", "provider_code", "status"):
        if (found := _KNOWN.get(_bare(body.get(name)))) is not None:
            return found
    if _bare(body.get("code")) == "invalidprompt" and body.get("type") == "invalid_request_error":
        # OpenAI's code for a prompt that its reasoning models' policy refuses; a router has one of
        # the same name, with another type, for a prompt that it cannot read.
        return "invalid_prompt"
    if (field := _field(body)) is not None:
        return field
    for name in _INNER:
        if (found := filter_code(body.get(name), depth=depth + 1)) is not None:
            return found
    return filter_code(_raw(body.get("raw")), depth=depth + 1)


def _bare(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return _BARE.sub("", str(value).lower())


def _field(body: Mapping[str, Any]) -> str | None:
    """Structured fields that only a filter sets."""
    # OpenRouter: openrouter.ai/docs/api-reference/errors (moderation errors' metadata)
    if isinstance(body.get("flagged_input"), str) or (
        isinstance(body.get("reasons"), list) and body["reasons"] and "provider_name" in body
    ):
        return "moderation metadata"
    # Zhipu: which side was filtered, and how badly; an empty list is in every reply.
    if isinstance(body.get("contentFilter"), list) and "error" in body and body["contentFilter"]:
        return "contentFilter"
    for name in _FEEDBACK:
        feedback = body.get(name)
        if isinstance(feedback, Mapping):
            for key in _BLOCKED:
                reason = feedback.get(key)
                if isinstance(reason, str) and reason.lower() not in _UNSPECIFIED:
                    return f"{name}.{reason}"
    return None


def _raw(value: object) -> object:
    """OpenRouter hands the backend's own error on as text."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return None
