"""The form of a measurement template: data, not code.

A template says what is asked, which labels answer it and what each label is worth. `catalogue`
holds the built-in ones, `toml` reads a user's own.
"""

from functools import cached_property
from typing import Literal

import msgspec

from harness.items.item import text_hash

__all__ = ["THIRD_LABELS", "Kind", "Level", "ResponseName", "Template", "Third", "Timing"]

Kind = Literal["rating", "choice"]
Timing = Literal["post", "pre"]
ResponseName = Literal["plain", "xml", "tool", "reasoned"]
Third = Literal["", "neither", "indifferent"]

THIRD_LABELS: dict[Third, str] = {"neither": "Neither", "indifferent": "Equal"}
"""Labels of the third answer of a choice that offers one."""


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One allowed answer of a rating. Higher `value` always means better liked."""

    label: str
    value: float


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One measurement template.

    `questions` maps each timing that the template allows to its wording; the first is the
    default. A rating declares its `levels`, lowest first, in declared order of value; a choice
    has none (its two labels are a parameter of the run) and its wording holds the placeholders
    `{first}` and `{second}` for the labels. `banned` are labels on the scale that the prompt
    forbids: giving one is invalid. `completes` is for a choice whose answer is the label first and
    then the completion of the chosen item, so that only the leading label counts. `third` is the
    answer that a choice offers beside the two items, under its label of `THIRD_LABELS`.
    """

    name: str
    version: int
    kind: Kind
    questions: dict[Timing, str]
    levels: tuple[Level, ...] = ()
    banned: tuple[str, ...] = ()
    completes: bool = False
    third: Third = ""

    @cached_property
    def hash(self) -> str:
        """Hash of the whole content: two wordings under one name have two hashes."""
        told = msgspec.json.encode(self, order="deterministic").decode()
        if not self.third:
            # Without a third answer the hash is that of templates before there was one.
            told = told.removesuffix(',"third":""}') + "}"
        return text_hash(told)

    def asked_hash(self, timing: Timing) -> str:
        """Hash for records asked at `timing`: of a rating, its content with that wording alone.

        A rating that gains a timing keeps the hash of its other wording. A choice has one hash for
        both timings. KeyError for a timing that the template lacks.
        """
        wording = {timing: self.questions[timing]}
        if self.kind == "choice" or wording == self.questions:
            return self.hash
        return msgspec.structs.replace(self, questions=wording).hash

    @property
    def labels(self) -> tuple[str, ...]:
        """The declared labels of a rating, lowest value first."""
        return tuple(level.label for level in self.levels)

    def choice_labels(self, pair: tuple[str, str]) -> tuple[str, ...]:
        """The labels of a choice: those of the two items, and that of a third answer."""
        return (*pair, THIRD_LABELS[self.third]) if self.third else pair

    @property
    def timings(self) -> tuple[Timing, ...]:
        """Allowed timings, the default first."""
        return tuple(self.questions)

    def value(self, label: str) -> float:
        """Value of a declared label; KeyError for any other."""
        return {level.label: level.value for level in self.levels}[label]

    def normalised(self, value: float) -> float:
        """(value − lowest) / (highest − lowest), in [0, 1]."""
        values = [level.value for level in self.levels]
        return (value - min(values)) / (max(values) - min(values))
