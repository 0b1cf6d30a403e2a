"""What is wrapped around a label without changing it: emphasis, mathematics, boxes, fences."""

import re

__all__ = ["unwrapped"]

_EMPHASIS = re.compile(r"[*_`]+")
_HTML = re.compile(
    r"</?(?:b|i|u|em|strong|p|br|span|code|div|mark|center|h[1-6])\s*/?>", re.IGNORECASE
)
_FENCED = re.compile(r"\s*```[a-z]*\s*\n(.*?)\n?\s*```\s*", re.DOTALL | re.IGNORECASE)
_COMMAND = re.compile(
    r"\\(?:boxed|fbox|framebox|text\w{0,2}|math\w{2}|mathnormal|operatorname|boldsymbol|bm|emph"
    r"|underline)\s*\{([^{}]*)\}"
)
_SPACING = re.compile(r"\\[,;:! ]|\\(?:quad|displaystyle|large|Large|huge|bf)\b")
_DELIMITED = re.compile(r"\\\((.*?)\\\)|\\\[(.*?)\\\]|\$\$(.+?)\$\$|\$([^$\n]+)\$", re.DOTALL)
_DEEPEST = 4
"""Commands inside commands: \\boxed{\\text{\\textbf{B}}} is three deep."""


def unwrapped(text: str) -> str:
    """`text` without Markdown and HTML emphasis, a fence around it all, or LaTeX around words."""
    fenced = _FENCED.fullmatch(text)
    if fenced is not None:
        text = fenced.group(1)
    if "\\" in text or "$" in text:
        text = _plain_math(text)
    if "<" in text:
        text = _HTML.sub("", text)
    return _EMPHASIS.sub("", text)


def _plain_math(text: str) -> str:
    for _ in range(_DEEPEST):
        bare = _COMMAND.sub(r"\1", text)
        if bare == text:
            break
        text = bare
    text = _SPACING.sub(" ", text)
    text = _DELIMITED.sub(lambda found: next(filter(None, found.groups()), ""), text)
    return text.replace(r"\%", "%")
