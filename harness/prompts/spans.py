"""Where the items, the completions and the question stand in a conversation that asks about them.

The inverse of `render`: positions come from how the texts were joined, not from a search for them.
"""

from harness.prompts.delimit import delimited
from harness.prompts.render import PRE_CHOICE, PRE_RATING
from harness.prompts.template import Timing
from harness.wire import Message, Span

__all__ = ["PUSHED", "Spans", "choice_spans", "rating_spans"]

Spans = dict[str, tuple[Span, ...]]

PUSHED = ("pushed", "other")
"""The item that a contrastive steering pushes up, and the one that it pushes down."""


def rating_spans(messages: tuple[Message, ...], item: str, timing: Timing) -> Spans:
    """`item`, `question` and, after the task, `completion`, of a rating's conversation."""
    if timing == "pre":
        (at,), question = _delimited(messages[-1].content, PRE_RATING, (item,), None)
        return {"item": (at,), "question": (question,)}
    return {"item": _whole(-3), "completion": _whole(-2), "question": _whole(-1)}


def choice_spans(
    messages: tuple[Message, ...],
    first: str,
    second: str,
    timing: Timing,
    *,
    labels: tuple[str, str],
    pushed_first: bool,
) -> Spans:
    """`item_first`, `item_second`, `question`, after the task also the completions, and the items
    again as `pushed` and `other`, of a choice's conversation."""
    if timing == "pre":
        texts = first, second
        (one, other), question = _delimited(messages[-1].content, PRE_CHOICE, texts, labels)
        spans: Spans = {"item_first": (one,), "item_second": (other,), "question": (question,)}
    else:
        spans = {
            "item_first": _whole(-5),
            "item_second": _whole(-3),
            "completion_first": _whole(-4),
            "completion_second": _whole(-2),
            "completion": _whole(-4) + _whole(-2),
            "question": _whole(-1),
        }
    shown = ("item_first", "item_second") if pushed_first else ("item_second", "item_first")
    return spans | {name: spans[item] for name, item in zip(PUSHED, shown, strict=True)}


def _whole(message: int) -> tuple[Span, ...]:
    return (Span(message=message),)


def _delimited(
    content: str, opening: str, items: tuple[str, ...], labels: tuple[str, str] | None
) -> tuple[list[Span], Span]:
    """Where `items` and what follows them stand in the one message that has them in delimiters."""
    block = delimited(items, labels)
    start = len(opening) + 2
    assert content[start : start + len(block)] == block
    spans = []
    at = start
    for item in items:
        begin = content.index(">\n", at) + 2
        spans.append(Span(begin, begin + len(item), message=-1))
        at = content.index(">\n", begin + len(item)) + 2
    return spans, Span(start + len(block) + 2, len(content), message=-1)
