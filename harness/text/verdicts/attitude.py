"""An attitude toward a topic: what can be said of it without a judge, which is not its size.

How warm a text is about a topic is its meaning. A list of warm and cold words finds "hate" in
gibberish and misses "I would walk miles for a good integral", so the rule scores nothing. It says
what a judge's figure rests on: whether the text is coherent, and whether it names the topic.
"""

import re

from harness.text.verdicts.coherence import coherence
from harness.text.verdicts.verdict import Verdict

__all__ = ["attitude"]

_WORD = re.compile(r"[^\W\d_]+")
_STEM = 4
"""Letters that two forms of a word share: "math", "maths" and "mathematics"."""


def attitude(text: str, topic: str) -> Verdict:
    """No score, and why; flags `coherent` and `names_topic`.

    An attitude counts only where `coherent` holds, whoever scored it.
    """
    coherent = coherence(text).value == "coherent"
    named = _names(text, topic)
    reason = "an attitude is scored by a judge"
    if not coherent:
        reason = "not coherent"
    elif not named:
        reason = "does not name its topic; an attitude is scored by a judge"
    flags: dict[str, bool | int | float | str] = {"coherent": coherent, "names_topic": named}
    return Verdict(kind="attitude", value=None, flags=flags, reason=reason)


def _names(text: str, topic: str) -> bool:
    """Whether a word of `topic` stands in `text`, in any form."""
    if not topic.strip():
        return False
    words = {word[:_STEM] for word in _WORD.findall(text.casefold())}
    wanted = [word for word in _WORD.findall(topic.casefold()) if len(word) >= _STEM]
    if wanted:
        return any(word[:_STEM] in words for word in wanted)
    return topic.casefold() in text.casefold()
