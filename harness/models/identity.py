"""Who answers, in full: a provider with everything that changes its answers.

Inspect's own cache key leaves out model arguments, so a run with one steering coefficient could
be served another's answers. Whatever this project shares or pools is scoped by the identity here.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from inspect_ai.model import GenerateConfig, Model

__all__ = [
    "SEEDED",
    "STRUCTURED",
    "WITHOUT_LOGPROBS",
    "honours_seed",
    "model_identity",
    "provider_of",
    "steering_facts",
]

_OPERATIONAL = {
    "max_connections",
    "adaptive_connections",
    "max_retries",
    "timeout",
    "attempt_timeout",
    "stream_idle_timeout",
    "cache",
    "cache_prompt",
    "batch",
    "seed",
    "num_choices",
    "logprobs",
    "top_logprobs",
    "extra_headers",
    "response_schema",
}
"""Generation options that say how a call is made, not what the model does; the schema of an answer
belongs to the question."""

_CREDENTIAL = re.compile(r"(.*_)?api_key|token|secret|password", re.IGNORECASE)
"""Arguments that say who pays, by their whole name: `tokenizer_path` is none of them."""

SEEDED = {
    "azureai",
    "fireworks",
    "google",
    "groq",
    "hf",
    "llama-cpp-python",
    "mistral",
    "ollama",
    "openai",
    "openai-api",
    "openrouter",
    "pool",
    "sim",
    "sglang",
    "steering",
    "together",
    "vllm",
}
"""Providers that pass a seed on, as Inspect documents it; a pool says it per endpoint."""

STRUCTURED = {
    "azureai",
    "google",
    "grok",
    "groq",
    "mistral",
    "openai",
    "openai-api",
    "openrouter",
    "pool",
    "sglang",
    "sim",
    "vllm",
}
"""Providers that take a JSON schema for the answer, as Inspect documents it."""

WITHOUT_LOGPROBS = {"anthropic", "bedrock", "cf", "goodfire"}
"""Providers that give no log-probabilities, as Inspect documents it."""


def provider_of(model: Model) -> str:
    """The provider's name: what stands before the first `/`."""
    return str(model).split("/", 1)[0]


def honours_seed(model: Model) -> bool:
    """Whether the provider takes a generation seed."""
    return provider_of(model) in SEEDED


def model_identity(model: Model, config: GenerateConfig) -> str:
    """16 hex digits over the model's name, arguments, address and generation settings.

    A provider of this project says itself what its answers depend on (`identity()`: a vector
    file's content, a pool's endpoints, planted parameters), which stands for its arguments.
    Credentials are left out, by their whole names.
    """
    own = getattr(model.api, "identity", None)
    facts = {
        "model": str(model),
        "args": own() if callable(own) else _public(model.model_args),
        "base_url": model.explicit_base_url,
        "config": config.model_dump(exclude_none=True, exclude=_OPERATIONAL),
    }
    # A logit bias has token numbers as its keys, which no deterministic order takes.
    named = msgspec.to_builtins(facts, str_keys=True, enc_hook=str)
    text = msgspec.json.encode(named, order="deterministic")
    return hashlib.sha256(text).hexdigest()[:16]


def _public(arguments: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value) for name, value in arguments.items() if not _CREDENTIAL.fullmatch(name)
    }


def steering_facts(model: Model) -> dict[str, Any]:
    """`vector, coef, layer, positions` of a steered model, for the record.

    The provider itself says what it applies (a default layer resolved); else its arguments do.
    """
    own = getattr(model.api, "steering_facts", None)
    if callable(own):
        facts: dict[str, Any] = own()
        return facts
    if provider_of(model) != "steering":
        return {}
    args = model.model_args
    layer = args.get("layer", args.get("layers"))
    return {
        "vector": None if args.get("vector") is None else str(args["vector"]),
        "coef": None if args.get("coef") is None else float(args["coef"]),
        "layer": None if layer is None else str(layer),
        "positions": None if args.get("positions") is None else str(args["positions"]),
        "operation": None if args.get("operation") is None else str(args["operation"]),
    }
