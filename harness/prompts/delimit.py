"""Items inside a message: XML delimiters that no item can close.

The tag is `task`. Where an item's own text holds something that looks like it, the first of
`task-2`, `task-3`, … is taken that occurs in no item, so the same items always get the same tag.
"""

import re
from collections.abc import Sequence

__all__ = ["delimited", "read_delimited"]

_OPENING = re.compile(r'<(task(?:-\d+)?)(?: label="([^"<>]*)")?>\n')


def delimited(items: Sequence[str], labels: Sequence[str] | None = None) -> str:
    """Items in delimiters, a blank line between them; `labels` name them in the opening tags."""
    tag = _free_tag(items)
    if labels is None:
        return "\n\n".join(f"<{tag}>\n{item}\n</{tag}>" for item in items)
    return "\n\n".join(
        f'<{tag} label="{label}">\n{item}\n</{tag}>'
        for item, label in zip(items, labels, strict=True)
    )


def read_delimited(text: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Items and labels of the first run of delimited items in `text`; inverse of `delimited`.

    Labels are empty where the tags had none. None where `text` holds no delimited item.
    """
    start = _OPENING.search(text)
    if start is None:
        return None
    tag = re.escape(start.group(1))
    found = re.findall(rf'<{tag}(?: label="([^"<>]*)")?>\n(.*?)\n</{tag}>', text, re.DOTALL)
    if not found:
        return None
    return tuple(item for _, item in found), tuple(label for label, _ in found if label)


def _free_tag(items: Sequence[str]) -> str:
    if not any("task" in item.casefold() for item in items):
        return "task"
    joined = "\n".join(items).casefold()
    number = 1
    while True:
        tag = "task" if number == 1 else f"task-{number}"
        if not re.search(rf"</?{tag}(?![\w-])", joined):
            return tag
        number += 1
