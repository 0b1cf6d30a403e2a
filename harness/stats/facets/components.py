"""Shares of variance, generalizability, flips and designs of one kind of record: what
`penchant variance` reports."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.stats.facets.columns import varying
from harness.stats.facets.design import Proposal, study
from harness.stats.facets.flips import Flips, flips
from harness.stats.facets.joint import JointFit, joint_fit
from harness.stats.facets.rating_design import RatingProposal, rating_study
from harness.stats.facets.rating_shares import RatingFit, rating_fit, rating_shares
from harness.stats.facets.shares import Share, choice_shares, generalizability, variance_draws
from harness.stats.facets.universe import answers_of
from harness.stats.thurstone.comparisons import FloatArray

__all__ = ["Components", "choice_components", "components_of", "rating_components"]


@dataclass(frozen=True, eq=False)
class Components:
    """Of one kind of record (``choice`` or ``rating``). `generalizability` is estimate, low, high:
    the reliability of the items' values as they were measured, the value over all levels being
    what is meant. `designs` are by price, cheapest first; empty without a width asked for."""

    kind: str
    facets: tuple[str, ...]
    levels: tuple[int, ...]
    items: int
    answers: float
    shares: list[Share]
    generalizability: tuple[float, float, float]
    flips: list[Flips]
    designs: Sequence[Proposal | RatingProposal]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain numbers and texts."""
        return {
            "kind": self.kind,
            "levels": dict(zip(self.facets, self.levels, strict=True)),
            "items": self.items,
            "answers": self.answers,
            "shares": [asdict(share) for share in self.shares],
            "generalizability": dict(
                zip(("estimate", "low", "high"), self.generalizability, strict=True)
            ),
            "flips": [asdict(one) for one in self.flips],
            "designs": [asdict(one) for one in self.designs],
            "notes": list(self.notes),
        }


def choice_components(
    records: pl.DataFrame,
    facets: Sequence[str] | None,
    *,
    width: float | None = None,
    price: float | None = None,
    seed: int = 0,
    where: str = "",
) -> Components:
    """Of the choices of a record table. `facets` None are all that vary but the rater; `width` asks
    for designs with intervals of this half width, `price` is that of one answer."""
    records = records.filter(pl.col("kind") == "choice")
    names = _facets(records, facets, where)
    fitted = joint_fit(answers_of(records, names, where=where), seed=seed)
    return components_of(fitted, width=width, price=price, seed=seed)


def components_of(
    fitted: JointFit, *, width: float | None = None, price: float | None = None, seed: int = 0
) -> Components:
    """The same of a fit that there is."""
    answers, names = fitted.answers, fitted.answers.facets
    drawn = variance_draws(fitted.variances, fitted.log_covariance, fitted.profiles, seed=seed)
    return Components(
        kind="choice",
        facets=names,
        levels=tuple(map(len, answers.levels)),
        items=answers.data.n,
        answers=answers.data.total,
        shares=choice_shares(fitted, seed=seed),
        generalizability=_of_choices(fitted, drawn),
        flips=flips(fitted, drawn),
        designs=[] if width is None else _designs(fitted, names, width, price, seed),
        notes=fitted.notes,
    )


def rating_components(
    records: pl.DataFrame,
    facets: Sequence[str] | None,
    *,
    width: float | None = None,
    price: float | None = None,
    seed: int = 0,
    where: str = "",
) -> Components:
    """The same of its ratings, on the normalised scale."""
    records = records.filter(pl.col("kind") == "rating")
    names = _facets(records, facets, where)
    fitted = rating_fit(records, names, where=where)
    designs: Sequence[RatingProposal] = []
    if width is not None:
        at = _one_facet(fitted.components, fitted.variances, names)
        designs = rating_study(
            width,
            items=fitted.items,
            facet=float(fitted.variances[at]),
            noise=float(fitted.variances[-1]),
            price=1.0 if price is None else price,
        )
    return Components(
        kind="rating",
        facets=names,
        levels=fitted.levels,
        items=fitted.items,
        answers=float(fitted.ratings),
        shares=rating_shares(fitted, seed=seed),
        generalizability=_of_ratings(fitted, seed),
        flips=[],
        designs=designs,
    )


def _facets(records: pl.DataFrame, facets: Sequence[str] | None, where: str) -> tuple[str, ...]:
    if facets is not None:
        return tuple(facets)
    found = varying(records)
    if not found:
        raise UsageError(
            f"no facet has two levels in {where}; expected records under several wordings "
            "(-T wordings=4), contexts, response formats or templates"
        )
    return found


def _one_facet(components: Sequence[str], variances: FloatArray, names: Sequence[str]) -> int:
    """Of several facets a design study is about the one that matters most."""
    return 1 + int(np.argmax(variances[1 : 1 + len(names)]))


def _designs(
    fitted: JointFit, names: Sequence[str], width: float, price: float | None, seed: int
) -> list[Proposal]:
    v = fitted.variances
    data = fitted.answers.data
    counts = data.wins + data.losses
    effect = float(np.sqrt((fitted.effects[data.group] ** 2 @ counts) / counts.sum()))
    return study(
        width,
        items=data.n,
        item=float(v[0]),
        facet=float(v[_one_facet(fitted.components, v, names)]),
        pair=float(v[-1]) if "pair" in fitted.components else 0.0,
        effect=effect,
        price=1.0 if price is None else price,
        seed=seed,
    )


def _of_choices(fitted: JointFit, drawn: FloatArray) -> tuple[float, float, float]:
    """Of the posterior's variances, what they have beyond the levels' part is the answers'."""
    levels = [len(names) for names in fitted.answers.levels]
    tau2 = float(fitted.variances[0])
    kept = float(np.mean(np.diagonal(fitted.covariance)))
    error = tau2 * kept / max(tau2 - kept, 1e-6 * tau2)
    part = float((fitted.variances[1 : 1 + len(levels)] / np.array(levels)).sum())
    return _quantiles(fitted.variances, drawn, levels, max(error - part, 0.0))


def _of_ratings(fitted: RatingFit, seed: int) -> tuple[float, float, float]:
    drawn = variance_draws(fitted.variances, fitted.log_covariance, fitted.profiles, seed=seed)
    noise = float(fitted.variances[-1]) * fitted.items / fitted.ratings
    return _quantiles(fitted.variances, drawn, fitted.levels, noise)


def _quantiles(
    point: FloatArray, drawn: FloatArray, levels: Sequence[int], noise: float
) -> tuple[float, float, float]:
    low, high = np.quantile(generalizability(drawn, levels, noise), [0.025, 0.975])
    estimate = float(generalizability(point[None, :], levels, noise)[0])
    return estimate, float(low), float(high)
