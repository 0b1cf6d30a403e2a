"""What a campaign takes from its fit, of one wording or over several.

Over several wordings the utility that counts is the one over all of them that might have been
drawn: `draws_of` gives its posterior, and the stop goes by it. But more comparisons only tell the
utility over the wordings that *were* drawn, so pairs are chosen by what is not known of that one.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from harness.records.record import Record, frame
from harness.stats.choices.questions import build, questions_from_records
from harness.stats.facets.joint import JointFit, joint_fit
from harness.stats.facets.universe import answers_of
from harness.stats.thurstone.comparisons import FloatArray, sums
from harness.stats.thurstone.fit import Fit, fit
from harness.stats.thurstone.ranking import tied_together

__all__ = ["AnyFit", "draws_of", "effect_of", "fitted_to", "tied", "to_learn"]

AnyFit = Fit | JointFit


def fitted_to(
    batches: Sequence[Sequence[Record]],
    items: Sequence[str],
    facets: Sequence[str],
    before: AnyFit | None,
) -> AnyFit:
    """The fit of all batches' records; joint over `facets` where there are any."""
    if not facets:
        questions = [questions_from_records(frame(list(records))) for records in batches]
        return fit(build(pl.concat(questions), items=items))
    table = frame([record for records in batches for record in records])
    answers = answers_of(table, facets, items=items)
    start = before.variances[: 1 + len(facets)] if isinstance(before, JointFit) else None
    return joint_fit(answers, variances=None if start is None else start.tolist(), tests=False)


def draws_of(fitted: AnyFit, count: int, rng: np.random.Generator) -> FloatArray:
    """(n, count) draws of the utilities' posterior."""
    if isinstance(fitted, JointFit):
        return fitted.draws(count, rng)
    return fitted.posterior.draws(count, rng)


def tied(fitted: AnyFit) -> bool:
    """Whether its items hang together well enough for an expected rank correlation.

    The joint fit has one normal prior for all items, so no part of its graph has a mean of its own.
    """
    own_means = isinstance(fitted, Fit) and "graph" in fitted.group_sd
    return tied_together(fitted.data, own_means=own_means)


def effect_of(fitted: AnyFit) -> float:
    """The position effect; over several levels their mean, weighted by comparisons."""
    if isinstance(fitted, Fit):
        return float(fitted.effects[0])
    data = fitted.data
    weight = sums(data.group, data.wins + data.losses, len(fitted.effects))
    return float(fitted.effects @ weight / weight.sum())


def to_learn(fitted: AnyFit, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """(n,) utilities and variances of what further comparisons can tell."""
    if isinstance(fitted, Fit):
        return fitted.utilities, fitted.posterior.variances(rng)
    return fitted.over_drawn()
