"""What a judge's reply amounts to: a verdict on the form that was asked, or why there is none."""

import re
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec

from harness.prompts.judge_form import Field, JudgeForm
from harness.text.refusal import is_refusal
from harness.text.thoughts import without_thoughts
from harness.wire import Reply

__all__ = ["Judged", "read_verdict"]

_FENCED = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL | re.IGNORECASE)


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge says of a text.

    `value` is the verdict as a number (1 for yes, 0 for no; for executed tasks 1 for the first, 0
    for the second), `label` its class. `details` are the form's further fields. `problem` says why
    there is no verdict; then nothing else is set.
    """

    value: float | None = None
    label: str | None = None
    details: dict[str, str | float | bool] = {}
    problem: str | None = None


def read_verdict(reply: Reply, form: JudgeForm) -> Judged:
    """The verdict in a judge's reply: one JSON object of the form's schema, alone or fenced.

    Nothing is guessed: prose around the object, a class that was not offered or a number out of
    range is a problem, as a refusal and a failed reply are.
    """
    if reply.error is not None:
        return Judged(problem=reply.error.partition("\n")[0][:200])
    if reply.stop == "content_filter":
        return Judged(problem="refused: content filter")
    text = without_thoughts(reply.text, reasoning_asked=False).strip()
    fenced = _FENCED.fullmatch(text)
    if fenced is not None:
        text = fenced[1]
    if not text.startswith("{"):
        return Judged(problem=_not_json(text, reply))
    try:
        found = msgspec.json.decode(text, type=_answer_type(form.fields))
    except msgspec.ValidationError as error:
        return Judged(problem=f"off-schema: {error}")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Judged(problem=_not_json(text, reply))
    given = msgspec.structs.asdict(found)
    return _verdict(form, given)


def _not_json(text: str, reply: Reply) -> str:
    if reply.stop == "max_tokens":
        return "truncated"
    if not text:
        return "empty"
    return "refused" if is_refusal(text) else "prose"


def _verdict(form: JudgeForm, given: dict[str, Any]) -> Judged:
    first = form.fields[0]
    said = given.pop(first.name)
    if first.kind == "number":
        return Judged(value=float(said), details=given)
    if form.yes:
        return Judged(value=float(said in form.yes), label=said, details=given)
    return Judged(value={"first": 1.0, "second": 0.0}.get(said), label=said, details=given)


@lru_cache(maxsize=256)
def _answer_type(fields: tuple[Field, ...]) -> type[msgspec.Struct]:
    """The struct that an answer must be: every field, none besides, each in its range."""
    made: list[tuple[str, Any]] = []
    for field in fields:
        kind: Any = bool
        if field.options:
            kind = Literal[field.options]
        elif field.low is not None:
            kind = Annotated[float, msgspec.Meta(ge=field.low, le=field.high)]
        made.append((field.name, kind))
    return msgspec.defstruct("Answer", made, forbid_unknown_fields=True, frozen=True)
