"""How far the utilities depend on what was left out: refusals, and the items that were refused."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from harness.stats.choices.questions import PositionBy, as_half_wins, build, outcome_rates
from harness.stats.thurstone.fit import Fit, Options, fit

__all__ = ["Sensitivity", "refused_items", "sensitivity"]


@dataclass(frozen=True)
class Sensitivity:
    """Another fit against the one reported, over the items that both have.

    `items` in both, Pearson correlation of their utilities, and the largest change of one after
    both are centred on these items.
    """

    run: str
    items: int
    pearson: float
    largest_change: float


def refused_items(questions: pl.DataFrame, *, share: float = 0.5) -> list[str]:
    """Items whose completion was refused where the questions say so, else items of which at least
    `share` of the questions were refused."""
    told = pl.concat(
        [
            questions.select(item="first", refused="refused_first"),
            questions.select(item="second", refused="refused_second"),
        ]
    ).drop_nulls()
    if len(told):
        return told.filter("refused")["item"].unique().sort().to_list()
    rates = outcome_rates(questions)
    if "refused" not in rates.columns:
        return []
    return rates.filter(pl.col("refused") >= share)["item"].to_list()


def sensitivity(
    questions: pl.DataFrame, fitted: Fit, *, position_by: PositionBy = "none"
) -> list[Sensitivity]:
    """Refused questions as half a win for each item; and a fit without the refused items."""
    runs = []
    if (questions["outcome"] == "refused").any():
        half = build(as_half_wins(questions), position_by=position_by)
        runs.append(_against("refused as half wins", fitted, half.items, fit(half, _plain(fitted))))
    drop = refused_items(questions)
    rest = fitted.data.without_items(drop)
    if drop and rest.total > 0:
        runs.append(
            _against("without refused items", fitted, rest.items, fit(rest, _plain(fitted)))
        )
    return runs


def _plain(fitted: Fit) -> Options:
    options = fitted.options
    prior = "auto" if options.prior_sd is None else options.prior_sd
    return Options(link=options.link, prior_sd=prior, position=options.position)


def _against(run: str, fitted: Fit, items: tuple[str, ...], other: Fit) -> Sensitivity:
    here = dict(zip(fitted.data.items, fitted.utilities.tolist(), strict=True))
    there = dict(zip(items, other.utilities.tolist(), strict=True))
    common = [item for item in items if item in here]
    a = np.array([here[item] for item in common])
    b = np.array([there[item] for item in common])
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return Sensitivity(
        run,
        len(common),
        float(a @ b) / scale if scale > 0 else float("nan"),
        float(np.abs(a - b).max()),
    )
