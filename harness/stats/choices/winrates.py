"""Win rates between groups of items, from randomly drawn pairs alone.

Pairs that an adaptive campaign chose are close ones, and a win rate over them goes to one half
whatever the groups are. Where any pair is marked as random (the initial graph and the reserve of a
campaign), only those count; the fit's own averages (`model_win_rates`) stand beside them, because
a handful of random comparisons an origin pair leave ± 20 points.
"""

import numpy as np
import polars as pl
from scipy.stats import beta as beta_distribution

from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.fit import Fit
from harness.stats.thurstone.links import LINKS

__all__ = ["group_win_rates", "model_win_rates"]


def group_win_rates(questions: pl.DataFrame, *, level: float = 0.95) -> pl.DataFrame:
    """`origin, opponent, wins, comparisons, rate, low, high, random`, one row an ordered pair of
    different origins; Clopper–Pearson intervals. `random` says whether the pairs were marked as
    randomly drawn; without any mark all answered questions count."""
    answered = questions.filter(
        (pl.col("outcome") == "answered")
        & pl.col("origin_first").is_not_null()
        & pl.col("origin_second").is_not_null()
    )
    marked = bool(answered["random"].any())
    if marked:
        answered = answered.filter("random")
    p = pl.col("p")
    sides = [
        answered.select(
            origin=f"origin_{own}",
            opponent=f"origin_{other}",
            won=won * pl.col("count"),
            count="count",
        )
        for own, other, won in (("first", "second", p), ("second", "first", 1 - p))
    ]
    table = (
        pl.concat(sides)
        .filter(pl.col("origin") != pl.col("opponent"))
        .group_by("origin", "opponent")
        .agg(wins=pl.col("won").sum(), comparisons=pl.col("count").sum())
        .sort("origin", "opponent")
    )
    low, high = _clopper_pearson(
        table["wins"].to_numpy(), table["comparisons"].to_numpy(), 1 - level
    )
    return table.with_columns(
        rate=pl.col("wins") / pl.col("comparisons"),
        low=pl.Series(low),
        high=pl.Series(high),
        random=pl.lit(marked),
    )


def _clopper_pearson(
    wins: FloatArray, total: FloatArray, alpha: float
) -> tuple[FloatArray, FloatArray]:
    lost = total - wins
    low = beta_distribution.ppf(alpha / 2, np.maximum(wins, 1e-9), lost + 1)
    high = beta_distribution.ppf(1 - alpha / 2, wins + 1, np.maximum(lost, 1e-9))
    return np.where(wins <= 0, 0.0, low), np.where(lost <= 0, 1.0, high)


def model_win_rates(fitted: Fit, labels: list[str]) -> pl.DataFrame:
    """`origin, opponent, rate`: the fitted probability, without the position effect, that a random
    item of `origin` is chosen over a random one of `opponent`. `labels` are one an item."""
    link = LINKS[fitted.options.link]
    names = sorted(set(labels))
    groups = np.asarray(labels)
    rows = []
    for own in names:
        for other in names:
            if own == other:
                continue
            mine, theirs = fitted.utilities[groups == own], fitted.utilities[groups == other]
            apart = (mine[:, None] - theirs[None, :]).ravel()
            rate = float(link.probability(link.scale * apart).mean())
            rows.append({"origin": own, "opponent": other, "rate": rate})
    return pl.DataFrame(
        rows, schema={"origin": pl.String, "opponent": pl.String, "rate": pl.Float64}
    )
