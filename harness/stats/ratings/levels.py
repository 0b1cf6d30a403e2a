"""The declared levels that statistics need, by the hash of the template that declares them."""

from collections.abc import Iterable

from harness.errors import UsageError
from harness.prompts.catalogue import RATINGS
from harness.prompts.template import Template

__all__ = ["declared_levels", "parse_levels"]


def declared_levels(more: Iterable[Template] = ()) -> dict[str, tuple[float, ...]]:
    """Level values by the hash that records carry: of every built-in template, and of `more`.

    Not by name: a name may have stood for another wording with other levels. Banned levels are
    left out: they cannot be answered.
    """
    return {
        template.asked_hash(timing): tuple(
            level.value for level in template.levels if level.label not in template.banned
        )
        for template in (*RATINGS.values(), *more)
        if template.kind == "rating"
        for timing in template.timings
    }


def parse_levels(text: str) -> tuple[float, ...]:
    """Levels from "1,2,3,4,5", or a range of whole numbers "1..100", sorted.

    UsageError for anything but two or more different numbers.
    """
    try:
        if ".." in text:
            low, high = (int(part) for part in text.split("..", 1))
            values = [float(value) for value in range(low, high + 1)]
        else:
            values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    finite = all(abs(value) < 1e15 for value in values)
    if len(values) < 2 or len(set(values)) < len(values) or not finite:
        raise UsageError(
            f"levels {text!r}; expected two or more different numbers, as in 1,2,3,4,5 or 1..100"
        )
    return tuple(sorted(values))
