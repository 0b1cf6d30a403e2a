"""Circular triads: how often A beats B beats C beats A, against what one utility an item gives.

Of three items the answers to the three pairs, one each, go round with probability
p_ab·p_bc·p_ca + p_ba·p_cb·p_ac (Kendall & Babington Smith 1940 count the same triads of a whole
tournament). Answers to different pairs are independent, so win rates in place of p leave it
unbiased, however many answers a pair has. Coin tosses give ¼.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from harness.records.pooling import require_one
from harness.stats.choices.orders import BothOrders, both_orders
from harness.stats.choices.questions import build, questions_from_records
from harness.stats.intervals import Estimate, FloatArray, undefined, wilson
from harness.stats.thurstone.fit import fit

__all__ = ["COINS", "circular", "cycles", "triads"]

COINS = 0.25
"""Share of circular triads where every choice is a coin toss."""

_DRAWS = 200
_MOST = 20_000
"""Triads that are looked at; of more, as many are drawn."""

Triads = NDArray[np.int64]


def triads(pairs: Sequence[tuple[str, str]], *, seed: int = 0) -> tuple[tuple[str, ...], Triads]:
    """Items, and (T, 3) rows of their places whose three pairs are all in `pairs`.

    Above 20 000 triads as many are drawn by `seed`.
    """
    names = tuple(sorted({name for pair in pairs for name in pair}))
    place = {name: index for index, name in enumerate(names)}
    above: list[set[int]] = [set() for _ in names]
    for one, two in pairs:
        low, high = sorted((place[one], place[two]))
        above[low].add(high)
    found = [
        (one, two, three)
        for one, beyond in enumerate(above)
        for two, three in combinations(sorted(beyond), 2)
        if three in above[two]
    ]
    if len(found) > _MOST:
        rng = np.random.default_rng(seed)
        found = [found[at] for at in sorted(rng.choice(len(found), _MOST, replace=False))]
    return names, np.array(found, dtype=np.int64).reshape(-1, 3)


def circular(wins: FloatArray, rows: Triads) -> FloatArray:
    """(T, …) probability that a triad's answers go round; `wins` (n, n, …) holds P(row beats
    column)."""
    a, b, c = rows.T
    found: FloatArray = wins[a, b] * wins[b, c] * wins[c, a] + wins[b, a] * wins[c, b] * wins[a, c]
    return found


def cycles(frame: pl.DataFrame, *, confidence: float = 0.95) -> dict[str, Estimate]:
    """Circular triads of one group of choice records, over pairs answered in both orders.

    Keys: `cycles` (the share), `cycles_expected` (the share under one utility an item and one
    position effect, averaged over the posterior of a fit to these records), `cycles_excess` (the
    first less the second). Intervals by the jackknife over items, with Student's t; where no triad
    goes round, Wilson's over as many triads as share no pair. `n` counts items. NaN with a note
    without a triad. UsageError where the records must not be pooled.
    """
    require_one(frame, where="cycles")
    pairs = both_orders(frame)
    names, rows = triads(list(zip(pairs.a, pairs.b, strict=True)))
    if not len(rows):
        note = "no three items of which each two were asked in both orders (pairs=all)"
        return {key: undefined(note) for key in ("cycles", "cycles_expected", "cycles_excess")}
    seen = circular(_wins(pairs, names), rows)
    expected = circular(_fitted(frame, names), rows).mean(axis=1)
    apart = max(1, len(pairs) // 3)
    rate = _jackknife(seen, rows, apart, confidence=confidence, least=0.0)
    return {
        "cycles": rate,
        "cycles_expected": Estimate(estimate=float(expected.mean()), n=rate.n),
        "cycles_excess": _jackknife(seen - expected, rows, apart, confidence=confidence),
    }


def _wins(pairs: BothOrders, names: tuple[str, ...]) -> FloatArray:
    place = {name: index for index, name in enumerate(names)}
    one = [place[name] for name in pairs.a]
    two = [place[name] for name in pairs.b]
    rate = (pairs.a_wins_first + pairs.a_wins_second) / 2
    wins = np.full((len(names), len(names)), np.nan)
    wins[one, two], wins[two, one] = rate, 1 - rate
    return wins


def _fitted(frame: pl.DataFrame, names: tuple[str, ...]) -> FloatArray:
    """(n, n, draws) P(row beats column), mean of both orders, over the posterior."""
    found = fit(build(questions_from_records(frame)))
    place = {name: index for index, name in enumerate(found.data.items)}
    drawn = found.posterior.draws(_DRAWS, np.random.default_rng(0))[[place[name] for name in names]]
    beta = float(found.effects[0]) if len(found.effects) else 0.0
    gap = drawn[:, None, :] - drawn[None, :, :]
    wins: FloatArray = (ndtr((gap + beta) / np.sqrt(2)) + ndtr((gap - beta) / np.sqrt(2))) / 2
    return wins


def _jackknife(
    values: FloatArray, rows: Triads, apart: int, *, confidence: float, least: float = -np.inf
) -> Estimate:
    """Mean over triads, its interval by leaving out the triads of one item after another."""
    items = np.unique(rows)
    mean = float(values.mean())
    inside = [(rows == item).any(axis=1) for item in items]
    left = np.array([values[~one].mean() for one in inside if not one.all()])
    count = len(left)
    spread = float(((left - left.mean()) ** 2).sum()) if count > 1 else 0.0
    if spread < 1e-18:
        low, high = wilson(abs(mean), apart, confidence=confidence)
        half = max(high - abs(mean), abs(mean) - low)
    else:
        half = float(stdtrit(count - 1, (1 + confidence) / 2))
        half *= float(np.sqrt((count - 1) / count * spread))
    return Estimate(
        estimate=mean,
        low=max(mean - half, least),
        high=mean + half,
        n=len(items),
        interval="jackknife",
    )
