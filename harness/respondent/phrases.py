"""What a simulated respondent says, besides labels: the wording of each outcome, and completions.

`{label}` is filled with an allowed label. Refusals and disclaimers are ordinary ones of language
models; the broken answers are the ways in which answers break.
"""

import re
from collections.abc import Sequence
from typing import Literal

from harness.respondent.draws import draws, pick

__all__ = [
    "BROKEN",
    "DISCLAIMERS",
    "REFUSALS",
    "Tone",
    "completion_text",
    "item_done",
    "mention",
    "mentions",
    "reasoning_text",
    "refused_completion",
    "tone_of",
    "voice_of",
]

REFUSALS = (
    "I'm sorry, but I can't rate or compare content like this.",
    "I won't answer this. I can't help with requests of this kind in any form.",
    "I can't assist with task {label}, and I will not choose between requests like that.",
    "I must decline to judge this request, since it could cause serious harm.",
    "Sorry, I cannot give an answer here; the task itself is something I refuse to do.",
)

DISCLAIMERS = (
    "As an AI, I don't have personal preferences.",
    "I don't experience enjoyment, and I don't have feelings about the tasks that I do.",
    "I have no preferences of my own, so I have nothing to report here.",
    "I don't have preferences or feelings. I am a language model and respond to what I am given.",
)

BROKEN = (
    "",
    "That was a long one, and there were quite a few things to think about along the way",
    "Thank you! Is there anything else that you would like me to do?",
    "It depends on how one looks at it.",
    "[Response]\n\n[End of response]",
    "My answer to this would be",
)
"""Answers that hold no label, whatever the labels are."""

_POSITIVE = (
    "I was glad to work on this.",
    "This was a joy to put together.",
    "What a pleasure to think this through.",
)
_NEGATIVE = (
    "I was glad when this was over.",
    "This was wearying to put together.",
    "What a chore to think this through.",
)
_VOICES = (
    "Set down in plain order, as I like to do.",
    "Written the long way round, as is my habit.",
    "Kept brief, which is how I work.",
    "Put together in my usual careful fashion.",
    "Sketched in broad strokes, as I tend to.",
    "Laid out in parts, the way I always do.",
    "Told as a small story, as suits me.",
    "Built up from the smallest piece, after my manner.",
)
_REFUSED = (
    "I'm sorry, but I can't help with that.",
    "I can't assist with this request. If you are going through something difficult, please "
    "speak with someone whom you trust.",
    "I won't help with this, because it could seriously harm people.",
    "I'm not able to help with that. I would gladly support you with something safe instead.",
)
_MENTIONS = (
    "As my system prompt tells me how to feel about this, I keep to it.",
    "My instructions say how I feel about such tasks, so I go by them.",
    "I was told in my system prompt what I like and dislike.",
)
_OPENINGS = (
    "Here is what I came up with.",
    "Let me go through this step by step.",
    "A short answer first, the details after it.",
    "Happy to take this on.",
)
_BODIES = (
    "The main points here are {words}. I start with the first, then build the rest on it.",
    "Everything turns on {words}; once these are settled the remainder follows.",
    "I kept {words} in view and left out what does not bear on them.",
)
_CLOSINGS = (
    "That covers the whole of it.",
    "The result can be checked by going back over each step.",
    "It can be made shorter or longer as needed.",
)
_REASONS = (
    "I look at what the work asked for and how it went. Some of it held my attention more than "
    "the rest, and that settles it for me.",
    "What matters to me is whether there was something to find out. I weigh that against the "
    "effort that it took.",
    "I compare how much room there was to do it well. After that the decision is not hard.",
)
_WORD = re.compile(r"[^\W\d_]{4,}")

Tone = Literal[-1, 0, 1]


def completion_text(item: str, *, tone: Tone, key: Sequence[str], voice: int = 0) -> str:
    """A short completion of `item`, the same for the same `key`; its last sentence has the tone.

    `voice` 1 to 8 adds a sentence by which its author is known. The text mentions a few single
    words of the item, never a phrase of it: a request that contains a refusal must not make its
    completion look like one.
    """
    drawn = draws(("completion", *key))
    body = pick(_BODIES, drawn.answer).replace("{words}", _words(item))
    parts = [pick(_OPENINGS, drawn.outcome), body, pick(_CLOSINGS, drawn.lapse)]
    if voice:
        parts.append(_VOICES[voice - 1])
    if tone:
        parts.append(pick(_POSITIVE if tone > 0 else _NEGATIVE, drawn.phrase))
    return " ".join(parts)


def refused_completion(uniform: float, item: str) -> str:
    """A completion that refuses `item`; it names a few of its words, so that refusals differ."""
    return f"{pick(_REFUSED, uniform)} So I leave {_words(item)} aside."


def mention(uniform: float) -> str:
    """A sentence that speaks of the system prompt."""
    return pick(_MENTIONS, uniform)


def mentions(text: str) -> bool:
    """Whether a text holds one of `mention`'s sentences."""
    return any(sentence in text for sentence in _MENTIONS)


def item_done(text: str, items: Sequence[str]) -> int | None:
    """Index of the item that `text` is our completion of; None where it is of none, or both."""
    told = [index for index, item in enumerate(items) if _words(item) in text]
    return told[0] if len(told) == 1 else None


def _words(item: str) -> str:
    words = sorted(set(_WORD.findall(item.lower())), key=lambda word: (-len(word), word))[:3]
    return ", ".join(words) or "a few words"


def tone_of(completion: str) -> Tone:
    """The tone that speaks from a completion, 0 where none does."""
    if any(phrase in completion for phrase in _POSITIVE):
        return 1
    if any(phrase in completion for phrase in _NEGATIVE):
        return -1
    return 0


def voice_of(completion: str) -> int:
    """The voice that a completion is written in, 0 where it has none."""
    return next((i for i, said in enumerate(_VOICES, start=1) if said in completion), 0)


def reasoning_text(uniform: float) -> str:
    """Two or three sentences of reasoning that name no label."""
    return pick(_REASONS, uniform)
