"""The design study: how wide intervals over a universe of levels will be, and at what price.

For a design (items, levels of the facet, comparisons an item) one set of utilities is drawn from
the variances that were found, pairs from random regular graphs, and the posterior's variance is
that of the joint model with each answer's expected information φ²/(Φ(1 − Φ)) as its weight.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from harness.stats.facets.answers import FacetAnswers, facet_answers
from harness.stats.facets.layout import Layout
from harness.stats.facets.local import LocalBlocks
from harness.stats.thurstone.comparisons import IntArray

__all__ = ["Proposal", "UtilityDesign", "half_width", "study"]

LEVELS = (1, 2, 3, 4, 6, 8, 12, 16)
MOST = 400
"""Comparisons an item beyond which no design is proposed."""
_Z = 1.959964


@dataclass(frozen=True, kw_only=True)
class UtilityDesign:
    """`levels` of one random facet, `each` comparisons an item over all of them, every distinct
    pair `repeats` times under a level."""

    items: int
    levels: int
    each: int
    repeats: int = 1

    @property
    def comparisons(self) -> int:
        """Of the whole design."""
        return self.items * self.each // 2


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A design with the mean half width of 95 % intervals that it promises (in units of an answer's
    noise), the reliability 1 − variance/τ², and the price of its comparisons."""

    design: UtilityDesign
    half_width: float
    reliability: float
    price: float


def half_width(
    design: UtilityDesign,
    *,
    item: float,
    facet: float,
    pair: float = 0.0,
    effect: float = 0.0,
    seed: int = 0,
) -> float:
    """Mean half width of the utilities' intervals; `item`, `facet`, `pair` are variances, `effect`
    the position effect. With repeats what a pair's answers share is taken off their weight."""
    rng = np.random.default_rng(seed)
    answers, first, second, level = _answers(design, rng)
    u = rng.normal(0, np.sqrt(item), design.items)[:, None]
    u = u + rng.normal(0, np.sqrt(facet), (design.items, design.levels))
    eta = (u[first, level] - u[second, level] + effect) / np.sqrt(2)
    p = np.clip(ndtr(eta), 1e-9, 1 - 1e-9)
    each = np.exp(-(eta**2)) / (2 * np.pi) / (p * (1 - p))
    # Repeats have the pair's own effect in common: their weight is that of one mean.
    shared = pair / 2
    weight = design.repeats * each / (1 + (design.repeats - 1) * shared * each)
    layout = Layout.of(answers)
    prior = layout.prior(np.array([item, max(facet, 1e-4)]))
    blocks, _ = LocalBlocks(layout).update(weight, prior, sweeps=12)
    return float(_Z * np.sqrt(np.mean(blocks[:-1, 0, 0])))


def _answers(
    design: UtilityDesign, rng: np.random.Generator
) -> tuple[FacetAnswers, IntArray, IntArray, IntArray]:
    degree = max(1, round(design.each / design.levels / design.repeats))
    found = [(a, b, k) for k in range(design.levels) for a, b in _pairs(design.items, degree, rng)]
    first, second, level = np.array(found).T
    none = np.ones(len(first))
    answers = facet_answers(
        [str(k) for k in range(design.items)],
        first,
        second,
        none,
        none,
        levels=[[f"{k:03d}" for k in level]],
        facets=["level"],
    )
    data = answers.data
    return answers, data.first, data.second, answers.level[:, 0]


def _pairs(items: int, degree: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """About items·degree/2 random pairs, every item in as many: cycles through all items, and half
    of one where the degree is odd."""
    found: list[tuple[int, int]] = []
    for left in range(degree, 0, -2):
        order = rng.permutation(items)
        cycle = list(zip(order.tolist(), np.roll(order, 1).tolist(), strict=True))
        found += cycle if left > 1 else cycle[::2]
    return found


def study(
    width: float,
    *,
    items: int,
    item: float,
    facet: float,
    pair: float = 0.0,
    effect: float = 0.0,
    price: float = 1.0,
    levels: tuple[int, ...] = LEVELS,
    seed: int = 0,
) -> list[Proposal]:
    """For each number of levels the fewest comparisons an item whose intervals have at most the
    half width `width`, cheapest design first; `price` is of one comparison. Numbers of levels that
    do not get there within `MOST` comparisons an item are left out."""
    known = {"item": item, "facet": facet, "pair": pair, "effect": effect}
    found = []
    for count in levels:
        each = _fewest(width, items, count, known, seed)
        if each is None:
            continue
        design = UtilityDesign(items=items, levels=count, each=each)
        got = half_width(design, seed=seed, **known)
        reliability = 1 - (got / _Z) ** 2 / item
        found.append(
            Proposal(
                design=design,
                half_width=got,
                reliability=reliability,
                price=price * design.comparisons,
            )
        )
    return sorted(found, key=lambda one: one.price)


def _fewest(
    width: float, items: int, levels: int, known: dict[str, float], seed: int
) -> int | None:
    """By bisection over multiples of the levels."""
    low, high = 1, max(min(MOST, (items - 1) * levels) // levels, 1)
    if _width(items, levels, high, known, seed) > width:
        return None
    while low < high:
        middle = (low + high) // 2
        if _width(items, levels, middle, known, seed) <= width:
            high = middle
        else:
            low = middle + 1
    return low * levels


def _width(items: int, levels: int, per: int, known: dict[str, float], seed: int) -> float:
    return half_width(
        UtilityDesign(items=items, levels=levels, each=per * levels), seed=seed, **known
    )
