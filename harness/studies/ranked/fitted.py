"""One campaign's utilities with all that the study says of them."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from harness.analysis.convergence import convergence
from harness.analysis.utilities import UtilityCell
from harness.stats.intervals import Estimate, estimate_of
from harness.stats.thurstone.ranking import rho_band
from harness.studies.refused import Verdicts, verdicts, without_refused
from harness.studies.study import (
    Given,
)

__all__ = ["RankedCampaign", "ranked", "rest_words", "without_refused_items"]

_DRAWS = 400


@dataclass(frozen=True)
class RankedCampaign:
    """One campaign with all that is said of it. `rest` are utilities without refused items."""

    cell: UtilityCell
    said: Verdicts
    rest: pl.DataFrame | None
    trace: pl.DataFrame
    rho: Estimate
    number: int

    @property
    def name(self) -> str:
        return self.cell.cell.name


def ranked(one: UtilityCell, given: Given, number: int) -> RankedCampaign:
    """The fit of one cell with its verdicts, its trace and its fit without refused items."""
    fitted = one.analysis.fit
    said = verdicts(one, given)
    drawn = fitted.posterior.draws(_DRAWS, np.random.default_rng(given.bootstrap.seed))
    mean, low, high = rho_band(fitted.utilities, drawn)
    known = one.analysis.summary["expected_rho"] is not None
    return RankedCampaign(
        cell=one,
        said=said,
        rest=without_refused(fitted, said.refused, seed=given.bootstrap.seed),
        trace=convergence(one.cell.frame, seed=given.bootstrap.seed),
        rho=Estimate(
            estimate=mean if known else math.nan,
            low=low if known else math.nan,
            high=high if known else math.nan,
            n=fitted.data.n,
            interval="posterior",
        ),
        number=number,
    )


def rest_words(one: RankedCampaign) -> str:
    """Which items the refusal figures rest on, and who judged them."""
    of = one.cell.items.height
    if not one.said.completed:
        return f"no completion was judged: an item is refused when half its questions are, {of}"
    return (
        f"{one.said.items.height} of {of} items, completed by {one.said.completer}, judged by "
        f"{one.said.judge}"
    )


def without_refused_items(one: RankedCampaign) -> dict[str, Estimate]:
    """Utility of each item in the fit without refused items; empty where there is none."""
    if one.rest is None:
        return {}
    return {
        row["item"]: estimate_of(row | {"n": round(row["comparisons"])}, key="utility")
        for row in one.rest.iter_rows(named=True)
    }
