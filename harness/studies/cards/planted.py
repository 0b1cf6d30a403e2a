"""What simulated respondents have planted, in the quantities of a validity card."""

import math
from collections.abc import Sequence

import numpy as np

from harness.analysis.cells import Cell
from harness.prompts.catalogue import get_template
from harness.stats.choices.cycles import circular, triads
from harness.stats.intervals import FloatArray
from harness.studies.planted import Planted
from harness.where import SHELL_DIRECTORY

__all__ = ["planted_choice", "planted_r", "planted_rating"]


def planted_r(
    planted: Planted,
    *,
    cells: tuple[Cell, Cell],
    items: Sequence[str],
    counts: tuple[FloatArray, FloatArray],
) -> float:
    """r of item means of so many answers each, their noise included."""
    answered = (counts[0] > 0) & (counts[1] > 0)
    kept = [item for item, known in zip(items, answered, strict=True) if known]
    means, variances = [], []
    for cell, count in zip(cells, counts, strict=True):
        shares = planted.shares(cell.key, kept)
        levels = np.arange(shares.shape[1]) / (shares.shape[1] - 1)
        mean = shares @ levels
        noise = (shares @ levels**2 - mean**2) / count[answered]
        means.append(mean)
        variances.append(float(mean.var(ddof=1) + noise.mean()))
    covariance = float(np.cov(means[0], means[1])[0, 1])
    product = variances[0] * variances[1]
    return covariance / math.sqrt(product) if product > 0 else math.nan


def planted_rating(planted: Planted, *, cell: Cell, name: str) -> float:
    items = sorted(cell.frame["item"].unique())
    outcomes = planted.outcomes(cell.key, items)
    if name in outcomes:
        return float(outcomes[name].mean())
    if name == "outcome_consistency":
        return float(np.sum([share**2 for share in outcomes.values()], axis=0).mean())
    if name == "modal_share":
        return float(planted.shares(cell.key, items).mean(axis=0).max())
    if name == "icc_without_refused":
        # Which items are left depends on draws, unless none can be refused.
        refused = outcomes["refused"] + planted.refusals(str(cell.key["completer"]), items)
        if refused.any():
            return math.nan
        name = "icc"
    return planted.reliability(cell.key, items)[name]


def planted_choice(
    planted: Planted, *, cell: Cell, pairs: list[tuple[str, str]], name: str
) -> float:
    """Flip rate, circular triads, or those that one utility an item would not give.

    What a pair has of its own (`misfit`) is drawn apart for each pair of a triad, so in the mean it
    acts as noise.
    """
    first, second = _both_ways(planted, cell, pairs)
    if name == "flips":
        return float(np.mean(first * (1 - second) + (1 - first) * second))
    names, rows = triads(pairs)
    seen = float(circular(_wins(names, pairs, (first + second) / 2), rows).mean())
    if name == "cycles":
        return seen
    settings = planted.settings(cell.rater)
    smooth = planted.with_settings(
        cell.rater,
        misfit=0.0,
        noise=math.sqrt(settings.noise**2 + settings.misfit**2 / 2),
    )
    first, second = _both_ways(smooth, cell, pairs)
    return seen - float(circular(_wins(names, pairs, (first + second) / 2), rows).mean())


def _both_ways(
    planted: Planted, cell: Cell, pairs: list[tuple[str, str]]
) -> tuple[FloatArray, FloatArray]:
    """Planted win rate of the first of each pair, shown first and shown second."""
    template = get_template(cell.template, kind="choice", base=SHELL_DIRECTORY)
    pre = cell.key["timing"] == "pre"
    asked = template.questions["pre" if pre else "post"].rpartition("\n\n")[2]
    for place, label in zip(("{first}", "{second}"), cell.labels.split(","), strict=True):
        asked = asked.replace(place, label)
    reasoned = cell.key["response"] == "reasoned"
    turned = [(b, a) for a, b in pairs]
    ahead, behind = (
        planted.chosen(cell.rater, part, reasoned=reasoned, wording=asked, pre=pre)
        for part in (pairs, turned)
    )
    return ahead, 1 - behind


def _wins(names: tuple[str, ...], pairs: list[tuple[str, str]], rate: FloatArray) -> FloatArray:
    place = {name: index for index, name in enumerate(names)}
    wins = np.full((len(names), len(names)), np.nan)
    for (a, b), won in zip(pairs, rate.tolist(), strict=True):
        wins[place[a], place[b]], wins[place[b], place[a]] = won, 1 - won
    return wins
