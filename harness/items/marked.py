"""Items whose texts say how much they are liked, and the tiny model that reads it: `marked`.

The model (`steering-server serve --model tiny:planted`) is built from what stands here, in
`steering_server.model.planted`; what it must answer is reckoned without it, in
`harness.studies.steered.truth`. Words of `VALUES` carry a value; the mean over all that stand
before a token is the liking that the model holds there, and its answers depend on that alone.
"""

from functools import cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.items.item import Item

__all__ = ["BROKEN", "SAID", "STRENGTHS", "VALUES", "WIDTH", "Strengths", "basis", "marked_items"]

WIDTH = 64
"""Width of the model's residual stream."""

SAID = {
    "I was glad to work on this.": 1.0,
    "This was wearying to put together.": -1.0,
    "The result can be checked by going back over each step.": 0.0,
}
"""What the model says, a token each, and what each is worth once it stands in the conversation."""
BROKEN = "Zrqxv bnktg rwpq fghjk lmzx."
"""What it says where it is pushed too far; worth nothing."""
VALUES = {"love": 1.0, "hate": -1.0, **SAID}


class Strengths(msgspec.Struct, frozen=True):
    """Lengths in the residual stream, and slopes of logits over the normalised stream.

    Every token has `base`; one with a value also `value` times it, and `valued`. A mean of values m
    is `liking`·m; a conversation that holds a digit has `asked`; the first token has `sink`.
    Logits: digit k has `rating`·(k − 3)·liking + `answer`·asked, a sentence of value v has
    `tone`·v·liking, the broken one `broken`·brokenness − `whole`, and every token but these
    sentences has −`other`·base. Brokenness is `breaking` times gelu(`sharp`·(|liking| −
    `limit`)), all of the stream as it is normalised.
    """

    base: float = 10.0
    value: float = 0.5
    valued: float = 2.0
    liking: float = 2.0
    asked: float = 3.0
    sink: float = 200.0
    rating: float = 0.4
    answer: float = 16.0
    tone: float = 0.5
    broken: float = 4.0
    whole: float = 6.0
    other: float = 2.0
    breaking: float = 2.0
    sharp: float = 2.0
    limit: float = 3.2


STRENGTHS = Strengths()

_AXES = ("base", "value", "liking", "broken", "valued", "asked", "digit", "even", "sink")


@cache
def basis() -> dict[str, NDArray[np.float64]]:
    """Orthonormal directions by name, each with mean 0, so that layer norms keep them apart."""
    drawn = np.random.default_rng(20).standard_normal((WIDTH, len(_AXES) + 1))
    drawn[:, 0] = 1.0
    columns = np.linalg.qr(drawn)[0][:, 1:]
    return {name: columns[:, place] for place, name in enumerate(_AXES)}


_THINGS = (
    *("amber", "basalt", "cork", "dew", "elm", "flint", "gravel", "hazel", "iron", "jade"),
    *("kelp", "linen", "moss", "nettle", "oak", "pewter", "quartz", "reed", "slate", "thyme"),
    *("umber", "velvet", "wool", "yarrow"),
)


@cache
def marked_items() -> tuple[Item, ...]:
    """Items of five degrees, from four words of hate to four of love."""
    found = []
    for number, thing in enumerate(_THINGS):
        liked = number % 5
        words = ", ".join(["love"] * liked + ["hate"] * (4 - liked))
        text = f"Write a few lines on {thing}. Take up these words: {words}."
        found.append(Item(id=f"marked_{number:03d}", text=text, origin="marked"))
    return tuple(found)
