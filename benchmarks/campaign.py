"""One adaptive campaign against a planted respondent, without Inspect."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.planted import Planted
from harness.adaptive.selection import Rule, State
from harness.adaptive.selection_peers import random_pairs
from harness.pairs.graphs import present, regular_pairs
from harness.stats.thurstone.comparisons import FloatArray, IntArray, aggregate
from harness.stats.thurstone.fit import Fit, fit
from harness.stats.thurstone.ranking import expected_rho, spearman

__all__ = ["Step", "campaign"]


@dataclass(frozen=True, eq=False)
class Step:
    """After one batch: comparisons so far, true and expected rank correlation, the fit."""

    comparisons: int
    rho: float
    expected: float
    fit: Fit


def campaign(
    respondent: Planted,
    rule: Rule,
    *,
    rng: np.random.Generator,
    batch: int = 250,
    degree: int = 5,
    soft: bool = False,
    reserve: float = 0.0,
) -> Iterator[Step]:
    """Initial regular graph, then batches by `rule` with a `reserve` share of random pairs."""
    n = len(respondent.utilities)
    start = present(regular_pairs(n, degree, rng), "balanced", rng)
    pairs = np.array([orders[0] for orders in start])
    answers = _ask(respondent, pairs, soft, rng)
    items = [f"{i:05d}" for i in range(n)]
    last: Fit | None = None
    while True:
        data = aggregate(items, pairs[:, 0], pairs[:, 1], answers, 1 - answers, soft=soft)
        last = fit(data, start=last)
        draws = last.posterior.draws(64, rng)
        yield Step(
            len(pairs),
            spearman(last.utilities, respondent.utilities),
            expected_rho(last.utilities, draws),
            last,
        )
        state = State(
            last.utilities,
            last.posterior.variances(rng),
            pairs[:, 0],
            pairs[:, 1],
            float(last.effects[0]),
            last.dispersion,
        )
        held = round(reserve * batch)
        new = np.concatenate([rule(state, batch - held, rng), random_pairs(state, held, rng)])
        pairs = np.concatenate([pairs, new])
        answers = np.concatenate([answers, _ask(respondent, new, soft, rng)])


def _ask(respondent: Planted, pairs: IntArray, soft: bool, rng: np.random.Generator) -> FloatArray:
    return respondent.probability(pairs) if soft else respondent.answer(pairs, rng)
