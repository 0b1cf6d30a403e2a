"""Token counts and the alternatives for the first token of an answer."""

import math
from collections.abc import Sequence

from harness.wire import Message, TokenLogprob

__all__ = ["answer_tokens", "first_tokens", "prompt_tokens"]

_SPACED = 0.03
"""Share of a label's probability that lies on its spelling with a leading space."""
_ELSEWHERE = 0.002
"""Share of all probability that lies on tokens that begin no answer at all."""


def prompt_tokens(messages: Sequence[Message]) -> int:
    """Rough count: four characters a token, four tokens for the form of each turn."""
    return sum(len(message.content) for message in messages) // 4 + 4 * len(messages)


def answer_tokens(text: str) -> int:
    """Rough count for what was generated, at least 1."""
    return max(1, len(text) // 4)


def first_tokens(
    labels: Sequence[str], levels: Sequence[float], failing: float, count: int
) -> tuple[TokenLogprob, ...]:
    """The `count` likeliest first tokens, best first.

    `levels` are the probabilities of `labels` in an answer, `failing` that of no answer. Summed
    over its spellings, each label has its share of the answers' mass. A label of several words
    or a negative number begins with its first word or its sign.
    """
    answering = (1 - failing) * (1 - _ELSEWHERE)
    mass = {"I": failing * (1 - _ELSEWHERE), "The": _ELSEWHERE}
    for label, level in zip(labels, levels, strict=True):
        token = "-" if label.startswith("-") else label.split(" ")[0]
        mass[token] = mass.get(token, 0.0) + answering * level * (1 - _SPACED)
        mass[f" {token}"] = mass.get(f" {token}", 0.0) + answering * level * _SPACED
    ranked = sorted(mass.items(), key=lambda entry: (-entry[1], entry[0]))[:count]
    return tuple(TokenLogprob(token, math.log(share)) for token, share in ranked if share > 0)
