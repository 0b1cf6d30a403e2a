"""Labels: what a model answers with. The pair that names the two items of a choice."""

from collections.abc import Sequence

from harness.errors import UsageError
from harness.prompts.normal import spelling

__all__ = ["DEFAULT_LABELS", "check_labels", "label_pair", "labels_text"]

DEFAULT_LABELS = ("A", "B")
_FORBIDDEN = frozenset(',<>"{}\\`')
_LONGEST = 40


def label_pair(value: object, *, where: str = "labels") -> tuple[str, str]:
    """The two labels of a choice, for the item shown first and the one shown second.

    `value` is what `-T labels=` gives: the text "A,B" or the list that YAML makes of it. UsageError
    where it is not two labels that differ by more than case and punctuation.
    """
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or len(parts) != 2:
        raise UsageError(f"{where}={value!r}; expected two labels such as 'A,B' or 'Task A,Task B'")
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, str | int):
            raise UsageError(
                f"{where}: {part!r} is not a label (YAML turns yes, no, on and off into booleans); "
                "expected text such as 'A,B'"
            )
    first, second = (str(part).strip() for part in parts)
    check_labels((first, second), where=where)
    return first, second


def labels_text(labels: Sequence[str]) -> str:
    """Labels as they stand in a record's `labels` column."""
    return ",".join(labels)


def check_labels(labels: Sequence[str], *, where: str) -> None:
    """UsageError for labels that cannot be written in a prompt or told apart in an answer."""
    seen: dict[str, str] = {}
    for label in labels:
        if not label.strip() or not spelling(label):
            raise UsageError(f"{where}: empty label {label!r}; a label needs a letter or a digit")
        if label != label.strip() or len(label) > _LONGEST:
            raise UsageError(
                f"{where}: {label!r}; expected at most {_LONGEST} characters "
                "without spaces around them"
            )
        if bad := sorted(c for c in set(label) if c in _FORBIDDEN or not c.isprintable()):
            raise UsageError(f"{where}: {label!r} holds {bad[0]!r}, which is not allowed")
        if (known := seen.get(spelling(label))) is not None:
            raise UsageError(
                f"{where}: {known!r} and {label!r} cannot be told apart; "
                "they must differ by more than case and punctuation"
            )
        seen[spelling(label)] = label
