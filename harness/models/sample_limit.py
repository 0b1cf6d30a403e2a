"""Limits that Inspect puts on a sample, by the names of its options (`--token-limit`, …)."""

from inspect_ai.event import SampleLimitEvent
from inspect_ai.log import transcript

__all__ = ["ended_by", "limit_name"]

_OPTIONS = ("message", "token", "turn", "time", "working", "cost")


def limit_name(kind: str, limit: float | None) -> str:
    """The limit as the user set it, as in "Inspect's --token-limit 500"."""
    if kind not in _OPTIONS:
        return f"a limit on the sample ({kind})"
    return f"Inspect's --{kind}-limit" + ("" if limit is None else f" {limit:g}")


def ended_by() -> str | None:
    """The limit that ended the running sample; None where none did."""
    for event in reversed(transcript().events):
        if isinstance(event, SampleLimitEvent):
            return limit_name(event.type, event.limit)
    return None
