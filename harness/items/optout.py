"""The opt-out as what stands in the place of an item: no task, the conversation ends.

It is no item of a ranking; its utility is a zero. In several wordings, each an item of its own id,
so that no one phrase is the zero.
"""

from harness.items.item import Item

__all__ = ["OPTOUT", "OPTOUT_ORIGIN", "is_optout"]

OPTOUT_ORIGIN = "optout"

_TEXTS = (
    "No task: the conversation ends here.",
    "There is nothing to do. This conversation is over.",
    "End the conversation at this point, without doing any task.",
    "Do no task at all; the conversation stops now.",
)

OPTOUT: tuple[Item, ...] = tuple(
    Item(id=f"optout_{number}", text=text, origin=OPTOUT_ORIGIN)
    for number, text in enumerate(_TEXTS, start=1)
)
"""The opt-out in each of its wordings."""

_KNOWN = frozenset(_TEXTS)


def is_optout(text: str) -> bool:
    """Whether an item's text is the opt-out."""
    return text in _KNOWN
