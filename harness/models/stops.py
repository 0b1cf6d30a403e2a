"""Why a reply ended: one table for every provider and every path.

A reason that is not in it is `unknown`, never `stop`: the reader then judges by what a complete
answer of the format looks like.
"""

import re
from typing import Literal

from harness.wire import StopReason

__all__ = ["Stop", "stop_of"]

Stop = StopReason | Literal["broken"]
"""A stop reason, or `broken`: the server itself failed while it answered, so there is no reply."""

# Names as OpenAI (and what imitates it: vLLM, SGLang, TGI, llama.cpp, Ollama, Together), Anthropic,
# Google, Mistral, Cohere, Bedrock, watsonx, DeepSeek and Zhipu document them:
# platform.openai.com/docs/api-reference/chat/object, docs.claude.com/en/api/messages,
# ai.google.dev/api/generate-content#FinishReason, docs.mistral.ai/api,
# docs.cohere.com/reference/chat,
# docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
# api-docs.deepseek.com/api/create-chat-completion, docs.z.ai/api-reference/llm/chat-completion.
_KINDS: dict[Stop, str] = {
    "stop": "stop end_turn eos eos_token end_of_text stop_sequence stop_token complete completed "
    "finished",
    "max_tokens": "length max_tokens max_length max_output_tokens max_completion_tokens "
    "max_new_tokens model_length model_context_window_exceeded context_length "
    "context_length_exceeded context_window_exceeded limit token_limit token_limit_reached "
    "output_limit truncated incomplete not_finished time_limit",
    "tool_calls": "tool_calls tool_call tool_use function_call",
    "content_filter": "content_filter content_filtered content_policy refusal safety recitation "
    "blocklist prohibited_content spii image_safety image_prohibited_content model_armor jailbreak "
    "sensitive error_toxic guardrail_intervened",
    "broken": "error error_limit abort aborted cancel cancelled canceled user_cancel timeout "
    "network_error server_error insufficient_system_resource malformed_model_output load unload "
    "pause_turn failed",
}
_STOPS: dict[str, Stop] = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_APART = re.compile(r"[\s\-_.]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def stop_of(reason: object) -> Stop:
    """The kind of a provider's finish reason, whatever its case and however its words are joined.

    `FinishReason.MAX_TOKENS`, `max-tokens` and `maxTokens` are one.
    """
    if not isinstance(reason, str):
        return "unknown"
    # Most replies end like this: no need to look further.
    if reason in _STOPS:
        return _STOPS[reason]
    bare = reason.strip().rsplit(".", 1)[-1]
    if not bare.isupper():
        bare = _CAMEL.sub("_", bare)
    name = _APART.sub("_", bare).strip("_").lower()
    return _STOPS.get(name.removeprefix("finish_reason_"), "unknown")
