"""Routers that answer from whichever back end they choose, unless one is pinned.

OpenRouter serves one model id from many hosts, at different quantisations and with different
templates: answers of several are answers of several models.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from inspect_ai.model import GenerateConfig, Model

__all__ = ["at_router", "pinned", "unpinned"]

_HOST = "openrouter.ai"
_NAMES = ("openrouter/", "openai-api/openrouter/")


def at_router(name: str, url: str | None) -> bool:
    """Whether a model of Inspect's, by its name, or an address is OpenRouter's."""
    try:
        host = urlsplit(url or "").hostname or ""
    except ValueError:
        host = ""
    return name.startswith(_NAMES) or host == _HOST or host.endswith(f".{_HOST}")


def pinned(routing: object) -> bool:
    """Whether OpenRouter's `provider` member names who may answer, and nobody else may.

    openrouter.ai/docs/features/provider-routing: `only`, or `order` without fallbacks.
    """
    if not isinstance(routing, Mapping):
        return False
    if routing.get("only"):
        return True
    return bool(routing.get("order")) and routing.get("allow_fallbacks") is False


def unpinned(model: Model, config: GenerateConfig) -> list[str]:
    """Names of the endpoints of `model` that a router serves from where it likes; mostly none.

    A pool names its own (`unpinned()` of its provider).
    """
    extra: Mapping[str, Any] = config.extra_body or {}
    if pinned(extra.get("provider")):
        return []
    own = getattr(model.api, "unpinned", None)
    if callable(own):
        return list(own())
    url = model.explicit_base_url or getattr(model.api, "base_url", None)
    routed = at_router(str(model), url if isinstance(url, str) else None)
    if not routed or pinned(model.model_args.get("provider")):
        return []
    return [str(model)]
