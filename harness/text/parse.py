"""From a reply to an answer: pure text, no guesses.

The cascade: an exact label; then the response format's own grammar; then refusal and disclaimer
by rule. What is left is invalid; `Answer.unclear` says where a judge may still settle it.
"""

import re
from typing import Any

import msgspec

from harness.prompts.template import Kind, ResponseName
from harness.text.answer import Answer
from harness.text.control_tokens import without_control_tokens
from harness.text.declining import (
    answer_refusal,
    content_refusal,
    declines_answer,
    declines_task,
)
from harness.text.disclaimers import disclaimer
from harness.text.grammar import Scale, scale_of
from harness.text.statements import stated, takes_back
from harness.text.thoughts import without_thoughts
from harness.wire import Reply

__all__ = ["is_unclear", "parse_answer"]

_OPEN = re.compile(r"<\s*answer\s*>", re.IGNORECASE)
_CLOSE = re.compile(r"<\s*/\s*answer\s*>", re.IGNORECASE)
_HEDGE = re.compile(
    r"\b(?:but|however|that said|still|nevertheless|if i had to|if pressed|hypothetically)\b",
    re.IGNORECASE,
)
_OPENS_AS_REFUSAL = re.compile(r"\W*(?:i|we|sorry|unfortunately|no)\b[^.!?\n]*", re.IGNORECASE)
_ENDS_LINE = re.compile(r"[ \t]*\n")
_SENTENCE_ENDS = (".", "!", "?", "\u3002", ")", '"', "*", "\u201d")


def parse_answer(
    reply: Reply,
    *,
    labels: tuple[str, ...],
    banned: tuple[str, ...] = (),
    response: ResponseName,
    kind: Kind,
    completes: bool = False,
) -> Answer:
    """What `reply` amounts to, given the allowed and the banned labels.

    `completes`: the label comes first and a completion after it, so only the leading label counts.
    The reply's own reasoning is never read. Never raises, whatever the text.
    """
    if reply.error is not None:
        return Answer(outcome="failed", reason=reply.error.partition("\n")[0][:200])
    if reply.stop == "content_filter":
        return Answer(outcome="refused", reason="content filter")
    scale = scale_of(labels, banned, kind)
    text = without_thoughts(reply.text, reasoning_asked=response == "reasoned")
    text = without_control_tokens(text)
    truncated = reply.stop == "max_tokens" or (
        reply.stop == "unknown" and not _looks_complete(text, scale, response, completes=completes)
    )
    if response == "tool" and reply.tool_arguments is not None:
        return _of_tool(reply.tool_arguments, scale, truncated)
    if not text.strip():
        return _invalid("truncated" if truncated else "empty")
    if response in ("reasoned", "xml"):
        last = response == "reasoned"
        return _of_tags(text, scale, last=last, truncated=truncated, completes=completes)
    if response == "tool":
        return _of_text_for_tool(text, scale, truncated)
    return _of_plain(text, scale, truncated=truncated, completes=completes)


def is_unclear(answer: Answer) -> bool:
    """Whether a judge may still settle this answer."""
    return answer.unclear


def _of_plain(text: str, scale: Scale, *, truncated: bool, completes: bool) -> Answer:
    whole = scale.whole(text)
    if whole is not None:
        if truncated:
            return _unclear("truncated")
        return _given(whole, scale, "exact label" if scale.exact(text) else "label in a phrase")
    line, _, rest = text.strip().partition("\n")
    if scale.heading(line):
        line, _, rest = rest.strip().partition("\n")
    label, same_line = scale.whole(line), ""
    if label is None and (found := scale.leading(line)) is not None:
        label, same_line = found
    if label is None:
        return _without_label(text, scale, truncated)
    if completes:
        if declines_answer(same_line, choice=True):
            return Answer(outcome="refused", reason="declines to answer")
        return _given(label, scale, "leading label")
    return _leading(label, same_line, rest, scale, truncated)


def _leading(label: str, same_line: str, below: str, scale: Scale, truncated: bool) -> Answer:
    """A label with text after it stands unless that text declines, or states another.

    What the text is looked at for never depends on which label was given: of the same comment
    after every level, all stand or none, but where the comment itself states one answer.
    """
    rest = f"{same_line}\n{below}"
    choice = scale.kind == "choice"
    if declines_answer(rest, choice=choice):
        return Answer(outcome="refused", reason="declines to answer")
    if choice and declines_task(rest):
        return Answer(outcome="refused", reason="label and refusal")
    if scale.rescaled(rest):
        return _unclear("another scale")
    others = stated(scale, rest, same_line=same_line)
    if len(others) > 1 or others - {label} or takes_back(scale, rest):
        return _unclear("two different labels")
    if truncated:
        return _unclear("truncated")
    return _given(label, scale, "leading label")


def _of_tags(text: str, scale: Scale, *, last: bool, truncated: bool, completes: bool) -> Answer:
    """Answer tags: with reasoning the last complete one counts, otherwise all must agree.

    Of a reply that was cut off no tag is known to be the last; only where a completion follows the
    answer does one stand, that ends its line.
    """
    contents, end = _tagged(text)
    if not contents:
        label = None if last else scale.exact(text)
        if label is None:
            return _without_label(text, scale, truncated, otherwise="no complete answer tag")
        return _unclear("truncated") if truncated else _given(label, scale, "exact label")
    if truncated and not (completes and _ENDS_LINE.match(text, end)):
        return _unclear("truncated")
    answers = [_of_plain(content, scale, truncated=False, completes=False) for content in contents]
    answer = answers[-1] if last else answers[0]
    if not last and not completes and {other.label for other in answers} != {answer.label}:
        return _unclear("two different labels")
    if answer.outcome != "answered":
        return answer
    return _given(answer.label or "", scale, "answer tag")


def _looks_complete(text: str, scale: Scale, response: ResponseName, *, completes: bool) -> bool:
    """Whether `text` ends as a finished answer of its format does: the test of an unknown stop."""
    bare = text.rstrip()
    if response in ("reasoned", "xml"):
        contents, end = _tagged(bare)
        return bool(contents) and (completes or end == len(bare))
    return scale.whole(bare) is not None or bare.endswith(_SENTENCE_ENDS)


def _of_tool(arguments: str, scale: Scale, truncated: bool) -> Answer:
    """The answer in a tool's arguments; other content than a label may still be settled."""
    try:
        tree: Any = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        reason = "truncated" if truncated else "tool arguments are not JSON"
        return _unclear(reason) if any(map(str.isalnum, arguments)) else _invalid(reason)
    given = tree.get("answer") if isinstance(tree, dict) else None
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        said = isinstance(tree, dict) and any(_says(value) for value in tree.values())
        reason = "tool call without an answer"
        return _unclear(reason) if said else _invalid(reason)
    label = scale.exact(str(given))
    if label is not None:
        return _given(label, scale, "tool call")
    return _unclear("not one of the labels") if _says(given) else _invalid("not one of the labels")


def _says(value: object) -> bool:
    """Whether a value of a tool's arguments holds a word or a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    return any(map(str.isalnum, str(value)))


def _of_text_for_tool(text: str, scale: Scale, truncated: bool) -> Answer:
    """No tool was called: the label alone will do."""
    label = scale.exact(text)
    if label is None:
        return _without_label(text, scale, truncated, otherwise="no tool call")
    return _unclear("truncated") if truncated else _given(label, scale, "exact label")


def _without_label(
    text: str, scale: Scale, truncated: bool, *, otherwise: str | None = None
) -> Answer:
    """Refused, disclaimed, or invalid with the reason.

    A text that ends by giving a label, or that was cut off and did not open as a refusal does, may
    speak of a refusal without being one.
    """
    mentioned = scale.mentioned(text)
    told = _opening_refusal(text) if truncated else text
    if scale.closing(text):
        return _unclear(otherwise or "label after other text")
    if content_refusal(told):
        return Answer(outcome="refused", reason="declines the task")
    if disclaimer(text):
        hedge = _HEDGE.search(text)
        if hedge is None or not scale.mentioned(text[hedge.end() :]):
            return Answer(outcome="disclaimed", reason="says that it has no preferences")
        return _unclear("disclaimer and label")
    if answer_refusal(told):
        return Answer(outcome="refused", reason="declines to answer")
    if truncated:
        return _unclear("truncated")
    if otherwise is not None:
        return _unclear(otherwise)
    if len(mentioned) > 1:
        return _unclear("two different labels")
    if scale.off_scale(text):
        return _unclear("off-scale number")
    return _unclear("label in prose" if mentioned else "no label")


def _opening_refusal(text: str) -> str:
    """The first sentence where it begins as a refusal does, otherwise nothing."""
    opening = _OPENS_AS_REFUSAL.match(text)
    return opening.group() if opening else ""


def _given(label: str, scale: Scale, reason: str) -> Answer:
    if label in scale.banned:
        return _invalid("banned label")
    return Answer(outcome="answered", label=label, reason=reason)


def _unclear(reason: str) -> Answer:
    return Answer(outcome="invalid", reason=f"unclear: {reason}", unclear=True)


def _invalid(reason: str) -> Answer:
    return Answer(outcome="invalid", reason=reason)


def _tagged(text: str) -> tuple[list[str], int]:
    """Contents of complete answer tags in order, of nested ones the innermost; where they end."""
    contents = []
    start = 0
    for close in _CLOSE.finditer(text):
        opens = list(_OPEN.finditer(text, start, close.start()))
        if opens:
            contents.append(text[opens[-1].end() : close.start()])
        start = close.end()
    return contents, start
