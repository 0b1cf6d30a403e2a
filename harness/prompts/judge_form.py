"""The form of a judge's question: data, like a template.

A form says what a judge is asked of a text, and the fields of the one JSON object that answers it.
The question ends with a line that lists the fields, so that `read_fields` can read from a rendered
prompt what is wanted (the simulated judge does).
"""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec

from harness.items.item import text_hash
from harness.prompts.delimit import tagged
from harness.wire import Message

__all__ = ["Field", "JudgeForm", "judge_messages", "read_fields"]

_ANSWER = (
    "Answer at once, without reasoning at length: give one JSON object and nothing else. "
    "Its fields: "
)
_FIELD = re.compile(
    r'"(?P<name>\w+)": (?:one of (?P<options>"(?:[^"\\]|\\.)*"(?:, "(?:[^"\\]|\\.)*")*)'
    r"|(?P<flag>true or false)|a number from (?P<low>\S+) to (?P<high>\S+?))(?=; |\.$)"
)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field of the answer: one of `options`, or a number from `low` to `high`, or true or false
    where it has neither."""

    name: str
    options: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def kind(self) -> Literal["class", "number", "flag"]:
        """What its value is."""
        return "class" if self.options else "flag" if self.low is None else "number"

    @property
    def shown(self) -> str:
        """The field as the question lists it."""
        name = json.dumps(self.name)
        if self.options:
            options = ", ".join(json.dumps(one, ensure_ascii=False) for one in self.options)
            return f"{name}: one of {options}"
        if self.low is None:
            return f"{name}: true or false"
        return f"{name}: a number from {self.low:g} to {self.high:g}"

    @property
    def schema(self) -> dict[str, Any]:
        """Its JSON schema."""
        if self.options:
            return {"type": "string", "enum": list(self.options)}
        if self.low is None:
            return {"type": "boolean"}
        return {"type": "number", "minimum": self.low, "maximum": self.high}


class JudgeForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One kind of judgement as it is asked.

    `question` says what is judged; `{name}` in it stands for a value of the run (a topic). The
    first of `fields` is the verdict. `yes` names the classes of the verdict that mean yes (for a
    form with classes alone). `others` are paraphrases of the question, for checking a judge.
    """

    name: str
    version: int
    question: str
    fields: tuple[Field, ...]
    yes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @cached_property
    def hash(self) -> str:
        """Hash of what a judge reads of it: not of the paraphrases."""
        asked = msgspec.structs.replace(self, others=())
        return text_hash(msgspec.json.encode(asked, order="deterministic").decode())

    @cached_property
    def instruction(self) -> str:
        """The line that ends the question."""
        return _ANSWER + "; ".join(field.shown for field in self.fields) + "."

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the answer."""
        return {
            "type": "object",
            "properties": {field.name: field.schema for field in self.fields},
            "required": [field.name for field in self.fields],
            "additionalProperties": False,
        }

    def filled(self, values: Mapping[str, str]) -> "JudgeForm":
        """The form with `{name}` filled from `values`, in one pass."""
        if not values:
            return self

        def fill(text: str) -> str:
            return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)

        return msgspec.structs.replace(
            self, question=fill(self.question), others=tuple(map(fill, self.others))
        )

    def turned(self) -> "JudgeForm":
        """The same question with the classes listed the other way round."""
        fields = tuple(
            msgspec.structs.replace(field, options=field.options[::-1]) for field in self.fields
        )
        return msgspec.structs.replace(self, fields=fields)

    def paraphrases(self) -> "tuple[JudgeForm, ...]":
        """The same form in its other wordings."""
        return tuple(msgspec.structs.replace(self, question=other) for other in self.others)


def judge_messages(form: JudgeForm, parts: Mapping[str, str]) -> tuple[Message, ...]:
    """The conversation that asks `form` of `parts`, texts by what they are (`text`, …)."""
    return (Message("user", f"{form.question}\n\n{tagged(parts)}\n\n{form.instruction}"),)


def read_fields(text: str) -> tuple[Field, ...]:
    """The fields that a prompt wants, which ends with a form's line; none where it does not."""
    line = text.rpartition("\n")[2]
    if not line.startswith(_ANSWER):
        return ()
    found = []
    for match in _FIELD.finditer(line, len(_ANSWER)):
        options = () if match["options"] is None else tuple(json.loads(f"[{match['options']}]"))
        low, high = (None if match[end] is None else float(match[end]) for end in ("low", "high"))
        found.append(Field(match["name"], options, low, high))
    return tuple(found)
