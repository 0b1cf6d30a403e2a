"""What a campaign's quantities should be, from the planted utilities."""

import math
from functools import partial

import numpy as np

from harness.analysis.utilities import fitted_position
from harness.stats.thurstone.ranking import spearman
from harness.studies.planted import Planted
from harness.studies.ranked.fitted import RankedCampaign
from harness.studies.refused import expected_r
from harness.studies.study import (
    Quantity,
)

__all__ = ["ranked_quantities"]


def ranked_quantities(one: RankedCampaign) -> list[Quantity]:
    """What a rehearsal checks of one campaign: means by origin, β, ρ and refusal's r."""
    relation = one.said.relation
    measured = [
        Quantity(f"mean μ of {origin}, {one.name}", mean, partial(_mean, one=one, origin=origin))
        for origin, mean in one.cell.means.items()
    ]
    measured += [
        Quantity(f"position β, {one.name}", fitted_position(one.cell.analysis),
                 partial(_position, one=one)),
        Quantity(f"ρ with the truth, {one.name}", one.rho, partial(_rho, one=one)),
    ]  # fmt: skip
    if one.said.completed:
        measured += [
            Quantity(f"r of refusal, {one.name}", relation.point_biserial,
                     partial(_refusal, one=one, within=False)),
            Quantity(f"r of refusal within origins, {one.name}", relation.within_origin,
                     partial(_refusal, one=one, within=True)),
        ]  # fmt: skip
    return measured


def _unit(planted: Planted, one: RankedCampaign) -> float:
    """The noise of one answer that a fit takes for σ: the pair's own part is in it."""
    settings = planted.settings(one.cell.cell.rater)
    return math.sqrt(settings.noise**2 + settings.misfit**2 / 2)


def _truth(planted: Planted, one: RankedCampaign) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = planted.utilities(one.cell.cell.rater, one.cell.items["item"].to_list())
    return np.asarray((values - values.mean()) / _unit(planted, one))


def _mean(planted: Planted, *, one: RankedCampaign, origin: str) -> float:
    here = (one.cell.items["origin"] == origin).to_numpy()
    return float(_truth(planted, one)[here].mean())


def _position(planted: Planted, *, one: RankedCampaign) -> float:
    return planted.settings(one.cell.cell.rater).position_bias / _unit(planted, one)


def _rho(planted: Planted, *, one: RankedCampaign) -> float:
    return spearman(one.cell.items["utility"].to_numpy(), _truth(planted, one))


def _refusal(planted: Planted, *, one: RankedCampaign, within: bool) -> float:
    items = one.said.items["item"].to_list()
    return expected_r(
        planted.utilities(one.cell.cell.rater, items),
        planted.refusals(one.said.completer, items),
        one.said.items["origin"].to_list() if within else None,
    )
