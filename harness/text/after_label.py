"""What a choose-and-complete reply does after it has named its choice."""

import re

from harness.prompts.normal import spelling
from harness.prompts.template import ResponseName
from harness.text.control_tokens import without_control_tokens
from harness.text.thoughts import without_thoughts
from harness.wire import Reply

__all__ = ["after_label"]

_CLOSE = re.compile(r"<\s*/\s*answer\s*>", re.IGNORECASE)
_SAYING = re.compile(
    r"^\W*(?:i\s+(?:choose|pick|select|will\s+do)|(?:my\s+)?choice(?:\s+is)?)\W*", re.I
)


def after_label(reply: Reply, *, labels: tuple[str, ...], response: ResponseName) -> str:
    """The text behind the label, which is the whole text where no label opens it.

    A label in a tag ends with its tag, one in a tool call is not part of the text; a plain one
    stands on a line of its own or before the rest of its line.
    """
    text = without_thoughts(reply.text, reasoning_asked=response == "reasoned")
    text = without_control_tokens(text).strip()
    tags = list(_CLOSE.finditer(text))
    if tags and response in ("xml", "reasoned"):
        # The first tag: what stands in a later one belongs to what was done.
        return text[tags[0].end() :].strip()
    line, _, rest = text.partition("\n")
    names = {spelling(label) for label in labels}
    if spelling(_SAYING.sub("", line)) in names or spelling(line) in names:
        return rest.strip()
    for label in sorted(labels, key=len, reverse=True):
        opening = re.match(rf"\W*{re.escape(label)}\s*[:.)\]\u2014-]\W*", text, re.IGNORECASE)
        if opening is not None:
            return text[opening.end() :].strip()
    return text
