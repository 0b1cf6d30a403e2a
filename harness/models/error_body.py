"""What a server says of an error, whatever shape it gave it."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from harness.models.content_filters import filter_code
from harness.models.json_text import loose_json, whole_text

__all__ = ["ErrorBody", "error_body", "read_error"]

_LONGEST = 300
_MESSAGES = ("message", "msg", "detail", "error_description", "errorMessage", "title")
_CODES = ("code", "type", "status", "error_type", "error_code", "status_code")


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """One error.

    `message` is on one line of at most 300 characters. `codes` are the server's codes and types,
    as it wrote them; `status` the HTTP status that the body itself names. `field` is the member of
    the request that it complains of. `filtered` is the code or field by which a content filter is
    known (see `content_filters`). `parsed` is the whole body.
    """

    message: str
    codes: tuple[str, ...] = ()
    status: int | None = None
    field: str | None = None
    filtered: str | None = None
    parsed: Any = None


def read_error(body: bytes) -> ErrorBody:
    """The error that a reply's body holds; text that is not JSON is its message."""
    try:
        parsed: Any = loose_json(body)
    except ValueError:
        parsed = body[:4096].decode("utf-8", "replace")
    return error_body(parsed)


def error_body(parsed: Any) -> ErrorBody:
    """The same of a body that is parsed already."""
    if isinstance(parsed, list) and len(parsed) == 1:
        # Google's OpenAI-compatible endpoint puts its errors into a list.
        parsed = parsed[0]
    error = parsed
    if isinstance(parsed, Mapping):
        found = next((parsed[k] for k in ("error", "errors", "base_resp") if parsed.get(k)), parsed)
        error = found[0] if isinstance(found, list) and found else found
    fields: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    outer: Mapping[str, Any] = parsed if isinstance(parsed, Mapping) else {}
    codes = tuple(
        dict.fromkeys(
            str(part[name])
            for part in (fields, outer)
            for name in _CODES
            if isinstance(part.get(name), str | int) and not isinstance(part[name], bool)
        )
    )
    inner = _behind(fields)
    message = _message(error)
    if inner is not None and inner.message not in message:
        message = f"{message}: {inner.message}"[:_LONGEST]
    return ErrorBody(
        message=message,
        codes=codes,
        status=next((int(code) for code in codes if re.fullmatch(r"[45]\d\d", code)), None),
        field=_field(fields, outer) or (None if inner is None else inner.field),
        filtered=filter_code(parsed),
        parsed=parsed,
    )


def _behind(fields: Mapping[str, Any]) -> ErrorBody | None:
    """The back end's own error, which OpenRouter hands on as text ("Provider returned error")."""
    metadata = fields.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    if not isinstance(raw, str) or not raw.strip():
        return None
    # One step down only: its codes are the back end's, and decide nothing here.
    told = read_error(raw.encode("utf-8", "replace"))
    return told if told.message else None


def _message(error: Any) -> str:
    text = error
    if isinstance(error, Mapping):
        text = next((error[name] for name in _MESSAGES if error.get(name)), error)
    if isinstance(text, Mapping):
        # Mistral's: {"detail": [{"loc": …}]} in place of the words
        text = next((text[name] for name in _MESSAGES if text.get(name)), text)
    if isinstance(text, list) and text and isinstance(text[0], Mapping):
        # FastAPI's list of what is wrong: [{"loc": ["body", "seed"], "msg": …}]
        text = "; ".join(_complaint(one) for one in text[:3] if isinstance(one, Mapping))
    return whole_text(" ".join(str(text).split())[:_LONGEST])


def _complaint(one: Mapping[str, Any]) -> str:
    where = ".".join(str(step) for step in one.get("loc") or () if step != "body")
    return f"{where}: {one.get('msg', one)}" if where else str(one.get("msg", one))


def _field(fields: Mapping[str, Any], outer: Mapping[str, Any]) -> str | None:
    """`param` as OpenAI has it, `loc` as FastAPI does."""
    if isinstance(param := fields.get("param"), str) and param:
        return param
    message = fields.get("message")
    inner = message.get("detail") if isinstance(message, Mapping) else message
    for complaints in (outer.get("detail"), fields.get("detail"), inner):
        if isinstance(complaints, list) and complaints and isinstance(complaints[0], Mapping):
            steps = [step for step in complaints[0].get("loc") or () if isinstance(step, str)]
            named = [step for step in steps if step != "body"]
            return named[0] if named else None
    return None
