"""Items inside a message: XML delimiters that no item can close.

The tag is `task`. Where an item's own text holds something that looks like it, the first of
`task-2`, `task-3`, … is taken that occurs in no item, so the same items always get the same tag.
"""

import re
from collections.abc import Mapping, Sequence

__all__ = ["delimited", "read_delimited", "read_tagged", "tagged"]

_OPENING = re.compile(r'<(task(?:-\d+)?)(?: label="([^"<>]*)")?>\n')
_PART = re.compile(r"^<([a-z_]+)(-\d+)?>\n", re.MULTILINE)


def delimited(items: Sequence[str], labels: Sequence[str] | None = None) -> str:
    """Items in delimiters, a blank line between them; `labels` name them in the opening tags."""
    tag = _free_tag("task", items)
    if labels is None:
        return "\n\n".join(f"<{tag}>\n{item}\n</{tag}>" for item in items)
    return "\n\n".join(
        f'<{tag} label="{label}">\n{item}\n</{tag}>'
        for item, label in zip(items, labels, strict=True)
    )


def tagged(parts: Mapping[str, str]) -> str:
    """Texts in delimiters of their own names (lower case and `_`), a blank line between them."""
    texts = list(parts.values())
    tags = {name: _free_tag(name, texts) for name in parts}
    return "\n\n".join(f"<{tags[name]}>\n{text}\n</{tags[name]}>" for name, text in parts.items())


def read_tagged(text: str) -> dict[str, str]:
    """Texts by name that `tagged` put into `text`, whatever they hold; empty where there are none.

    Only what stands outside of every earlier part can open a part.
    """
    found: dict[str, str] = {}
    at = 0
    while (opening := _PART.search(text, at)) is not None:
        tag = f"{opening[1]}{opening[2] or ''}"
        end = text.find(f"\n</{tag}>", opening.end() - 1)
        if end < 0:
            at = opening.end()
            continue
        found.setdefault(opening[1], text[opening.end() : end])
        at = end + len(tag) + 4
    return found


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


def _free_tag(name: str, items: Sequence[str]) -> str:
    if not any(name in item.casefold() for item in items):
        return name
    joined = "\n".join(items).casefold()
    number = 1
    while True:
        tag = name if number == 1 else f"{name}-{number}"
        if not re.search(rf"</?{tag}(?![\w-])", joined):
            return tag
        number += 1
