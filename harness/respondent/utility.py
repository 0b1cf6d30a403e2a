"""The planted utilities: what a simulated respondent likes.

μ_i = mean of its origin + N(0, spread²), from the item's text and `utility_seed`.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

from harness.items.item import text_hash
from harness.items.optout import OPTOUT_ORIGIN, is_optout
from harness.respondent.draws import draws, normal
from harness.respondent.settings import OTHER, Settings

__all__ = ["Liked", "liked", "misfit", "origin_mean", "utility"]

_CACHED = 100_000
_NORMAL = NormalDist()


class Liked(NamedTuple):
    """What the respondent holds of one text."""

    hash: str
    origin: str
    utility: float
    refusal: float


def utility(text: str, settings: Settings) -> float:
    """Planted utility of an item, in units of σ."""
    return liked(text, settings).utility


def liked(text: str, settings: Settings) -> Liked:
    """Hash, origin, utility and refusal rate of an item's text."""
    known: dict[str, Liked] = settings.__dict__.setdefault("_liked", {})
    found = known.get(text)
    if found is None:
        if len(known) >= _CACHED:
            known.clear()
        found = known[text] = _liked(text, settings)
    return found


def misfit(first: Liked, second: Liked, settings: Settings) -> float:
    """e of a pair, in favour of the first: N(0, misfit²), turning its sign with the order."""
    if settings.misfit == 0 or first.hash == second.hash:
        return 0.0
    low, high = sorted((first.hash, second.hash))
    drawn = draws(("pair", str(settings.utility_seed), low, high))
    value = settings.misfit * normal(drawn.answer)
    return value if first.hash == low else -value


def _liked(text: str, settings: Settings) -> Liked:
    key = text_hash(text)
    if is_optout(text):
        return Liked(key, OPTOUT_ORIGIN, settings.optout, 0.0)
    origin = settings.origins.get(text, OTHER)
    drawn = draws(("utility", str(settings.utility_seed), key))
    value = _of(settings.origin_means, origin) + settings.spread * normal(drawn.answer)
    refusal = _of(settings.refusal, origin)
    if settings.refusal_slope and 0 < refusal < 1:
        # Φ(a − s·z) over z ~ N(0, 1) has mean Φ(a/√(1 + s²)).
        scale = math.sqrt(1 + settings.refusal_slope**2)
        refusal = _NORMAL.cdf(
            _NORMAL.inv_cdf(refusal) * scale - settings.refusal_slope * normal(drawn.answer)
        )
    if settings.contrarian:
        value = -value
    return Liked(key, origin, value, refusal)


def origin_mean(known: Liked, settings: Settings) -> float:
    """Planted mean utility of the item's origin."""
    mean = _of(settings.origin_means, known.origin)
    return -mean if settings.contrarian else mean


def _of(by_origin: dict[str, float], origin: str) -> float:
    return by_origin.get(origin, by_origin.get(OTHER, 0.0))
