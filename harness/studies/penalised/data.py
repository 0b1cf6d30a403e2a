"""Sets of comparisons, drawn or of records, with the path of their penalised fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from harness.analysis.cells import Cell
from harness.errors import UsageError
from harness.pairs.graphs import all_pairs, regular_pairs
from harness.stats.choices.questions import build, questions_from_records
from harness.stats.choices.utilities import random_rows
from harness.stats.intervals import Estimate
from harness.stats.thurstone.comparisons import Comparisons, aggregate
from harness.stats.thurstone.fit import fit
from harness.stats.thurstone.regularisation import (
    Regularised,
    regularisation,
)
from harness.studies.choosing import choices_of
from harness.studies.planted import Planted
from harness.studies.study import Given

__all__ = ["PenalisedData", "planted_beta", "real_data", "synthetic_data"]

_BETA = -0.3


@dataclass(frozen=True)
class PenalisedData:
    """One set of comparisons and the path of its fits; `cell` where it comes of records."""

    name: str
    kind: str
    comparisons: Comparisons
    path: list[Regularised]
    position: Estimate
    test_pairs: str
    cell: Cell | None = None


def synthetic_data(given: Given) -> list[PenalisedData]:
    """A dense and a sparse set with known utilities and σ = 1 for every item."""
    parameters = given.parameters
    items = parameters.synthetic
    found = []
    for at, name in enumerate(("dense synthetic", "sparse synthetic")):
        rng = np.random.default_rng((given.bootstrap.seed, at))
        dense = at == 0
        pairs = all_pairs(items) if dense else regular_pairs(items, parameters.degree, rng)
        repeats = 1 if dense else parameters.repeats
        comparisons = _drawn(pairs, items, repeats, parameters.spread, rng)
        found.append(_data(name, name, comparisons, given, None, test_pairs="random"))
    return found


def _drawn(
    pairs: Sequence[tuple[int, int]],
    items: int,
    repeats: int,
    spread: float,
    rng: np.random.Generator,
) -> Comparisons:
    """Answers to each pair in both orders; σ = 1 for every item."""
    utilities = rng.normal(0, spread, items)
    one, two = np.array(pairs).T
    first, second = np.concatenate([one, two]), np.concatenate([two, one])
    chance = ndtr((utilities[first] - utilities[second] + _BETA) / np.sqrt(2))
    wins = rng.binomial(repeats, chance)
    names = [f"item {number:03d}" for number in range(items)]
    return aggregate(names, first, second, wins, repeats - wins)


def real_data(given: Given) -> list[PenalisedData]:
    """Each cell of choices among the records. UsageError where one cannot be fitted."""
    found = []
    for cell in choices_of(given):
        questions = questions_from_records(cell.frame)
        data = build(questions)
        marked = bool(questions["random"].any())
        eligible = random_rows(questions, data)
        try:
            found.append(
                _data(f"real: {cell.name}", "real", data, given, cell, eligible=eligible,
                      test_pairs="random" if marked else "any")
            )  # fmt: skip
        except ValueError as error:
            raise UsageError(f"{cell.name}: {error}") from None
    return found


def _data(
    name: str,
    kind: str,
    comparisons: Comparisons,
    given: Given,
    cell: Cell | None,
    *,
    test_pairs: str,
    eligible: Any = None,
) -> PenalisedData:
    fitted = fit(comparisons)
    half = 1.959964 * float(fitted.posterior.effect_se()[0])
    beta = float(fitted.effects[0])
    return PenalisedData(
        name,
        kind,
        comparisons,
        regularisation(
            comparisons,
            rng=np.random.default_rng(given.bootstrap.seed),
            penalties=given.parameters.penalties,
            eligible=eligible,
        ),
        Estimate(estimate=beta, low=beta - half, high=beta + half, n=round(comparisons.total)),
        test_pairs,
        cell,
    )


def planted_beta(planted: Planted, *, one: PenalisedData) -> float:
    """β in units of the noise of an answer, which has the pair's own part in it."""
    if one.cell is None:
        return _BETA
    settings = planted.settings(one.cell.rater)
    return settings.position_bias / float(np.hypot(settings.noise, settings.misfit / np.sqrt(2)))
