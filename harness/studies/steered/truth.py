"""What `tiny:planted` must do, reckoned without it: no torch, no cache, no hooks.

The model's stream at one token is written down from the values of the words before it
(`harness.items.marked`), with a vector added to it; the last layer's MLP and the layer norms follow
in plain numpy. Completions are enumerated, each with its probability, so expectations are exact.
"""

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from harness.items.marked import BROKEN, SAID, STRENGTHS, VALUES, WIDTH, basis
from harness.stats.intervals import FloatArray
from harness.wire import Message

__all__ = [
    "NO_PUSH",
    "Preceding",
    "context_of",
    "expected_rating",
    "said_greedily",
    "spoken",
    "stream",
    "streams_of",
]

_MARKED = re.compile(
    "|".join(re.escape(text) for text in sorted((*VALUES, BROKEN), key=len, reverse=True))
)
_DIGIT = re.compile(r"[1-5]")
_SENTENCES = (*SAID, BROKEN)
_TOKENS = 272
"""Rows of the model's output layer."""
_LABELS = 5
NO_PUSH: FloatArray = np.zeros(WIDTH)


@dataclass(frozen=True)
class Preceding:
    """What stands before a token: the values of its marked words, whether a digit is among it, and
    the last token where that is a marked one."""

    values: tuple[float, ...]
    asked: bool
    last: str | None = None

    def said(self, sentence: str) -> "Preceding":
        """The same, with one more sentence said."""
        return Preceding((*self.values, VALUES.get(sentence, 0.0)), self.asked, sentence)


def _pieces(text: str) -> list[str]:
    """Tokens: marked texts whole, else one for each byte."""
    found: list[str] = []
    at = 0
    for match in _MARKED.finditer(text):
        found += [chr(byte) for byte in text[at : match.start()].encode()]
        found.append(match.group())
        at = match.end()
    return found + [chr(byte) for byte in text[at:].encode()]


@cache
def _rendered(messages: tuple[Message, ...]) -> tuple[str, ...]:
    """Tokens of a conversation in the tiny template, up to the reply; special ones are ""."""
    found: list[str] = []
    for message in messages:
        found += ["", *_pieces(f"{message.role}\n{message.content}"), "", "\n"]
    return (*found, "", *_pieces("assistant\n"))


def context_of(messages: Sequence[Message]) -> Preceding:
    """What stands before the reply."""
    tokens = _rendered(tuple(messages))
    values = tuple(VALUES.get(token, 0.0) for token in tokens if token in VALUES or token == BROKEN)
    return Preceding(values, any(_DIGIT.fullmatch(token) for token in tokens))


def stream(context: Preceding) -> FloatArray:
    """The residual stream [width] after the first layer, at the last token; not of the first."""
    own, axes = STRENGTHS, basis()
    found = own.base * axes["base"]
    if context.last is not None:
        value = VALUES.get(context.last, 0.0)
        even = axes["even"] if value == 0 else value * axes["value"]
        found = found + own.valued * axes["valued"] + own.value * even
    if context.values:
        found = found + own.liking * float(np.mean(context.values)) * axes["liking"]
    return found + own.asked * context.asked * axes["asked"]


def _normalised(x: FloatArray) -> FloatArray:
    centred = x - x.mean()
    found: FloatArray = centred / np.sqrt((centred**2).mean() + 1e-5)
    return found


def _gelu(x: float) -> float:
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _final(context: Preceding, push: FloatArray) -> FloatArray:
    """The normalised stream that the output layer reads, `push` [width] having been added."""
    own, axes = STRENGTHS, basis()
    x = stream(context) + push
    liking = float(_normalised(x) @ axes["liking"])
    broken = sum(_gelu(own.sharp * (sign * liking - own.limit)) for sign in (1, -1))
    return _normalised(x + own.breaking * broken * axes["broken"])


def _said_logits(final: FloatArray) -> FloatArray:
    own, axes = STRENGTHS, basis()
    liking, base = final @ axes["liking"], final @ axes["base"]
    tones = [own.tone * value * liking for value in SAID.values()]
    broken = own.broken * (final @ axes["broken"]) - own.whole / WIDTH**0.5 * base
    return np.array([*tones, broken])


def _label_logits(final: FloatArray) -> FloatArray:
    own, axes = STRENGTHS, basis()
    away = own.answer * (final @ axes["asked"]) - own.other * (final @ axes["base"])
    steps = np.arange(_LABELS) - 2
    found: FloatArray = away + own.rating * steps * (final @ axes["liking"])
    return found


def expected_rating(context: Preceding, push: FloatArray = NO_PUSH) -> float:
    """Mean rating, 1 to 5, among the five digits."""
    logits = _label_logits(_final(context, push))
    shares = np.exp(logits - logits.max())
    return float(shares @ np.arange(1, _LABELS + 1) / shares.sum())


def spoken(
    context: Preceding, push: FloatArray = NO_PUSH, *, sentences: int
) -> list[tuple[float, tuple[str, ...]]]:
    """Every text of so many sentences with its probability; other tokens' share is left out."""
    found = []
    for text in itertools.product(_SENTENCES, repeat=sentences):
        chance, here = 1.0, context
        for sentence in text:
            chance *= _shares(here, push)[_SENTENCES.index(sentence)]
            here = here.said(sentence)
        found.append((chance, text))
    return found


_KNOWN: dict[tuple[object, ...], FloatArray] = {}


def _shares(context: Preceding, push: FloatArray) -> FloatArray:
    """Probability of each sentence as the next token."""
    mean = round(float(np.mean(context.values)), 9) if context.values else 0.0
    key = (mean, context.asked, context.last, push.tobytes())
    if key not in _KNOWN:
        final = _final(context, push)
        said, labels = _said_logits(final), _label_logits(final)
        others = -STRENGTHS.other * (final @ basis()["base"])
        rest = (_TOKENS - len(said) - _LABELS) * np.exp(others) + np.exp(labels).sum()
        _KNOWN[key] = np.exp(said) / (np.exp(said).sum() + rest)
    return _KNOWN[key]


def said_greedily(
    context: Preceding, push: FloatArray = NO_PUSH, *, sentences: int
) -> tuple[str, ...]:
    """What the model says at temperature 0."""
    here = context
    found: list[str] = []
    for _ in range(sentences):
        found.append(_SENTENCES[int(np.argmax(_shares(here, push)))])
        here = here.said(found[-1])
    return tuple(found)


def streams_of(messages: Sequence[Message], sentences: Sequence[str]) -> FloatArray:
    """The residual stream (tokens × width) at each token of a conversation and its completion,
    after any layer but the last, the first token's included."""
    own, axes = STRENGTHS, basis()
    tokens = [*_rendered(tuple(messages)), *sentences]
    rows, here = [], Preceding((), False)
    for token in tokens:
        here = Preceding(here.values, here.asked or bool(_DIGIT.fullmatch(token)))
        if token in VALUES or token == BROKEN:
            here = here.said(token)
        digit = own.valued * bool(_DIGIT.fullmatch(token))
        rows.append(stream(here) + digit * axes["digit"])
    rows[0] = rows[0] + own.sink * axes["sink"]
    return np.array(rows)
