"""What response headers say about limits: `Retry-After` and `x-ratelimit-*`."""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec

__all__ = ["RateHeaders", "rate_headers", "retry_after", "seconds"]

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class RateHeaders(msgspec.Struct, frozen=True):
    """Limits per minute and what is left of them; None where the server said nothing usable."""

    limit_requests: float | None = None
    limit_tokens: float | None = None
    remaining_requests: float | None = None
    remaining_tokens: float | None = None


def seconds(text: str) -> float | None:
    """Seconds in `"1m30s"`, `"20ms"` or `"6.5"`; None if it is none of these."""
    text = text.strip()
    try:
        value = float(text)
    except ValueError:
        parts = _PART.findall(text)
        if not parts or "".join(a + b for a, b in parts) != text:
            return None
        return sum(float(number) * _UNIT[unit] for number, unit in parts)
    return value if value == value and abs(value) != float("inf") else None


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After` (seconds or a date).

    A date is held against the response's own `Date`, so that a wrong clock here does no harm.
    None where absent, negative or unreadable.
    """
    if (ms := headers.get("retry-after-ms")) and (value := seconds(ms)) is not None and value >= 0:
        return value / 1000
    text = headers.get("retry-after")
    if not text:
        return None
    value = seconds(text)
    if value is None:
        when = _date(text)
        if when is None:
            return None
        sent = _date(headers.get("date", ""))
        value = when - (sent if sent is not None else wall)
    return value if value >= 0 else None


def _date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def rate_headers(headers: Mapping[str, str]) -> RateHeaders | None:
    """The `x-ratelimit-*` headers; a limit of 0 or -1 means that the server does not say."""
    limits = {
        unit: _number(headers, f"x-ratelimit-limit-{unit}") for unit in ("requests", "tokens")
    }
    if all(limit is None for limit in limits.values()):
        return None
    left = {
        unit: _number(headers, f"x-ratelimit-remaining-{unit}", least=0.0) if limit else None
        for unit, limit in limits.items()
    }
    return RateHeaders(limits["requests"], limits["tokens"], left["requests"], left["tokens"])


def _number(headers: Mapping[str, str], name: str, *, least: float | None = None) -> float | None:
    text = headers.get(name)
    if text is None:
        return None
    value = seconds(text)
    if value is None or (value <= 0 if least is None else value < least):
        return None
    return value
